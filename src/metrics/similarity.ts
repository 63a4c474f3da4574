/**
 * The frame of metrics that compare two matrices stimulus × stimulus, whole or on the test sets of
 * splits: nothing is fitted (spec §1.10). Rows are put in ascending order of stimulus_id first.
 */
import { ascending } from '../data/ids.js';
import { VentralError } from '../errors/ventral-error.js';
import { denseFeatures } from '../numerics/algebra/features.js';
import { type Matrix, submatrix } from '../numerics/algebra/matrix.js';
import { nonFinite } from '../numerics/algebra/non-finite.js';
import { mean, stdDdof0 } from '../numerics/statistics/statistics.js';
import { pairSplits, requireSameStimuli, sortedById, targetSplits } from './cross-validation.js';
import type {
  Compare,
  CrossValidation,
  MetricResult,
  Source,
  StimulusMatrix,
  Target,
} from './metric.js';

/**
 * The recordings as features.
 * @throws VentralError `recordings-invalid` where a value is missing
 */
export function recordedFeatures({ stimulusIds, values }: Target): Source {
  const missing = nonFinite(values.data);
  if (missing) {
    throw new VentralError(
      'recordings-invalid',
      `The recordings lack ${missing.count} values, and a comparison of stimuli needs all`,
      { found: `${missing.count} missing values` },
    );
  }
  return { stimulusIds, features: denseFeatures(values.rows, values.cols, values.data) };
}

/**
 * One comparison over all stimuli.
 * @throws VentralError `stimuli-mismatch`, `stimuli-duplicate`
 */
export function wholeSimilarity(
  source: StimulusMatrix,
  target: StimulusMatrix,
  compare: Compare,
): MetricResult {
  requireSameStimuli(source.stimulusIds, target.stimulusIds);
  const value = compare(sortedByStimulus(source), sortedByStimulus(target));
  return { value, error: 0, errorKind: 'none', splits: [value], warnings: [] };
}

/** The matrix with its rows and columns in ascending order of stimulus_id. */
export function sortedByStimulus({ stimulusIds, values }: StimulusMatrix): Matrix {
  const order = ascending(stimulusIds);
  return submatrix(values, order, order);
}

/**
 * Mean of the comparisons over the test set of each split; the train sets are not used.
 * @throws what {@link wholeSimilarity} throws, and `stimuli-too-few`
 */
export function splitSimilarity(
  source: StimulusMatrix,
  target: StimulusMatrix & Pick<Target, 'strata' | 'groups'>,
  crossValidation: CrossValidation,
  compare: Compare,
): MetricResult {
  requireSameStimuli(source.stimulusIds, target.stimulusIds);
  const made = targetSplits(target, crossValidation);
  const splits = pairSplits(made, source.stimulusIds, target.stimulusIds).map((rows) => {
    const ofSource = sortedById(rows.testSource, source.stimulusIds);
    const ofTarget = sortedById(rows.testTarget, target.stimulusIds);
    return compare(
      submatrix(source.values, ofSource, ofSource),
      submatrix(target.values, ofTarget, ofTarget),
    );
  });
  return {
    value: mean(splits),
    error: stdDdof0(splits) / Math.sqrt(splits.length),
    errorKind: 'sem over splits',
    splits,
    warnings: [],
  };
}
