import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalCdf, normalQuantile } from '../../../src/numerics/statistics/normal.js';
import { tolerances } from '../../tolerances.js';

describe('normalQuantile', () => {
  // scipy 1.15.3, scipy.special.ndtri
  const cases: [number, number][] = [
    [0.5, 0],
    [0.975, 1.959963984540054],
    [0.025, -1.9599639845400545],
    [0.75, 0.6744897501960817],
    [0.9250000001, 1.4395314716448935],
    [1e-5, -4.264890793922825],
    [1e-12, -7.034483825301131],
    [1e-100, -21.273453560965322],
    [1e-300, -37.0470962993612],
    [1 - 1e-10, 6.361340889697422],
  ];
  it.each(cases)('of %d is %d', (p, z) => {
    expect(Math.abs(normalQuantile(p) - z)).toBeLessThanOrEqual(tolerances.float64);
  });

  it.each([
    [0, Number.NEGATIVE_INFINITY],
    [1, Number.POSITIVE_INFINITY],
    [-0.1, Number.NaN],
    [1.1, Number.NaN],
    [Number.NaN, Number.NaN],
  ])('of %d is %d', (p, z) => {
    expect(normalQuantile(p)).toBe(z);
  });

  it('is undone by the distribution', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1 - 1e-9, noNaN: true }), (p) => {
        expect(Math.abs(normalCdf(normalQuantile(p)) / p - 1)).toBeLessThanOrEqual(
          tolerances.float64,
        );
      }),
    );
  });

  it('rises', () => {
    const p = fc.double({ min: 1e-300, max: 1, noNaN: true });
    fc.assert(
      fc.property(p, p, (a, b) => {
        expect(normalQuantile(Math.min(a, b))).toBeLessThanOrEqual(normalQuantile(Math.max(a, b)));
      }),
    );
  });
});

describe('normalCdf', () => {
  it.each([-8, -3, -0.5, 0, 1, 2.9999, 3.0001, 7])('of %d and its negative add to 1', (x) => {
    expect(Math.abs(normalCdf(x) + normalCdf(-x) - 1)).toBeLessThanOrEqual(tolerances.float64);
  });

  it('keeps NaN', () => {
    expect(normalCdf(Number.NaN)).toBeNaN();
  });
});
