import fc from 'fast-check';
import { expect, test } from 'vitest';
import { denseFeatures, selectRows } from '../../../src/numerics/algebra/features.js';
import { matmul } from '../../../src/numerics/algebra/gemm.js';
import { centredGram, gram } from '../../../src/numerics/algebra/gram.js';
import { type Matrix, matrix } from '../../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { mean } from '../../../src/numerics/statistics/statistics.js';
import { expectClose } from '../../metrics/close.js';
import { tolerances } from '../../tolerances.js';

const random = (rows: number, cols: number, seed: number) =>
  matrix(rows, cols, new RandomState(seed).standardNormal(rows * cols));
const at = (m: Matrix, i: number, j: number, transpose: boolean) =>
  transpose ? m.data[j * m.cols + i] : m.data[i * m.cols + j];

test('products with and without transposes equal the sums that define them', async () => {
  const size = fc.integer({ min: 1, max: 12 });
  await fc.assert(
    fc.asyncProperty(size, size, size, fc.boolean(), fc.boolean(), async (m, n, k, ta, tb) => {
      const a = ta ? random(k, m, 1) : random(m, k, 1);
      const b = tb ? random(n, k, 2) : random(k, n, 2);
      const c = await matmul(a, b, { transposeA: ta, transposeB: tb });
      expect([c.rows, c.cols]).toEqual([m, n]);
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let l = 0; l < k; l++) sum += at(a, i, l, ta) * at(b, l, j, tb);
          expect(Math.abs(c.data[i * n + j] - sum)).toBeLessThan(tolerances.float64);
        }
    }),
    { numRuns: 40 },
  );
});

test('dimensions that do not fit are refused, empty ones give zeros', async () => {
  await expect(matmul(matrix(2, 3), matrix(2, 3))).rejects.toThrow(RangeError);
  expect((await matmul(matrix(2, 0), matrix(0, 2))).data).toEqual(new Float64Array(4));
});

test('the Gram matrix by column blocks, float32 and float64, equals the direct product', async () => {
  const rows = 600; // makes more than one block
  const cols = 8000;
  const values = new RandomState(3).standardNormal(rows * cols);
  const wide = denseFeatures(rows, cols, Float32Array.from(values));
  const picked = selectRows(wide, [5, 17, 599]);
  const [whole, part] = [await gram(wide), await gram(picked)];
  const single = (await picked.columns(0, cols)) as Float32Array;
  const double = await gram(denseFeatures(3, cols, Float64Array.from(single)));
  [5, 17, 599].forEach((row, i) => {
    [5, 17, 599].forEach((other, j) => {
      let sum = 0;
      for (let f = 0; f < cols; f++) sum += single[i * cols + f] * single[j * cols + f];
      expect(Math.abs(part.data[i * 3 + j] - sum)).toBeLessThan(tolerances.float64);
      expect(Math.abs(whole.data[row * rows + other] - sum)).toBeLessThan(tolerances.float64);
      expect(Math.abs(double.data[i * 3 + j] - sum)).toBeLessThan(tolerances.float64);
    });
  });
});

test.each([1, 127, 129, 300, 1100])(
  'the Gram matrix of %i rows by tiles is the product, symmetric to the bit, centred or not',
  async (rows) => {
    const cols = 5;
    const values = Float32Array.from(new RandomState(7).standardNormal(rows * cols), (v) => v + 9);
    const x = matrix(rows, cols, Float64Array.from(values));
    const means = Array.from({ length: cols }, (_, k) =>
      mean(Array.from({ length: rows }, (_, i) => x.data[i * cols + k])),
    );
    const shifted = matrix(
      rows,
      cols,
      x.data.map((value, at) => value - means[at % cols]),
    );
    const product = (m: Matrix) => matmul(m, m, { transposeB: true });
    for (const [form, wanted] of [
      [gram, await product(x)],
      [centredGram, await product(shifted)],
    ] as const) {
      for (const data of [values, x.data]) {
        const found = await form(denseFeatures(rows, cols, data));
        expectClose(found.data, wanted.data, tolerances.float64);
        const turned = found.data.map(
          (_, at) => found.data[(at % rows) * rows + Math.floor(at / rows)],
        );
        expect(Buffer.from(turned.buffer).equals(Buffer.from(found.data.buffer))).toBe(true);
      }
    }
  },
);
