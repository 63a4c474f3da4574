import { type MetricKind, type MetricName, metrics } from '../../metrics/metric-table.js';
import type { BenchmarkKind } from './benchmark-kind.js';
import { choiceKind } from './choice-benchmark.js';
import { labelKind } from './label-benchmark.js';
import { neuralKind } from './neural-benchmark.js';
import { propertyKind } from './property-benchmark.js';
import { rdmKind } from './rdm-benchmark.js';
import { readOutKind } from './read-out-benchmark.js';

/** Every kind of benchmark by the kind of its metric: one line each. */
const kinds: Readonly<Record<MetricKind, BenchmarkKind>> = {
  neural: neuralKind,
  'read-out': readOutKind,
  label: labelKind,
  choices: choiceKind,
  properties: propertyKind,
};

/** The kind of a benchmark or of its file: that of its metric, or of dissimilarities where these are given. */
export const kindOf = ({
  metric,
  rdms,
}: {
  readonly metric: { readonly name: MetricName };
  readonly rdms?: unknown;
}): BenchmarkKind =>
  metric.name === 'rdm' && rdms !== undefined ? rdmKind : kinds[metrics[metric.name].kind];
