import type { StoreLimits } from '../../data/stored/recording-store.js';
import { VentralError } from '../../errors/ventral-error.js';
import { traced } from '../../runtime/traced.js';
import type { Work } from '../../runtime/work.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { DataSources } from '../benchmark/data-sources.js';
import { kindOf } from '../kinds/benchmark-kinds.js';
import type { LoadedBenchmark } from '../measure/loaded-benchmark.js';
import { findBenchmark } from './registry.js';
import { isVerified } from './verification.js';

/** Benchmarks whose data are open; close them to let the files go. */
export interface LoadedBenchmarks {
  readonly loaded: readonly LoadedBenchmark[];
  close(): Promise<void>;
}

/**
 * Finds benchmarks by identifier or file and reads their data; files that several share are read once.
 * @param fail called for each one that cannot be loaded; the others are
 */
export async function loadBenchmarks(
  names: readonly string[],
  context: {
    readonly home: string;
    readonly progress?: Work | undefined;
    readonly cache?: DataSources['cache'];
  } & StoreLimits,
  fail: (benchmark: string, error: unknown) => void,
): Promise<LoadedBenchmarks> {
  const sources = new DataSources(context.home, context.cache, context);
  const loaded: LoadedBenchmark[] = [];
  const total = names.length;
  const stage = context.progress?.stage({ stage: 'data', total, seconds: total, basis: 'bytes' });
  stage?.at(0);
  try {
    for (const [index, name] of names.entries()) {
      sources.store.told = (share) => stage?.at(index + share, { done: index });
      sources.store.restart();
      for (const benchmark of found(name, fail)) {
        try {
          const prepared = await traced('ventral.data', { benchmark: benchmark.id }, () =>
            kindOf(benchmark).load(benchmark, sources),
          );
          prepared.check?.();
          const measure: LoadedBenchmark['measure'] = (...asked) =>
            traced('ventral.metric', { benchmark: benchmark.id }, () => prepared.measure(...asked));
          const verified = await isVerified(benchmark, context.home);
          loaded.push({ ...prepared, measure, verified });
        } catch (error) {
          if (context.signal?.aborted) throw VentralError.from(context.signal.reason);
          fail(benchmark.id, error);
        }
      }
      stage?.at(index + 1);
    }
    sources.store.told = undefined;
  } catch (error) {
    await sources.close();
    throw error;
  }
  return { loaded, close: () => sources.close() };
}

function found(
  name: string,
  fail: (benchmark: string, error: unknown) => void,
): readonly Benchmark[] {
  try {
    return findBenchmark(name);
  } catch (error) {
    fail(name, error);
    return [];
  }
}
