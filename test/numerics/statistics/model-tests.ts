import { normalCdf } from '../../../src/numerics/statistics/normal.js';
import { ranks } from '../../../src/numerics/statistics/spearman.js';
import { tTwoSided } from '../../../src/numerics/statistics/student-t.js';

/**
 * Tests of models by the definitions of rsatoolbox (`inference_util.py`): by Student's t with a given variance, by the
 * share of draws, by signed ranks over subjects. ventral itself has the first alone, which keeps its level with few subjects.
 */

/** A variance below this counts as this much. */
const LEAST = 2 ** -52;

/** Two-sided p of a difference with its variance; 1 where both are 0. */
export function tTest(difference: number, variance: number, degrees: number): number {
  return tTwoSided(difference / Math.sqrt(atLeast(variance)), degrees);
}

/** One-sided p of a mean above 0. */
export function tTestAboveZero(mean: number, variance: number, degrees: number): number {
  const two = tTest(mean, variance, degrees);
  return mean > 0 ? two / 2 : 1 - two / 2;
}

const atLeast = (variance: number) =>
  Number.isNaN(variance) ? variance : Math.max(variance, LEAST);

/**
 * Two-sided p by the draws in which one model is below another; draws in which they are equal are left out. NaN where
 * they are equal in all, 1/draws at least.
 */
export function drawnTest(first: ArrayLike<number>, second: ArrayLike<number>): number {
  const draws = first.length;
  let [below, equal] = [0, 0];
  for (let r = 0; r < draws; r++) {
    if (first[r] < second[r]) below++;
    if (first[r] === second[r]) equal++;
  }
  const share = below / (draws - equal);
  const p = 2 * Math.min(share, 1 - share);
  return draws === 1 ? 1 : ((draws - 1) / draws) * p + 1 / draws;
}

/** One-sided p of a model above 0: the share of draws below it, 1/draws at least. */
export function drawnAboveZero(draws: ArrayLike<number>): number {
  const count = draws.length;
  const below = Array.from(draws).filter((each) => each < 0).length;
  return ((count - 1) / count) * (below / count) + 1 / count;
}

/** Subjects up to which signed ranks are counted exactly. */
const EXACT = 50;

/**
 * Wilcoxon's signed-rank test, two-sided (scipy.stats.wilcoxon): exact up to 50 differences without ties or zeros, else by
 * the normal approximation with its correction for ties. Zeros are left out; 1 where nothing else is.
 */
export function signedRankTest(differences: ArrayLike<number>): number {
  const left = Float64Array.from(Array.from(differences).filter((each) => each !== 0));
  const n = left.length;
  if (n === 0) return 1;
  const ranked = ranks(left.map(Math.abs));
  const positive = ranked.reduce((sum, rank, i) => sum + (left[i] > 0 ? rank : 0), 0);
  const tied = new Set(ranked).size < n;
  const total = (n * (n + 1)) / 2;
  const smaller = Math.min(positive, total - positive);
  if (n <= EXACT && !tied && n === differences.length) return exactSignedRank(smaller, n);
  const counts = new Map<number, number>();
  for (const rank of ranked) counts.set(rank, (counts.get(rank) ?? 0) + 1);
  const ties = [...counts.values()].reduce((sum, t) => sum + (t ** 3 - t), 0);
  const sd = Math.sqrt((n * (n + 1) * (2 * n + 1) - ties / 2) / 24);
  return Math.min(1, 2 * normalCdf((smaller - total / 2) / sd));
}

/** P(W ≤ w) doubled, from the number of subsets of 1…n by their sum. */
function exactSignedRank(w: number, n: number): number {
  const sums = new Float64Array((n * (n + 1)) / 2 + 1);
  sums[0] = 1;
  for (let rank = 1; rank <= n; rank++)
    for (let sum = sums.length - 1; sum >= rank; sum--) sums[sum] += sums[sum - rank];
  let below = 0;
  for (let sum = 0; sum <= w; sum++) below += sums[sum];
  return Math.min(1, (2 * below) / 2 ** n);
}
