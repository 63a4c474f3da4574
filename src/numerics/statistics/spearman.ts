import { pearson } from './pearson.js';

/**
 * Spearman's rank correlation, ties at their mean rank (scipy.stats.spearmanr); NaN if either
 * vector holds NaN or is constant.
 * @throws as `pearson`
 */
export function spearman(x: Float64Array, y: Float64Array): number {
  if (x.some(Number.isNaN) || y.some(Number.isNaN)) return Number.NaN;
  return pearson(ranks(x), ranks(y));
}

/** Ranks from 1, ties at the mean of the ranks that they take up. */
export function ranks(values: Float64Array): Float64Array {
  const sorted = values.slice().sort();
  const firstPosition = (after: (sortedValue: number) => boolean) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (after(sorted[middle])) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return values.map((value) => {
    const first = firstPosition((other) => other >= value);
    const past = firstPosition((other) => other > value);
    return (first + past + 1) / 2;
  });
}
