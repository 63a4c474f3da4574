import type { Schemas } from '../client/client.js';

/** The page and the present version of each benchmark by the identifier that scores bear. */
export type BenchmarkPages = ReadonlyMap<
  string,
  { readonly page: string; readonly version: number }
>;

/** Where the pages of benchmarks are; an upload is found by its id, which scores do not name. */
export const pagesOf = (benchmarks: readonly Schemas['Benchmark'][]): BenchmarkPages =>
  new Map(
    benchmarks.flatMap(({ id, version, benchmarks: held }) => {
      const page = `/benchmarks/${encodeURIComponent(id)}`;
      return held.map((each) => [each.id, { page, version }] as const);
    }),
  );
