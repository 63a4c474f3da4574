import type { Metric } from '../src/metrics/metric.js';

export function generatedFiles(
  metrics: Readonly<Record<string, Metric>>,
): ReadonlyMap<string, string>;
