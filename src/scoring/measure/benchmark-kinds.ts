import type { NeuralMetric } from '../../metrics/metric.js';
import { type MetricKind, type MetricName, metrics } from '../../metrics/metric-table.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import type { BenchmarkKind } from './benchmark-kind.js';
import { labelKind } from './label-benchmark.js';
import { neuralKind } from './neural-benchmark.js';
import { propertyKind } from './property-benchmark.js';
import { readOutKind } from './read-out-benchmark.js';
import { subjectKind } from './subject-benchmark.js';
import { trainTestKind } from './train-test-benchmark.js';

/** Every kind of benchmark by the kind of its metric: one line each. Recordings have two more, which {@link kindOf} tells apart. */
const kinds: Readonly<Record<MetricKind, BenchmarkKind>> = {
  neural: neuralKind,
  'read-out': readOutKind,
  label: labelKind,
  properties: propertyKind,
};

/** The kind of the benchmarks that a metric makes. */
export const kindOfMetric = (name: MetricName): BenchmarkKind => kinds[metrics[name].kind];

/** The kind of a benchmark. Recordings whose sets of stimuli are fixed, or whose subjects are compared apart, have kinds of their own. */
export function kindOf(benchmark: Benchmark): BenchmarkKind {
  const { metric, train, split, subjectRecordings, prepare, ceiling } = benchmark;
  const definition = metrics[metric.name];
  if (definition.kind !== 'neural') return kinds[definition.kind];
  const fixed = train !== undefined || split !== undefined;
  const { similarity } = definition as NeuralMetric;
  const apart = metric.per !== undefined || subjectRecordings || prepare || 'per' in ceiling;
  if (similarity && (fixed || apart)) return subjectKind;
  return fixed ? trainTestKind : neuralKind;
}
