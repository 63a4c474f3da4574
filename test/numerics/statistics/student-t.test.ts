import { expect, test } from 'vitest';
import { meanInterval, tQuantile } from '../../../src/numerics/statistics/student-t.js';

// scipy.stats.t.ppf(.975, n)
test.each([
  [1, 12.706204736432095],
  [2, 4.302652729911275],
  [4, 2.7764451051977987],
  [9, 2.2621571627409915],
  [100, 1.9839715184496334],
])('the quantile of %i degrees of freedom is that of scipy', (degrees, expected) => {
  expect(tQuantile(0.975, degrees) / expected).toBeCloseTo(1, 10);
});

test('the interval of a mean is that of a t test', () => {
  const { mean, interval } = meanInterval([1, 2, 3, 4, 5]);
  expect(mean).toBe(3);
  expect(interval[0]).toBeCloseTo(1.0367568385224393, 10);
  expect(interval[1]).toBeCloseTo(4.9632431614775605, 10);
  expect(meanInterval([7])).toEqual({ mean: 7, interval: [-Infinity, Infinity] });
});
