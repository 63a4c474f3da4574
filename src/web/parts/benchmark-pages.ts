import { answer, client, type Schemas } from '../client/client.js';
import { useResource } from './use-resource.js';

/** The page, the present version and the origin of each benchmark by the identifier that scores bear. */
export type BenchmarkPages = ReadonlyMap<string, PlacedBenchmark>;

export interface PlacedBenchmark {
  readonly page: string;
  readonly version: number;
  readonly origin: Schemas['Origin'];
}

/** Where the pages of benchmarks are; an upload is found by its id, which scores do not name. */
export const pagesOf = (benchmarks: readonly Schemas['Benchmark'][]): BenchmarkPages =>
  new Map(
    benchmarks.flatMap(({ id, version, origin, benchmarks: held }) => {
      const page = `/benchmarks/${encodeURIComponent(id)}`;
      return held.map((each) => [each.id, { page, version, origin }] as const);
    }),
  );

/** Where the data of a mapped benchmark come from; undefined of one that is not here any more. */
export const originOf = (
  { benchmark, simulated }: { readonly benchmark: string; readonly simulated: boolean },
  pages: BenchmarkPages | undefined,
): Schemas['Origin'] | undefined => (simulated ? 'simulated' : pages?.get(benchmark)?.origin);

/** The pages of all benchmarks that one sees; undefined until they are known. */
export const useBenchmarkPages = (): BenchmarkPages | undefined =>
  useResource(
    async (signal) => pagesOf((await answer(client.GET('/benchmarks', { signal }))).items),
    [],
  ).data;
