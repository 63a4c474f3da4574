import type { Benchmark } from '../benchmark/benchmark.js';
import type { DataSources } from '../benchmark/data-sources.js';
import type { PreparedBenchmark } from './loaded-benchmark.js';

/** A kind of benchmark: which keys its files have, and how one is made ready to measure. */
export interface BenchmarkKind {
  /** The key of the data that models are compared with; the file has exactly this one. `stimuli`: with nothing else. */
  readonly compares: 'recordings' | 'trials' | 'distribution' | 'rdms' | 'stimuli';
  /** Options of `metric` that files of this kind may have beside the metric's own. */
  readonly options?: readonly string[];
  /** Whether something is fitted first, on `fitting_stimuli`; `may`: on them where the file has them, else on `stimuli`. */
  readonly fits: boolean | 'may';
  /**
   * Reads the data.
   * @throws VentralError `data-missing`, `stimuli-mismatch`, `benchmark-invalid`, `…-invalid` of the data
   */
  load(benchmark: Benchmark, sources: DataSources): Promise<PreparedBenchmark>;
}
