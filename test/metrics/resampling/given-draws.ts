import type { Draws } from '../../../src/metrics/resampling/two-factor-draws.js';

/** Draws that are given as positions among the units. */
export const givenDraws = (positions: readonly ArrayLike<number>[], units: number): Draws => ({
  draws: positions.length,
  units,
  *[Symbol.iterator]() {
    for (const drawn of positions) {
      const times = new Uint16Array(units);
      for (let i = 0; i < drawn.length; i++) times[drawn[i]]++;
      yield times;
    }
  },
});
