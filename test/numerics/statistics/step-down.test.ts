import { describe, expect, it } from 'vitest';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { compareFamily } from '../../../src/numerics/statistics/compared-family.js';
import { maxT } from '../../../src/numerics/statistics/max-t.js';
import { pairStatistics } from '../../../src/numerics/statistics/paired-family.js';
import { stepDown } from '../../../src/numerics/statistics/step-down.js';
import { tQuantile } from '../../../src/numerics/statistics/student-t.js';
import { lessDraws } from '../../../src/scoring/draws/score-difference.js';
import { type ScoreDraws, spreadOf } from '../../../src/scoring/draws/score-draws.js';

const MANY = 1e7;

/** Draws of models around their values, whose means are the values. */
function family(values: readonly number[], draws: number, seed = 3) {
  const random = new RandomState(seed);
  const both = values.map((value) => {
    const noise = random.standardNormal(draws);
    const mean = noise.reduce((sum, each) => sum + each, 0) / draws;
    return Float32Array.from(noise, (each) => value + each - mean);
  });
  return { values: Float64Array.from(values), both };
}

const pairsOf = (apart: Uint8Array, models: number) =>
  Array.from(apart.keys())
    .map((at) => [Math.floor(at / models), at % models] as const)
    .filter(([i, j]) => i < j && apart[i * models + j] === 1);

describe('stepping down over all pairs', () => {
  it('separates what the plain form of the same test separates', () => {
    const random = new RandomState(5);
    for (let board = 0; board < 10; board++) {
      const values = Array.from(random.standardNormal(9), (value) => 3 * value);
      const { both, ...rest } = family(values, 400, board);
      const draws = Float64Array.from(
        { length: 400 * 9 },
        (_, k) => both[k % 9][Math.floor(k / 9)],
      );
      const plain = maxT({ ...rest, draws });
      const found = stepDown(compareFamily({ ...rest, both }), { level: 0.05, degrees: MANY });
      expect(pairsOf(found.apart, 9)).toEqual(plain.stepDown);
      expect(found.critical[0]).toBeCloseTo(plain.quantile, 5);
      expect(found.critical[1]).toBeCloseTo(plain.steps[plain.steps.length - 1], 5);
    }
  });

  it('has the variances that a single difference has, for one factor and two, and with missing draws', () => {
    const [both, first, second] = [1, 2, 3].map(
      (seed) => family([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], 50, seed).both,
    );
    both[2][7] = Number.NaN;
    first[4].fill(Number.NaN, 0, 30);
    const counted = (of: 'neuroids' | 'images', count: number) => ({
      of,
      count,
      strata: 1,
      digest: of,
    });
    const values = Float64Array.from([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
    const ofTwo = pairStatistics({ values, both, first, second, sizes: { first: 12, second: 30 } });
    const ofOne = pairStatistics({ values, both, sizes: { first: 12 } });
    for (let i = 0; i < 7; i++)
      for (let j = i + 1; j < 7; j++) {
        const drawn = (k: number): ScoreDraws => ({
          units: [counted('neuroids', 12), counted('images', 30)],
          ...{ both: both[k], first: first[k], second: second[k] },
        });
        const two = spreadOf(lessDraws(drawn(i), drawn(j)));
        const { both: joint } = lessDraws(drawn(i), drawn(j));
        const one = spreadOf({ both: joint, units: [counted('neuroids', 12)] });
        const near = (found: number, spread: typeof one) =>
          spread ? expect(found).toBeCloseTo(spread.variance, 5) : expect(found).toBeNaN();
        near(ofTwo.variances[i * 7 + j], two);
        near(ofOne.variances[j * 7 + i], one);
      }
  });

  it('asks for Bonferroni’s quantile of Student’s t where units are few', () => {
    const given = family([0, 0.1, 0.2, 0.3], 1000);
    const { critical } = stepDown(compareFamily(given), { level: 0.05, degrees: 11 });
    expect(critical[0]).toBeCloseTo(tQuantile(1 - 0.05 / 12, 11), 9);
  });

  it('leaves equal models together, and tells apart what does not vary and differs', () => {
    const row = Float32Array.from({ length: 300 }, (_, r) => 0.5 + 0.1 * Math.sin(r));
    const shifted = row.map((value) => value + 0.2);
    const given = { values: Float64Array.from([0.5, 0.5, 0.7]), both: [row, row, shifted] };
    const found = stepDown(compareFamily(given), { level: 0.05, degrees: 200 });
    expect(pairsOf(found.apart, 3)).toEqual([
      [0, 2],
      [1, 2],
    ]);
  });
});
