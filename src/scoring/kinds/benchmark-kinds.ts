import type { NeuralMetric } from '../../metrics/metric.js';
import { type MetricKind, type MetricName, metrics } from '../../metrics/table/metric-table.js';
import type { BenchmarkKind } from '../measure/benchmark-kind.js';
import { choiceKind } from '../measure/choice-benchmark.js';
import { labelKind, readOutLabelKind } from '../measure/label-benchmark.js';
import { neuralKind } from '../measure/neural-benchmark.js';
import { oddOneOutKind } from '../measure/odd-one-out-benchmark.js';
import { propertyKind } from '../measure/property-benchmark.js';
import { rdmKind } from '../measure/rdm-benchmark.js';
import { readOutKind } from '../measure/read-out-benchmark.js';
import { subjectKind } from '../measure/subject-benchmark.js';
import { timeKind } from '../measure/time-benchmark.js';
import { trainTestKind } from '../measure/train-test/train-test-benchmark.js';
import { factorKind } from './factor-benchmark.js';
import { searchKind } from './search-benchmark.js';
import { thresholdKind } from './threshold-benchmark.js';

/** Every kind of benchmark by the kind of its metric: one line each. Recordings have three more, which {@link kindOf} tells apart. */
const kinds: Readonly<Record<MetricKind, BenchmarkKind>> = {
  neural: neuralKind,
  'read-out': readOutKind,
  label: labelKind,
  choices: choiceKind,
  triplets: oddOneOutKind,
  properties: propertyKind,
  search: searchKind,
  threshold: thresholdKind,
  factors: factorKind,
};

/** The keys that tell a kind: of a benchmark, or of its file. */
interface KindKeys {
  readonly metric: { readonly name: MetricName; readonly per?: unknown };
  readonly task?: unknown;
  readonly rdms?: unknown;
  readonly train?: unknown;
  readonly split?: unknown;
  readonly subjectRecordings?: unknown;
  readonly prepare?: unknown;
  readonly ceiling?: unknown;
  readonly timeStep?: unknown;
  readonly time_bins?: unknown;
}

/**
 * The kind of a benchmark or of its file: that of its metric. Dissimilarities that are given, recordings whose sets of
 * stimuli are fixed, those whose subjects are compared apart and those in bins of time have kinds of their own.
 */
export function kindOf(keys: KindKeys): BenchmarkKind {
  const { metric, task, rdms, train, split, subjectRecordings, prepare, ceiling } = keys;
  const definition = metrics[metric.name];
  if (definition.kind === 'label' && task === 'probabilities') return readOutLabelKind;
  if (definition.kind !== 'neural') return kinds[definition.kind];
  if (metric.name === 'rdm' && rdms !== undefined) return rdmKind;
  if (keys.timeStep !== undefined || hasSteps(keys.time_bins)) return timeKind;
  const fixed = train !== undefined || split !== undefined;
  const { similarity }: NeuralMetric = definition;
  const ceilingApart = typeof ceiling === 'object' && ceiling !== null && 'per' in ceiling;
  const apart = metric.per !== undefined || subjectRecordings || prepare || ceilingApart;
  if (similarity && (fixed || apart)) return subjectKind;
  return fixed ? trainTestKind : neuralKind;
}

/** What a kind is called in lists. */
const names: ReadonlyMap<BenchmarkKind, string> = new Map([
  [neuralKind, 'cross-validated'],
  [trainTestKind, 'fixed sets'],
  [subjectKind, 'by subject'],
  [timeKind, 'bins of time'],
  [rdmKind, 'given dissimilarities'],
  [readOutKind, 'confusions'],
  [labelKind, 'labels'],
  [readOutLabelKind, 'labels by a read-out'],
  [choiceKind, 'distribution of choices'],
  [propertyKind, 'single neurons'],
  [oddOneOutKind, 'odd one out'],
  [searchKind, 'visual search'],
  [thresholdKind, 'thresholds'],
  [factorKind, 'factors'],
]);

/** The kind of a benchmark in a word or two, for lists: that of its metric where it has no name here. */
export function kindName(benchmark: KindKeys): string {
  return names.get(kindOf(benchmark)) ?? metrics[benchmark.metric.name].kind;
}

/** Whether `time_bins` of a file asks for bins of one length. */
const hasSteps = (bins: unknown): boolean =>
  typeof bins === 'object' && bins !== null && 'step' in bins;
