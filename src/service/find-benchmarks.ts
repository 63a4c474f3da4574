import { didYouMean } from '../errors/closest-names.js';
import type { Benchmark } from '../scoring/benchmark-file.js';
import { listBenchmarks } from '../scoring/registry.js';
import { RequestProblem } from './problem.js';

/**
 * The benchmarks of a request: over HTTP each is an identifier, never a file.
 * Throws `benchmark-unknown` for all that are not there.
 * @param pointer JSON pointer of the name at a position
 */
export function findBenchmarks(
  ids: readonly string[],
  pointer: (position: number) => string,
): Benchmark[] {
  const known = new Map(listBenchmarks().map((benchmark) => [benchmark.id, benchmark]));
  const parts = ids.flatMap((id, position) => {
    if (known.has(id)) return [];
    const detail = `There is no benchmark "${id}"${didYouMean(id, known.keys())}`;
    return [{ pointer: pointer(position), detail }];
  });
  if (parts.length > 0) {
    throw new RequestProblem('benchmark-unknown', parts.map(({ detail }) => detail).join('; '), {
      parts,
    });
  }
  return ids.map((id) => known.get(id)!);
}
