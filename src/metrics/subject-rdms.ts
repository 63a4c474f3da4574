/**
 * Comparison of a model's dissimilarities with those of subjects, and its upper bound (Nili et al. 2014): the mean over
 * subjects of Spearman's correlation with each. Squared, it is the explained variance that Algonauts 2019 reports.
 */

import { spearman } from '../numerics/statistics/spearman.js';
import { mean } from '../numerics/statistics/statistics.js';

/** How subjects count. */
export interface RdmComparison {
  /** Each subject by itself, then the mean of their correlations; else the mean of their dissimilarities. */
  readonly perSubject: boolean;
  /** Correlations are squared before the mean. */
  readonly squared: boolean;
}

/** A comparison with the value of each subject; of their mean there is one. */
export interface RdmSimilarity {
  readonly value: number;
  readonly bySubject: Float64Array;
}

/** A model's pairs against those of each subject; all are the entries above the diagonal in one order. */
export function rdmSimilarity(
  model: Float64Array,
  subjects: readonly Float64Array[],
  { perSubject, squared }: RdmComparison,
): RdmSimilarity {
  const targets = perSubject ? subjects : [meanOf(subjects)];
  return similarity(
    targets.map((target) => spearman(model, target)),
    squared,
  );
}

/**
 * The upper bound: each subject against the mean of all, themselves included. No model can be above it for these
 * subjects but by the ranks of the mean; of one subject it is 1.
 */
export function niliUpper(subjects: readonly Float64Array[], squared: boolean): RdmSimilarity {
  const all = meanOf(subjects);
  return similarity(
    subjects.map((subject) => spearman(subject, all)),
    squared,
  );
}

function similarity(correlations: readonly number[], squared: boolean): RdmSimilarity {
  const bySubject = Float64Array.from(correlations, (r) => (squared ? r * r : r));
  return { value: mean(bySubject), bySubject };
}

function meanOf(vectors: readonly Float64Array[]): Float64Array {
  return Float64Array.from(
    vectors[0],
    (_, i) => vectors.reduce((sum, vector) => sum + vector[i], 0) / vectors.length,
  );
}
