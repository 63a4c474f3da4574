/** Addresses of the browser application's pages; what they show is asked of `/v1` by the pages themselves. */
export const pagePaths =
  /^\/(?:(?:compare|benchmarks|submit|trainings|admin)?|(?:models|benchmarks|scores|layer-maps|trainings)\/[^/]+)$/;
