import type { Metric } from '../src/metrics/metric-table.js';

export function generatedFiles(
  metrics: Readonly<Record<string, Metric>>,
): ReadonlyMap<string, string>;
