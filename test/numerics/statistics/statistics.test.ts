import fc from 'fast-check';
import { expect, test } from 'vitest';
import { accurateLog } from '../../../src/numerics/random/accurate-log.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { isConstant, pearson } from '../../../src/numerics/statistics/pearson.js';
import {
  mean,
  median,
  nanMean,
  nanMedian,
  percentile,
  stdDdof0,
} from '../../../src/numerics/statistics/statistics.js';
import { tolerances } from '../../tolerances.js';

const close = (got: number, want: number) =>
  expect(Math.abs(got - want)).toBeLessThan(tolerances.float64);

test('statistics of small tables, as numpy gives them', () => {
  expect(mean([1, 2, 6])).toBe(3);
  expect(nanMean([1, Number.NaN, 5])).toBe(3);
  expect(nanMean([Number.NaN])).toBeNaN();
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 10])).toBe(3.5);
  expect(median([1, Number.NaN])).toBeNaN();
  expect(median([])).toBeNaN();
  expect(nanMedian([3, Number.NaN, 1, 10])).toBe(3);
  close(stdDdof0([1, 2, 3, 4]), Math.sqrt(1.25));
  close(percentile([1, 2, 3, 10], 25), 1.75);
  close(percentile([1, 2, 3, 10], 97.5), 9.475);
  expect(percentile([7, 2], 100)).toBe(7);
  expect(percentile([7, 2], 0)).toBe(2);
  expect(percentile([Number.NaN, 2], 50)).toBeNaN();
});

test('pearson of edge cases (scipy.stats.pearsonr)', () => {
  expect(pearson([1, 2], [5, 3])).toBe(-1);
  expect(pearson([1, 2], [3, 3])).toBeNaN();
  expect(pearson([0, 0, 0], [1, 2, 3])).toBeNaN();
  expect(pearson([1, 2, Number.NaN], [1, 2, 3])).toBeNaN();
  close(pearson([1e-200, 2e-200, 4e-200], [1e200, 2e200, 4e200]), 1);
  close(pearson([1, 2, 3, 4], [2, 1, 4, 3]), 0.6);
  expect(() => pearson([1], [1])).toThrow(RangeError);
  expect(() => pearson([1, 2], [1])).toThrow(RangeError);
  expect(isConstant([2, 2])).toBe(true);
  expect(isConstant([2, Number.NaN])).toBe(false);
});

test('pearson lies in [−1, 1] and does not see scale or shift', () => {
  const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 3, maxLength: 20 });
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 9 }), (x, scale) => {
      const y = x.map((value, i) => scale * value + (i % 3));
      const r = pearson(x, y);
      fc.pre(!Number.isNaN(r));
      expect(Math.abs(r)).toBeLessThanOrEqual(1);
      close(
        pearson(
          x.map((value) => 7 * value - 3),
          y,
        ),
        r,
      );
    }),
  );
});

test('Poisson numbers are those of numpy (RandomState(9), 2.2)', () => {
  const random = new RandomState(9);
  const lambdas = [0.3, 3, 9.99, 10, 11.5, 40, 1000];
  const wanted = [
    0, 2, 6, 12, 14, 44, 997, 2, 5, 15, 11, 11, 23, 1029, 0, 4, 8, 7, 14, 41, 994, 0, 3, 8, 5, 14,
    40, 955,
  ];
  expect(wanted.map((_, i) => random.poisson(lambdas[i % 7]))).toEqual(wanted);
  expect(random.poisson(0)).toBe(0);
});

test('the accurate logarithm never strays from the built-in one', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (x) => {
      close(accurateLog(x) / Math.log(x === 1 ? 2 : x), Math.log(x) / Math.log(x === 1 ? 2 : x));
    }),
  );
});

test('a seed is an unsigned 32-bit integer', () => {
  for (const seed of [-1, 2 ** 32, 0.5]) expect(() => new RandomState(seed)).toThrow(RangeError);
});
