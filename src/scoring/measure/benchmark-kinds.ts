import { type MetricKind, type MetricName, metrics } from '../../metrics/metric-table.js';
import type { BenchmarkKind } from './benchmark-kind.js';
import { labelKind } from './label-benchmark.js';
import { neuralKind } from './neural-benchmark.js';
import { propertyKind } from './property-benchmark.js';
import { readOutKind } from './read-out-benchmark.js';

/** Every kind of benchmark by the kind of its metric: one line each. */
const kinds: Readonly<Record<MetricKind, BenchmarkKind>> = {
  neural: neuralKind,
  'read-out': readOutKind,
  label: labelKind,
  properties: propertyKind,
};

/** The kind of the benchmarks that a metric makes. */
export const kindOfMetric = (name: MetricName): BenchmarkKind => kinds[metrics[name].kind];
