import { Pcg64 } from '../random/pcg64.js';
import { mean, nanMean } from './statistics.js';

/** Values over named dimensions, row-major. */
export interface Sampled {
  readonly dims: readonly string[];
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** How an error is drawn. */
export interface Bootstrap {
  /** Dimensions that are resampled with replacement, crossed; one call of the generator each, in this order. */
  readonly over: readonly string[];
  readonly draws: number;
  readonly seed: number;
  /** The statistic of resampled values, in the shape of the originals; their mean without NaN by default. */
  readonly aggregate?: (values: Float64Array) => number;
}

/** Positions along each resampled dimension, for every draw, from numpy's `default_rng(seed)`. */
export function bootstrapIndices(
  { dims, shape }: Pick<Sampled, 'dims' | 'shape'>,
  { over, draws, seed }: Omit<Bootstrap, 'aggregate'>,
): Map<string, number[]>[] {
  const unknown = over.find((name) => !dims.includes(name));
  if (unknown !== undefined)
    throw new RangeError(`There is no dimension ${unknown}: ${dims.join(', ')}`);
  const random = new Pcg64(seed);
  return Array.from({ length: draws }, () => {
    const ofDraw = over.map((name): [string, number[]] => {
      const n = shape[dims.indexOf(name)];
      return [name, random.integers(0, n, n)];
    });
    return new Map(ofDraw);
  });
}

/** The statistic of each draw. */
export function bootstrapDraws(sampled: Sampled, how: Bootstrap): Float64Array {
  const { aggregate = nanMean } = how;
  const draws = bootstrapIndices(sampled, how);
  return Float64Array.from(draws, (indices) => aggregate(taken(sampled, indices)));
}

/**
 * The reference's bootstrapped standard error: the standard deviation (ddof 1) of the draws that are finite, NaN with fewer
 * than two of them.
 */
export function bootstrapError(sampled: Sampled, how: Bootstrap): number {
  return stdDdof1(bootstrapDraws(sampled, how).filter(Number.isFinite));
}

/** Standard deviation of a sample; NaN for fewer than two values. */
export function stdDdof1(values: ArrayLike<number>): number {
  if (values.length < 2) return Number.NaN;
  const centre = mean(values);
  const squares = Array.from(values, (value) => (value - centre) ** 2);
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / (values.length - 1));
}

function taken(
  { dims, shape, values }: Sampled,
  indices: ReadonlyMap<string, readonly number[]>,
): Float64Array {
  const taken = new Float64Array(values.length);
  const strides = shape.map(() => 1);
  for (let d = shape.length - 2; d >= 0; d--) strides[d] = strides[d + 1] * shape[d + 1];
  const of = dims.map((name) => indices.get(name));
  for (let i = 0; i < taken.length; i++) {
    let from = 0;
    for (let d = 0, rest = i; d < shape.length; d++) {
      const at = Math.floor(rest / strides[d]);
      rest -= at * strides[d];
      from += (of[d]?.[at] ?? at) * strides[d];
    }
    taken[i] = values[from];
  }
  return taken;
}
