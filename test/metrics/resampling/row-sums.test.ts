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
