import { mean } from './statistics.js';

/**
 * Pearson's r of two equally long vectors, as scipy.stats.pearsonr computes it (spec §2.6): NaN
 * where either is constant or holds NaN, ±1 for two points, never outside [−1, 1].
 * @throws RangeError on unequal lengths or fewer than two values
 */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length !== y.length)
    throw new RangeError(`Vectors of ${x.length} and ${y.length} values cannot be correlated`);
  if (x.length < 2) throw new RangeError('A correlation needs at least two values');
  if (isConstant(x) || isConstant(y)) return Number.NaN;
  if (x.length === 2) return Math.sign(x[1] - x[0]) * Math.sign(y[1] - y[0]);
  const dx = centred(x);
  const dy = centred(y);
  let sum = 0;
  for (let i = 0; i < dx.length; i++) sum += dx[i] * dy[i];
  return Math.max(-1, Math.min(1, sum));
}

/** Whether all values are equal (numpy's `(x == x[0]).all()`; never true with NaN). */
export function isConstant(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

/** The deviations from the mean, of length 1; undefined where all values are equal. */
export const standardised = (values: ArrayLike<number>): Float64Array | undefined =>
  isConstant(values) ? undefined : centred(values);

/** The deviations from the mean, scaled to length 1 without overflow or underflow. */
function centred(values: ArrayLike<number>): Float64Array {
  const centre = mean(values);
  const deviations = new Float64Array(values.length);
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    deviations[i] = values[i] - centre;
    largest = Math.max(largest, Math.abs(deviations[i]));
  }
  let squares = 0;
  for (let i = 0; i < deviations.length; i++) squares += (deviations[i] / largest) ** 2;
  const norm = largest * Math.sqrt(squares);
  for (let i = 0; i < deviations.length; i++) deviations[i] /= norm;
  return deviations;
}
