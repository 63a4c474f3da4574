import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Matrix, matrix } from '../../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { mean, nanMedian } from '../../../src/numerics/statistics/statistics.js';
import {
  drawCounts,
  groupsOf,
  percentileInterval,
  resampled,
  resampledMedian,
  resampleWithin,
} from '../../../src/scoring/measure/confidence.js';
import { tolerances } from '../../tolerances.js';

const value = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.double({ min: -1, max: 1, noNaN: true }),
  fc.constant(Number.NaN),
);
const tables = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 12 }))
  .chain(([rows, cols]) =>
    fc.record({
      values: fc
        .array(value, { minLength: rows * cols, maxLength: rows * cols })
        .map((data) => matrix(rows, cols, Float64Array.from(data))),
      drawn: fc.array(fc.nat(cols - 1), { minLength: 1, maxLength: 20 }),
    }),
  );

/** The same by definition: take the drawn columns, median without NaN a split, mean over splits. */
const plainly = ({ rows, cols, data }: Matrix, drawn: readonly number[]) =>
  mean(
    Array.from({ length: rows }, (_, i) => {
      const taken = drawn.map((k) => data[i * cols + k]);
      return taken.every(Number.isNaN) ? Number.NaN : nanMedian(taken);
    }),
  );

describe('resampledMedian', () => {
  test('is the median, without NaN, of the columns drawn', () => {
    fc.assert(
      fc.property(tables, ({ values, drawn }) => {
        const found = resampledMedian(values)(drawCounts(values.cols, drawn));
        expect(found).toBe(plainly(values, drawn));
      }),
    );
  });

  test('does not feel a column of NaN', () => {
    fc.assert(
      fc.property(tables, ({ values, drawn }) => {
        const { rows, cols, data } = values;
        const wider = matrix(rows, cols + 1);
        for (let i = 0; i < rows; i++) {
          wider.data.set(data.subarray(i * cols, (i + 1) * cols), i * (cols + 1));
          wider.data[i * (cols + 1) + cols] = Number.NaN;
        }
        const found = resampledMedian(wider)(drawCounts(cols + 1, [...drawn, cols, cols]));
        expect(found).toBe(resampledMedian(values)(drawCounts(cols, drawn)));
      }),
    );
  });
});

describe('resampleWithin', () => {
  const labels = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 30 });

  test('keeps the size of every group', () => {
    fc.assert(
      fc.property(labels, fc.nat(1000), (animals, seed) => {
        const groups = groupsOf(animals.length, animals);
        const drawn = resampleWithin(groups, new RandomState(seed));
        const sizes = (positions: readonly number[]) =>
          ['a', 'b', 'c'].map((name) => positions.filter((k) => animals[k] === name).length);
        expect(sizes(drawn)).toEqual(sizes(animals.map((_, k) => k)));
      }),
    );
  });

  test('draws with replacement, every member in time', () => {
    const random = new RandomState(3);
    const draws = Array.from({ length: 200 }, () => resampleWithin([[4, 5, 6]], random));
    expect(new Set(draws.flat())).toEqual(new Set([4, 5, 6]));
    expect(draws.some((drawn) => new Set(drawn).size < 3)).toBe(true);
  });
});

test('groups are positions by equal label in order of first appearance', () => {
  expect(groupsOf(5, ['b', 'a', 'b', 'c', 'a'])).toEqual([[0, 2], [1, 4], [3]]);
  expect(groupsOf(3)).toEqual([[0, 1, 2]]);
});

describe('percentileInterval', () => {
  const sample = new RandomState(11).standardNormal(80);
  const groups = groupsOf(sample.length);
  const statistic = (random: RandomState) =>
    mean(resampleWithin(groups, random).map((k) => sample[k]));

  test('holds the point, and is wide as the standard error says', () => {
    const [low, high] = percentileInterval(resampled(statistic)) as [number, number];
    const point = mean(sample);
    expect(low).toBeLessThan(point);
    expect(high).toBeGreaterThan(point);
    const spread = Math.sqrt(mean(sample.map((x) => (x - point) ** 2)) / sample.length);
    expect((high - low) / (2 * 1.96 * spread)).toSatisfy(
      (ratio: number) => Math.abs(ratio - 1) <= tolerances.intervalWidth,
    );
  });

  test('is the same each time', () => {
    expect(resampled(statistic)).toEqual(resampled(statistic));
  });

  test('leaves out what is not finite, and is none where half of it is not', () => {
    const every = (third: number, other: number) =>
      Float64Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? third : other));
    expect(percentileInterval(every(Number.NaN, 2))).toEqual([2, 2]);
    expect(percentileInterval(every(2, Number.NaN))).toBeNull();
  });
});
