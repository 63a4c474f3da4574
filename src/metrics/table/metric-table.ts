import { accuracyMetric } from '../accuracy.js';
import { accuracyDistanceMetric } from '../behaviour/accuracy-distance.js';
import { accuracyDropMetric } from '../behaviour/accuracy-drop.js';
import { accuracyProfileMetric } from '../behaviour/accuracy-profile.js';
import { confusionMetric } from '../behaviour/confusion.js';
import { cueMatchMetric } from '../behaviour/cue-match.js';
import { factorDimensionsMetric } from '../behaviour/factor-dimensions.js';
import { oddOneOutMetric } from '../behaviour/odd-one-out.js';
import { searchAsymmetryMetric } from '../behaviour/search-asymmetry.js';
import { thresholdMetric } from '../behaviour/threshold.js';
import { choiceDistributionMetric } from '../choice-distribution.js';
import { ckaCvMetric, ckaMetric } from '../cka.js';
import { distributionSimilarityMetric } from '../distribution-similarity.js';
import { errorConsistencyMetric } from '../error-consistency.js';
import { behaviourMetrics } from '../i1i2.js';
import { linearMetric } from '../linear.js';
import type { MetricDefinition, NeuralMetric } from '../metric.js';
import { neuronToNeuronMetric } from '../neuron-to-neuron.js';
import { plsMetric } from '../pls.js';
import { rdmCvMetric, rdmMetric } from '../rdm.js';
import { reversePlsMetric } from '../reverse-pls.js';
import { dualRidgeCvMetric, dualRidgeMetric, ridgeCvMetric, ridgeMetric } from '../ridge.js';

/**
 * Every metric by the name that benchmark files give it: one line each. The JSON schema of benchmark files, the words of the
 * pages and the table in the documents are generated from it (`npm run generate`).
 */
const table = {
  pls: plsMetric,
  linear: linearMetric,
  ridge: ridgeMetric,
  ridgecv: ridgeCvMetric,
  'dual-ridge': dualRidgeMetric,
  'dual-ridgecv': dualRidgeCvMetric,
  'neuron-to-neuron': neuronToNeuronMetric,
  'reverse-pls': reversePlsMetric,
  rdm: rdmMetric,
  'rdm-cv': rdmCvMetric,
  cka: ckaMetric,
  'cka-cv': ckaCvMetric,
  ...behaviourMetrics,
  'error-consistency': errorConsistencyMetric,
  accuracy: accuracyMetric,
  'accuracy-distance': accuracyDistanceMetric,
  'cue-match': cueMatchMetric,
  'accuracy-drop': accuracyDropMetric,
  'accuracy-profile': accuracyProfileMetric,
  confusion: confusionMetric,
  'odd-one-out': oddOneOutMetric,
  'search-asymmetry': searchAsymmetryMetric,
  threshold: thresholdMetric,
  'factor-dimensions': factorDimensionsMetric,
  'choice-distribution': choiceDistributionMetric,
  'distribution-similarity': distributionSimilarityMetric,
} satisfies Record<string, MetricDefinition>;

/** A metric that a benchmark file may name. */
export type MetricName = keyof typeof table;

/** An entry of the table. */
export type Metric = (typeof table)[MetricName];

/** What a metric compares, and how: a kind of benchmark. */
export type MetricKind = Metric['kind'];

export const metrics: Readonly<Record<MetricName, Metric>> = table;

/**
 * A metric between features and recordings.
 * @throws RangeError for any other name
 */
export function neuralMetric(name: string): NeuralMetric {
  const metric = Object.hasOwn(metrics, name) ? metrics[name as MetricName] : undefined;
  if (metric?.kind === 'neural') return metric;
  throw new RangeError(`${name} is no metric of recordings`);
}

/** `pls@1`: a metric with its version, as the provenance of a score names it. */
export const versionedName = (name: MetricName): string => `${name}@${metrics[name].version}`;
