import { standardised } from './pearson.js';

/**
 * Spearman's rank correlation, ties at their mean rank (scipy.stats.spearmanr); NaN if either
 * vector holds NaN or is constant.
 * @throws as `pearson`
 */
export function spearman(x: Float64Array, y: Float64Array): number {
  return rankCorrelation(rankVector(x), rankVector(y));
}

/** Ranks of a vector as deviations of length 1, so that what is compared often is sorted once. */
export interface RankVector {
  readonly length: number;
  /** Whether the vector holds NaN. */
  readonly missing: boolean;
  /** Undefined where it does, or is constant. */
  readonly deviations: Float64Array | undefined;
}

/** Ranks a vector. */
export function rankVector(values: Float64Array): RankVector {
  const missing = values.some(Number.isNaN);
  const deviations = missing ? undefined : standardised(ranks(values));
  return { length: values.length, missing, deviations };
}

/**
 * {@link spearman} of vectors that are ranked.
 * @throws as `pearson`
 */
export function rankCorrelation(a: RankVector, b: RankVector): number {
  if (a.missing || b.missing) return Number.NaN;
  if (a.length !== b.length)
    throw new RangeError(`Vectors of ${a.length} and ${b.length} values cannot be correlated`);
  if (a.length < 2) throw new RangeError('A correlation needs at least two values');
  const { deviations: x } = a;
  const { deviations: y } = b;
  if (!x || !y) return Number.NaN;
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  // Two points always lie on a line, whatever the rounding.
  return x.length === 2 ? Math.sign(sum) : Math.max(-1, Math.min(1, sum));
}

/** Ranks from 1, ties at the mean of the ranks that they take up. */
export function ranks(values: Float64Array): Float64Array {
  const sorted = values.slice().sort();
  /** Of the first of equal values their rank. */
  const rankAt = new Float64Array(sorted.length);
  for (let first = 0, past = 0; first < sorted.length; first = past) {
    past++;
    while (past < sorted.length && sorted[past] === sorted[first]) past++;
    rankAt[first] = (first + past + 1) / 2;
  }
  const found = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sorted[middle] >= value) high = middle;
      else low = middle + 1;
    }
    found[i] = rankAt[low];
  }
  return found;
}
