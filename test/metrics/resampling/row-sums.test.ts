import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowSums } from '../../../src/metrics/resampling/row-sums.js';
import { matrix } from '../../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';

test('sums have the same bits with a kernel and without one', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 70 }),
      fc.array(fc.nat(), { minLength: 5, maxLength: 30 }),
      (rows, cols, picked) => {
        const values = new RandomState(rows * 100 + cols).standardNormal(rows * cols);
        const products = matrix(rows, cols, Float64Array.from(values));
        const [first, ...others] = picked.map((k) => k % rows);
        const [withKernel, without] = [Number.POSITIVE_INFINITY, 0].map((most) => {
          const sums = rowSums(products, most);
          sums.addOne(first);
          for (let i = 0; i + 4 <= others.length; i += 4)
            sums.addFour([others[i], others[i + 1], others[i + 2], others[i + 3]]);
          const found = sums.sums.slice();
          sums.release();
          return found;
        });
        expect(withKernel).toEqual(without);
        expect(withKernel.some((value) => value !== 0)).toBe(true);
      },
    ),
  );
});

test('correlations have the same bits with a kernel and without one', () => {
  const value = fc.oneof(
    fc.double({ min: -1, max: 1, noNaN: true }),
    fc.constantFrom(0, -0, 1, Number.NaN),
  );
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.tuple(value, value), { minLength: 7, maxLength: 7 }), {
        minLength: 2,
        maxLength: 9,
      }),
      fc.integer({ min: 1, max: 7 }),
      (pairs, cols) => {
        const products = matrix(pairs.length, 5 * cols);
        for (const [i, row] of pairs.entries())
          for (const [c, [y, p]] of row.slice(0, cols).entries())
            for (const [k, each] of [y, p, y * y, p * p, y * p].entries())
              products.data[(i * 5 + k) * cols + c] = each;
        const [withKernel, without] = [Number.POSITIVE_INFINITY, 0].map((most) => {
          const sums = rowSums(products, most);
          for (let i = 0; i < pairs.length; i++) sums.addOne(i);
          const r = new Float64Array(cols);
          sums.correlations(pairs.length, r);
          sums.release();
          return r;
        });
        expect(withKernel).toEqual(without);
      },
    ),
  );
});
