import type { Benchmark } from '../benchmark/benchmark.js';
import { accessOf, agreementsOf } from '../benchmark/benchmark-data.js';
import { kindName } from '../kinds/benchmark-kinds.js';
import { goldenOf, publishedInWords } from './golden.js';

/** A benchmark in a line: what it is, where its data come from, what verifies it. */
export interface ListedBenchmark {
  readonly id: string;
  /** The identifier as its file writes it, which stands for all benchmarks of the file. */
  readonly family: string;
  readonly kind: string;
  readonly metric: string;
  /** `agreement`: part of the data is given under a data-use agreement that the user signs first. */
  readonly data: 'simulated' | 'agreement' | 'private' | 'public';
  readonly agreements: readonly string[];
  /** Published numbers that `verify` compares with; empty where nothing is published. */
  readonly checks: readonly string[];
  /** Why there are none. */
  readonly why: string | null;
}

/** What lists say of a benchmark, whether its data are here or not. */
export function listedBenchmark(benchmark: Benchmark): ListedBenchmark {
  const agreements = agreementsOf(benchmark);
  const golden = goldenOf(benchmark) ?? {};
  return {
    id: benchmark.id,
    family: benchmark.template ?? benchmark.identifier,
    kind: kindName(benchmark),
    metric: benchmark.metric.name,
    data: benchmark.simulated
      ? 'simulated'
      : agreements.length > 0
        ? 'agreement'
        : accessOf(benchmark),
    agreements,
    checks: publishedInWords(golden),
    why: golden.none ?? null,
  };
}
