/**
 * Thresholds: whether a model needs a feature to be as large as people do, alone or amid clutter (Malania et al. 2007;
 * Brain-Score vision `benchmarks/malania2007`, `metrics/threshold`; spec Appendix C).
 */
import { RandomState } from '../../numerics/random/random-state.js';
import { mean, stdDdof0 } from '../../numerics/statistics/statistics.js';
import type { MetricDefinition } from '../metric.js';
import type { SampledResult } from './behaviour-metric.js';

/** max(1 − |human − model| / human, 0) of each person. */
const likenesses = (model: number, people: readonly number[]): number[] =>
  people.map((human) => Math.max(1 - Math.abs(human - model) / human, 0));

/**
 * Mean similarity of a threshold, or of its ratio to that of the baseline, to those of people; the error is the standard
 * deviation over people (ddof 0). A model without a threshold has 0.
 * @param model undefined where it has none, NaN never
 */
export function thresholdScore(
  model: number | undefined,
  people: readonly number[],
): SampledResult {
  const splits = model === undefined ? people.map(() => 0) : likenesses(model, people);
  return overPeople(splits, (drawn) => mean(drawn.map((i) => splits[i])));
}

/**
 * The same of one person against the others. As in the original, turn i takes one out of the list by
 * `RandomState(i)`, without replacement, and appends it at the end, so that somebody may be drawn twice.
 */
export function thresholdCeiling(people: readonly number[]): SampledResult {
  const ceiling = (values: readonly number[]) => {
    const list = [...values];
    return values.map((_, seed) => {
      const [drawn] = list.splice(new RandomState(seed).choice(list.length, 1)[0], 1);
      const value = mean(likenesses(drawn, list));
      list.push(drawn);
      return value;
    });
  };
  const splits = ceiling(people);
  return overPeople(splits, (drawn) => mean(ceiling(drawn.map((i) => people[i]))));
}

function overPeople(splits: number[], resample: SampledResult['resample']): SampledResult {
  return {
    value: mean(splits),
    error: stdDdof0(splits),
    errorKind: 'std over subjects',
    splits,
    warnings: [],
    samples: splits.length,
    resample,
  };
}

/** The metric `threshold`. */
export const thresholdMetric: MetricDefinition & { readonly kind: 'threshold' } = {
  kind: 'threshold',
  version: 1,
  defaults: {},
  required: ['column'],
  optional: ['baseline'],
  normalisation: 'ratio',
  text: {
    name: 'Threshold',
    words:
      'Similarity between the threshold (75 % correct, `column`) of a read-out of the layer and that of each person: 1 − |person − model| / person, at least 0; with `baseline`, as a multiple of the threshold of a baseline.',
    raw: 'mean over people',
  },
};
