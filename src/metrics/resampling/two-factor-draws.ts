import { stdDdof1 } from '../../numerics/statistics/bootstrap-error.js';
import type { DrawnVariances } from '../../numerics/statistics/two-factor-variance.js';

/** A statistic over draws of two factors: of both, and of each alone, with the same counts in all three. */
export interface TwoFactorDraws {
  readonly both: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** Positions of one draw: as many as there are units of the factor. */
export type Drawn = ArrayLike<number>;

/** Draws of two factors. */
export interface DrawnFactors {
  readonly first: readonly Drawn[];
  readonly second: readonly Drawn[];
}

/** Variances (ddof 1) of the draws that are finite; NaN with fewer than two. */
export function varianceOfDraws(draws: TwoFactorDraws): DrawnVariances {
  const of = (values: Float64Array) => stdDdof1(values.filter(Number.isFinite)) ** 2;
  return { both: of(draws.both), first: of(draws.first), second: of(draws.second) };
}

/** The draws of the difference of two statistics on equal draws. */
export function differenceOfDraws(a: TwoFactorDraws, b: TwoFactorDraws): TwoFactorDraws {
  const less = (x: Float64Array, y: Float64Array) => x.map((value, r) => value - y[r]);
  return {
    both: less(a.both, b.both),
    first: less(a.first, b.first),
    second: less(a.second, b.second),
  };
}

/** How often each of `units` was drawn. */
export function countsOf(drawn: Drawn, units: number): Uint16Array {
  const counts = new Uint16Array(units);
  for (let i = 0; i < drawn.length; i++) counts[drawn[i]]++;
  return counts;
}
