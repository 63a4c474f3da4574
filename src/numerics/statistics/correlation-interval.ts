import { normalQuantile } from './normal.js';

/** Pairs of values below which a correlation has no interval: its variance is 1 / (n − 3). */
export const LEAST_PAIRS = 4;

/** Of a 95 % interval. */
const Z = normalQuantile(0.975);

/**
 * The 95 % interval of Pearson's r over n pairs: Fisher's z = atanh r is nearly normal with variance 1 / (n − 3)
 * (Fisher 1921; scipy.stats.pearsonr). [r, r] at r = ±1.
 * @throws RangeError below four pairs
 */
export const pearsonInterval = (r: number, n: number): [low: number, high: number] =>
  interval(r, Math.sqrt(1 / freedom(n)));

/**
 * The same of Spearman's rank correlation, whose z varies more: (1 + r²/2) / (n − 3) (Bonett & Wright 2000).
 * @throws RangeError below four pairs
 */
export const spearmanInterval = (r: number, n: number): [low: number, high: number] =>
  interval(r, Math.sqrt((1 + r ** 2 / 2) / freedom(n)));

function freedom(n: number): number {
  if (n < LEAST_PAIRS)
    throw new RangeError(`An interval of a correlation needs ${LEAST_PAIRS} pairs, found ${n}`);
  return n - 3;
}

function interval(r: number, error: number): [number, number] {
  const z = Math.atanh(r);
  return [Math.tanh(z - Z * error), Math.tanh(z + Z * error)];
}
