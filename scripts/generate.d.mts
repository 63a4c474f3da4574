import type { Metric } from '../src/metrics/table/metric-table.js';

export function generatedFiles(
  metrics: Readonly<Record<string, Metric>>,
): ReadonlyMap<string, string>;
