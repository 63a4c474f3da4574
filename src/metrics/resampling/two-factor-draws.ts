import type { RandomState } from '../../numerics/random/random-state.js';
import { stdDdof1 } from '../../numerics/statistics/bootstrap-error.js';
import type { DrawnVariances } from '../../numerics/statistics/two-factor-variance.js';

/** A statistic over draws of two factors: of both, and of each alone, with the same counts in all three. */
export interface TwoFactorDraws {
  readonly both: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** How often each unit is in a draw. */
export type Times = Uint16Array;

/**
 * The draws of one factor, in their order. Each run gives the same ones; an array is valid until the next one is asked for.
 */
export interface Draws extends Iterable<Times> {
  readonly draws: number;
  readonly units: number;
}

/** Draws of two factors. */
export interface DrawnFactors {
  readonly first: Draws;
  readonly second: Draws;
}

/**
 * Units drawn with replacement within their groups, so that every group keeps its size.
 * @param random begins the stream anew
 */
export function drawsWithin(
  groups: readonly (readonly number[])[],
  draws: number,
  random: () => RandomState,
): Draws {
  const units = groups.reduce((sum, { length }) => sum + length, 0);
  return {
    draws,
    units,
    *[Symbol.iterator]() {
      const stream = random();
      const times = new Uint16Array(units);
      for (let draw = 0; draw < draws; draw++) {
        times.fill(0);
        for (const members of groups)
          for (let i = 0; i < members.length; i++)
            times[members[stream.interval(members.length - 1)]]++;
        yield times;
      }
    },
  };
}

/** Draws in which every unit stays, once. */
export const undrawn = ({ draws, units }: Pick<Draws, 'draws' | 'units'>): Draws => ({
  draws,
  units,
  *[Symbol.iterator]() {
    const once = new Uint16Array(units).fill(1);
    for (let draw = 0; draw < draws; draw++) yield once;
  },
});

/** Positions of a draw, ascending, with repeats. */
export function positionsOf(times: Times): number[] {
  const positions: number[] = [];
  for (let i = 0; i < times.length; i++) for (let k = times[i]; k > 0; k--) positions.push(i);
  return positions;
}

/** Variances (ddof 1) of the draws that are finite; NaN with fewer than two. */
export function varianceOfDraws(draws: {
  readonly both: ArrayLike<number>;
  readonly first: ArrayLike<number>;
  readonly second: ArrayLike<number>;
}): DrawnVariances {
  return {
    both: varianceOf(draws.both),
    first: varianceOf(draws.first),
    second: varianceOf(draws.second),
  };
}

/** Variance (ddof 1) of the values that are finite; NaN with fewer than two. */
export const varianceOf = (values: ArrayLike<number>): number =>
  stdDdof1(Float64Array.from(values).filter(Number.isFinite)) ** 2;

interface DrawnVectors {
  readonly both: Float32Array | Float64Array;
  readonly first?: Float32Array | Float64Array;
  readonly second?: Float32Array | Float64Array;
}

/** The draws of a − b on equal draws; of each factor alone where both have them. */
export function differenceOfDraws<D extends DrawnVectors>(a: D, b: D): Pick<D, keyof DrawnVectors> {
  const less = (of: keyof DrawnVectors) => {
    const [minuend, subtrahend] = [a[of], b[of]];
    return minuend && subtrahend && minuend.map((value, r) => value - subtrahend[r]);
  };
  const [first, second] = [less('first'), less('second')];
  const both = less('both');
  return { both, ...(first && second ? { first, second } : {}) } as Pick<D, keyof DrawnVectors>;
}
