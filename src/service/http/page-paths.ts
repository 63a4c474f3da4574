/** Addresses of the browser application's pages; what they show is asked of `/v1` by the pages themselves. */
export const pagePaths =
  /^\/(?:(?:compare|benchmarks|submit|trainings|admin)?|(?:models|benchmarks|scores|layer-maps|trainings)\/[^/]+)$/;

/** Addresses of the documents that the service shows, their images, and the search over them. */
export const documentPaths = /^\/docs(?:\/(?:(?:images\/)?[\w.-]+)?)?$/;
