import type { Metric } from '../src/metrics/table/metric-table.js';
import type { ListedBenchmark } from './benchmarks-document.mjs';

export function generatedFiles(
  metrics: Readonly<Record<string, Metric>>,
  listed: readonly ListedBenchmark[],
): ReadonlyMap<string, string>;
