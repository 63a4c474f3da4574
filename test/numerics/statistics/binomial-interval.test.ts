import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  betaDistribution,
  betaQuantile,
  binomialInterval,
} from '../../../src/numerics/statistics/binomial-interval.js';

// scipy 1.15.3: beta.ppf(.025, k, n − k + 1), beta.ppf(.975, k + 1, n − k).
test.each([
  [0, 10, 0.0, 0.3084971078187608],
  [10, 10, 0.6915028921812392, 1.0],
  [1, 10, 0.0025285785444617848, 0.4450161170281954],
  [5, 10, 0.18708602844739855, 0.8129139715526015],
  [237, 500, 0.42949912528824713, 0.5188099937676349],
  [499, 500, 0.9889075231010312, 0.9999493656659926],
  [1, 500, 5.0634334007415215e-5, 0.011092476898968787],
  [5012, 10000, 0.4913510591944666, 0.5110482415816197],
  [3, 99999, 6.186825827607616e-6, 8.767107925187327e-5],
  [1, 1, 0.025, 1.0],
  [0, 1, 0.0, 0.975],
])('the interval of %i of %i is that of Clopper and Pearson', (correct, count, low, high) => {
  const found = binomialInterval(correct, count);
  expect(Math.abs(found[0] - low)).toBeLessThanOrEqual(1e-10 * low);
  expect(Math.abs(found[1] - high)).toBeLessThanOrEqual(1e-10 * high);
});

test('where nothing was counted the share may be anything', () => {
  expect(binomialInterval(0, 0)).toEqual([0, 1]);
});

// scipy 1.15.3: beta.cdf.
test.each([
  [0.3, 2, 5, 0.5798250000000003],
  [0.999, 50, 1, 0.9512056281970314],
  [1e-4, 1, 3000, 0.25919289224911346],
  [0.5, 500, 510, 0.62353975665567],
  [0.01, 0.5, 0.5, 0.06376856085851985],
  [0.34, 2, 0.5, 0.049487506657592634],
  [0.9, 4.5, 0.5, 0.3434363961379134],
])('the distribution at %d of beta(%d, %d)', (x, a, b, expected) => {
  expect(betaDistribution(x, a, b)).toBeCloseTo(expected, 11);
});

test('a quantile is where the distribution is, and the share lies in its interval', () => {
  const shape = fc.integer({ min: 1, max: 2000 });
  fc.assert(
    fc.property(shape, shape, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (a, b, p) => {
      expect(betaDistribution(betaQuantile(p, a, b), a, b)).toBeCloseTo(p, 9);
      const [low, high] = binomialInterval(a, a + b);
      expect(low < a / (a + b) && a / (a + b) < high).toBe(true);
    }),
  );
});
