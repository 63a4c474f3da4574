import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  DenseKernel,
  fill,
  type KernelVector,
  kernelSize,
  unpadded,
} from '../../../src/numerics/algebra/dense-kernel.js';
import { matrix } from '../../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { expectClose } from '../../metrics/close.js';
import { tolerances } from '../../tolerances.js';

const size = fc.integer({ min: 1, max: 23 });

test('the loops equal the sums that define them, whatever the padding', () => {
  const kernel = new DenseKernel();
  fc.assert(
    fc.property(size, size, fc.integer({ min: 0, max: 99 }), (rows, cols, seed) => {
      const random = new RandomState(seed);
      const a = matrix(rows, cols, random.standardNormal(rows * cols));
      kernel.reset(kernelSize(rows, cols) + 3 * kernelSize(1, rows) + 3 * kernelSize(1, cols));
      const m = kernel.matrix(rows, cols);
      fill(m, a);
      const filled = (length: number): KernelVector => {
        const vector = kernel.vector(length);
        vector.values.set(random.standardNormal(length));
        return vector;
      };
      const [v, t, sum] = [filled(cols), filled(cols), filled(cols)];
      const [u, s, product] = [filled(rows), filled(rows), filled(rows)];

      kernel.multiply(m, v, product);
      const row = (i: number) => a.data.subarray(i * cols, (i + 1) * cols);
      const wanted = Array.from({ length: rows }, (_, i) =>
        row(i).reduce((total, value, j) => total + value * v.values[j], 0),
      );
      expectClose(product.values, wanted, tolerances.float64);

      kernel.multiplyTransposed(m, u, sum);
      const columns = Array.from({ length: cols }, (_, j) =>
        Array.from(u.values).reduce((total, value, i) => total + value * row(i)[j], 0),
      );
      expectClose(sum.values, columns, tolerances.float64);

      const four = [0, 1, 2, 3].map((k) => (seed + k) % rows) as [number, number, number, number];
      const [x, y, z, w] = four.map(row);
      const before = sum.values.slice();
      kernel.addRows(m, four, sum);
      expect(sum.values).toEqual(before.map((each, j) => each + (x[j] + y[j] + z[j] + w[j])));

      kernel.subtractOuters(m, [u, v], [s, t]);
      const left = a.data.map((value, at) => {
        const [i, j] = [Math.floor(at / cols), at % cols];
        return value - u.values[i] * v.values[j] - s.values[i] * t.values[j];
      });
      expectClose(unpadded(m).data, left, tolerances.float64);
    }),
  );
});

test('memory grows with what is asked for and starts at zero again', () => {
  const kernel = new DenseKernel();
  kernel.reset(kernelSize(300, 300));
  const first = kernel.matrix(300, 300);
  first.values.fill(7);
  kernel.reset(kernelSize(300, 300));
  expect(kernel.matrix(300, 300).values.every((value) => value === 0)).toBe(true);
});
