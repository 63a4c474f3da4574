import { VentralError } from '../../errors/ventral-error.js';
import type { Work } from '../../runtime/work.js';
import type { LoadedBenchmark } from '../measure/loaded-benchmark.js';
import { loadBenchmarks } from '../registry/load-benchmark.js';
import { benchmarkNames } from '../registry/region-benchmarks.js';
import { findBenchmark } from '../registry/registry.js';
import type { ComparisonRequest } from './comparison-types.js';

/** A benchmark of a comparison, or the reason why it cannot be loaded. */
export interface ComparedBenchmark {
  readonly id: string;
  readonly loaded?: LoadedBenchmark;
  readonly reason?: string;
}

/** The benchmarks of a comparison with their data, opened once for all models. */
export interface Ground {
  readonly benchmarks: readonly ComparedBenchmark[];
  /** Names of those for which a map can choose a layer, as a map takes them. */
  readonly mappable: readonly string[];
  close(): Promise<void>;
}

/**
 * Opens the benchmarks of a comparison; one that cannot be loaded has its reason.
 * @throws VentralError `bad-usage` without any or with two of one name, and the reason of the first where all
 *   fail
 */
export async function openGround(
  request: ComparisonRequest,
  context: { readonly home: string; readonly progress?: Work | undefined },
): Promise<Ground> {
  const names = [...new Set(await benchmarkNames(request, context.home))];
  if (names.length === 0)
    throw new VentralError('bad-usage', 'A comparison needs a region or a benchmark');
  const failed: { readonly id: string; readonly error: VentralError }[] = [];
  const { loaded, close } = await loadBenchmarks(names, context, (id, thrown) => {
    failed.push({ id, error: VentralError.from(thrown) });
  });
  const found: ComparedBenchmark[] = [
    ...loaded.map((each) => ({ id: each.benchmark.id, loaded: each })),
    ...failed.map(({ id, error }) => ({ id, reason: error.details.reason ?? error.message })),
  ];
  const twice = found.find(({ id }, i) => found.findIndex((other) => other.id === id) < i);
  if (loaded.length === 0 || twice) {
    await close();
    if (loaded.length === 0) throw failed[0].error;
    const sentence = `Two of the benchmarks are called ${twice?.id}`;
    throw new VentralError('bad-usage', sentence, { field: 'benchmark', found: twice?.id ?? '' });
  }
  const chooses = new Set(
    loaded.filter(({ layers }) => layers.mappable).map(({ benchmark }) => benchmark.id),
  );
  const mappable = names.filter((name) => idsOf(name).some((id) => chooses.has(id)));
  return { benchmarks: found, mappable, close };
}

/** The benchmarks of a name; none for an unknown name. */
export function idsOf(name: string): string[] {
  try {
    return findBenchmark(name).map(({ id }) => id);
  } catch {
    return [];
  }
}
