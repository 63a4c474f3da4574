/** Top-1 accuracy of a model's choices. */
import type { Id } from '../data/ids.js';
import { VentralError } from '../errors/ventral-error.js';
import { mean, stdDdof0 } from '../numerics/statistics/statistics.js';
import type { LabelChoices } from './label-task.js';
import type { LabelMetric, MetricResult } from './metric.js';

/** An accuracy, with one 0 or 1 a stimulus for a bootstrap over stimuli. */
export interface AccuracyResult extends MetricResult {
  readonly correct: Float64Array;
  readonly stimulusIds: readonly Id[];
}

/**
 * Share of stimuli whose choice is the truth; the error is the spread (ddof 0) of the single answers,
 * as the reference reports it. `truth` may name a stimulus more than once, as trials do.
 * @throws VentralError `stimuli-mismatch` where a stimulus has no answer or an answer no truth
 */
export function accuracy(
  model: LabelChoices,
  truth: { readonly stimulusIds: readonly Id[]; readonly truth: readonly string[] },
): AccuracyResult {
  const labels = new Map(truth.stimulusIds.map((id, i) => [id, truth.truth[i]]));
  const answered = new Set(model.stimulusIds);
  const missing = [...labels.keys()].find((id) => !answered.has(id));
  const odd = model.stimulusIds.find((id) => !labels.has(id));
  if (missing !== undefined || odd !== undefined || labels.size === 0) {
    throw new VentralError(
      'stimuli-mismatch',
      missing !== undefined
        ? `Stimulus ${missing} has no answer of the model`
        : odd !== undefined
          ? `Stimulus ${odd} has no truth`
          : 'There are no stimuli to answer',
      { field: 'stimulus_id', expected: `${labels.size} answers`, found: `${answered.size}` },
    );
  }
  const correct = Float64Array.from(model.stimulusIds, (id, i) =>
    labels.get(id) === model.choices[i] ? 1 : 0,
  );
  const value = mean(correct);
  return {
    value,
    error: stdDdof0(correct),
    errorKind: 'std over stimuli',
    splits: [value],
    warnings: [],
    correct,
    stimulusIds: model.stimulusIds,
  };
}

/** The metric `accuracy`. */
export const accuracyMetric: LabelMetric = {
  kind: 'label',
  version: 1,
  defaults: {},
  normalisation: 'raw',
  text: {
    name: 'Accuracy',
    words: 'The share of stimuli that the network’s own head classifies correctly.',
    raw: 'share of right answers',
  },
};
