import { describe, expect, it, vi } from 'vitest';
import { ALPHAS, narrowRidgeCvRegression, ridgeCvRegression } from '../../src/metrics/ridge.js';
import { neuralMetric } from '../../src/metrics/table/metric-table.js';
import { columnsOf } from '../../src/numerics/algebra/column-source.js';
import { symmetricEigen } from '../../src/numerics/algebra/eigen.js';
import { denseFeatures } from '../../src/numerics/algebra/features.js';
import { matmul } from '../../src/numerics/algebra/gemm.js';
import { columnMeans, type Matrix, matrix } from '../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { CentredRows } from '../../src/numerics/regression/centred-rows.js';
import { choosePenalty } from '../../src/numerics/regression/penalty-choice.js';
import { penaltyNodes } from '../../src/numerics/regression/penalty-nodes.js';
import { shiftColumns } from '../../src/numerics/regression/ridge.js';
import { Session } from '../../src/runtime/session.js';
import { expectClose } from '../metrics/close.js';
import { tolerances } from '../tolerances.js';

const DECADES = Array.from({ length: 21 }, (_, i) => 10 ** (i - 10));

/** Features of falling variance, and targets that follow some of them with noise; both centred. */
function made(
  rows: number,
  cols: number,
  { targets = 7, noise = 3, seed = 1 } = {},
): { readonly x: Matrix; readonly y: Matrix } {
  const random = new RandomState(seed);
  const x = matrix(rows, cols, random.standardNormal(rows * cols));
  for (let i = 0; i < x.data.length; i++) x.data[i] *= 30 / (1 + (i % cols) / 4);
  const weights = random.standardNormal(cols * targets);
  const y = matrix(rows, targets, random.standardNormal(rows * targets));
  for (let i = 0; i < rows; i++)
    for (let t = 0; t < targets; t++) {
      y.data[i * targets + t] *= noise * 30;
      for (let j = 0; j < cols; j++)
        y.data[i * targets + t] += x.data[i * cols + j] * weights[j * targets + t];
    }
  return { x: shiftColumns(x, columnMeans(x), -1), y: shiftColumns(y, columnMeans(y), -1) };
}

/** Mean square of the leave-one-out residuals, from the plain eigen-decomposition of XXᵀ with the constant on top. */
async function closedForm(x: Matrix, y: Matrix, alphas: readonly number[]): Promise<number[]> {
  const n = x.rows;
  const kernel = await matmul(x, x, { transposeB: true });
  const lift = kernel.data.reduce((sum, value, i) => sum + (i % (n + 1) ? 0 : value), 1);
  for (let i = 0; i < n * n; i++) kernel.data[i] += lift;
  const { values, vectors } = symmetricEigen(kernel);
  const known = Math.min(n - 1, x.cols);
  const along = await matmul(vectors, y);
  return alphas.map((alpha) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const dual = new Float64Array(y.cols);
      let leverage = 0;
      for (let k = 0; k < n - 1; k++) {
        // All but as many eigenvalues as there are features are 0.
        const weight = 1 / ((k < n - 1 - known ? 0 : values[k]) + alpha);
        const v = vectors.data[k * n + i];
        leverage += v * v * weight;
        for (let t = 0; t < y.cols; t++) dual[t] += v * weight * along.data[k * y.cols + t];
      }
      for (const value of dual) sum += (value / leverage) ** 2;
    }
    return sum;
  });
}

const shapes = [
  { rows: 60, cols: 150 },
  { rows: 61, cols: 60 },
  { rows: 60, cols: 59 },
  { rows: 60, cols: 58 },
  { rows: 90, cols: 20 },
  { rows: 3, cols: 2 },
];

describe.each(shapes)('$rows rows of $cols features', ({ rows, cols }) => {
  it.each([
    { list: 'the list of the reference', alphas: ALPHAS },
    { list: '1e-10 to 1e10', alphas: DECADES },
  ])('have the best penalty of $list in closed form', async ({ alphas }) => {
    for (const noise of [0.01, 1, 20]) {
      const { x, y } = made(rows, cols, { noise });
      const errors = await closedForm(x, y, alphas);
      const decomposed =
        cols < rows - 1
          ? await CentredRows.ofFeatures(x)
          : await CentredRows.ofKernel(await matmul(x, x, { transposeB: true }));
      const { alpha } = await choosePenalty(decomposed, y, alphas);
      expect(errors[alphas.indexOf(alpha)] / Math.min(...errors)).toBeCloseTo(1, 9);
    }
  });

  it('have the dual weights and leverages of the inverse', async () => {
    const { x, y } = made(rows, cols);
    const decomposed =
      cols < rows - 1
        ? await CentredRows.ofFeatures(x)
        : await CentredRows.ofKernel(await matmul(x, x, { transposeB: true }));
    const alpha = 50;
    const kernel = await matmul(x, x, { transposeB: true });
    for (let i = 0; i < rows; i++) kernel.data[i * (rows + 1)] += alpha;
    const dual = await decomposed.dual(await decomposed.coordinates(y), alpha);
    expectClose((await matmul(kernel, dual)).data, y.data, tolerances.float64);
    const unit = matrix(rows, rows);
    for (let i = 0; i < rows; i++) unit.data[i * (rows + 1)] = 1;
    const centred = shiftColumns(unit, columnMeans(unit), -1);
    const inverse = await decomposed.dual(await decomposed.coordinates(centred), alpha);
    const diagonal = Float64Array.from({ length: rows }, (_, i) => inverse.data[i * (rows + 1)]);
    expectClose(await decomposed.leverages(alpha), diagonal, tolerances.float64);
  });
});

it('many targets together have the dual weights of some of them, whatever was computed between', async () => {
  const { x } = made(60, 150);
  const rows = await CentredRows.ofKernel(await matmul(x, x, { transposeB: true }));
  const y = matrix(60, 200, new RandomState(8).standardNormal(60 * 200));
  const all = await rows.coordinates(shiftColumns(y, columnMeans(y), -1));
  const [some, many] = [await rows.dual(all.columns(0, 20), 5), await rows.dual(all, 5)];
  const leverages = await rows.leverages(5);
  const again = await rows.dual(all, 5);
  expect(again.data).toEqual(many.data);
  expect(await rows.leverages(5)).toEqual(leverages);
  expectClose(columnsOf(many, 0, 20).data, some.data, tolerances.float64);
});

describe('the penalty', () => {
  it('is the first of equals, and the first of all without a number', async () => {
    const { x, y } = made(30, 50);
    const rows = await CentredRows.ofKernel(await matmul(x, x, { transposeB: true }));
    const still = matrix(30, 7);
    expect((await choosePenalty(rows, still, ALPHAS)).alpha).toBe(ALPHAS[0]);
    y.data[3] = Number.NaN;
    expect((await choosePenalty(rows, y, ALPHAS)).alpha).toBe(ALPHAS[0]);
    const twice = [5, 5, 5, 7, 7];
    const { y: clean } = made(30, 50);
    expect([5, 7]).toContain((await choosePenalty(rows, clean, twice)).alpha);
  });

  it('is chosen where all features are constant, or rows are equal', async () => {
    const { y } = made(20, 40);
    const none = await CentredRows.ofKernel(matrix(20, 20));
    expect(ALPHAS).toContain((await choosePenalty(none, y, ALPHAS)).alpha);
    const { x } = made(20, 40);
    for (let i = 1; i < 10; i++) x.data.copyWithin(i * 40, 0, 40);
    const equal = await CentredRows.ofKernel(await matmul(x, x, { transposeB: true }));
    const { alpha, dual } = await choosePenalty(equal, y, DECADES);
    expect(DECADES).toContain(alpha);
    expect(dual.data.every(Number.isFinite)).toBe(true);
  });

  it('and the predictions are the same bits again', async () => {
    const { x, y } = made(80, 200);
    const gram = await matmul(x, x, { transposeB: true });
    const fold = { train: [...Array(70).keys()], test: [70, 71, 72] };
    const train = matrix(70, 7, y.data.slice(0, 490));
    const once = await ridgeCvRegression(gram)(fold, train);
    expect(await ridgeCvRegression(gram)(fold, train)).toEqual(once);
  });

  it('is looked for among those that may be the best alone', async () => {
    const { x, y } = made(120, 300);
    const rows = await CentredRows.ofKernel(await matmul(x, x, { transposeB: true }));
    const solved = vi.spyOn(rows, 'dual');
    await choosePenalty(rows, y, ALPHAS);
    expect(solved.mock.calls.length).toBeLessThan(ALPHAS.length / 2);
  });
});

it('rows are decomposed once for all subjects that are fitted on them', async () => {
  const { x, y } = made(60, 100);
  const { x: narrow } = made(60, 10);
  const gram = await matmul(x, x, { transposeB: true });
  const fold = { train: [...Array(50).keys()], test: [50, 51, 52, 53] };
  const subject = (s: number) => matrix(50, 2, y.data.slice(s * 100, s * 100 + 100));
  const kernels = vi.spyOn(CentredRows, 'ofKernel');
  const features = vi.spyOn(CentredRows, 'ofFeatures');
  const [wide, slim] = [ridgeCvRegression(gram), narrowRidgeCvRegression(narrow)];
  for (const s of [0, 1, 2]) {
    await wide(fold, subject(s));
    await slim(fold, subject(s));
  }
  expect(kernels).toHaveBeenCalledTimes(1);
  expect(features).toHaveBeenCalledTimes(1);
  vi.restoreAllMocks();
});

it.each(['ridge', 'linear', 'ridgecv'])(
  '%s leaves less to compute to the second subject on the same rows, and gives it the same',
  async (name) => {
    const { regression } = neuralMetric(name);
    if (!regression) throw new RangeError(name);
    const products = vi.spyOn(Session.prototype, 'run');
    for (const cols of [60, 300]) {
      const { x, y } = made(200, cols);
      const stimulusIds = Array.from({ length: 200 }, (_, i) => i);
      const source = { stimulusIds, features: denseFeatures(200, cols, x.data) };
      const fold = { train: [...Array(170).keys()], test: [170, 171, 172] };
      const subject = (s: number) => matrix(170, 2, y.data.slice(s * 340, s * 340 + 340));
      const [shared, apart] = [await regression.of(source, {}), await regression.of(source, {})];
      const counted = async (s: number, regress = shared) => {
        products.mockClear();
        const prediction = await regress(fold, subject(s));
        return { prediction, products: products.mock.calls.length };
      };
      const first = await counted(0);
      const second = await counted(1);
      expect(second.products).toBeLessThan(first.products);
      expect(second.prediction).toEqual((await counted(1, apart)).prediction);
    }
    vi.restoreAllMocks();
  },
);

it.each([
  { smallest: 0, largest: 1e2, zero: false },
  { smallest: 0, largest: 1e10, zero: true },
  { smallest: 1e3, largest: 1e6, zero: false },
  { smallest: 1e3, largest: 1e6, zero: true },
  { smallest: 7, largest: 7, zero: false },
])('penalties of a few nodes are as near as is said: $smallest, $largest', (spectrum) => {
  const { smallest, largest, zero } = spectrum;
  const { nodes, weights, errors } = penaltyNodes(ALPHAS, spectrum, 1e-6);
  expect(nodes.length).toBeLessThan(ALPHAS.length / 2);
  const between = Array.from({ length: 90 }, (_, k) => largest * 10 ** (-k / 6));
  const eigenvalues = [...between.filter((w) => w >= smallest), ...(zero ? [0] : [])];
  for (const [i, alpha] of ALPHAS.entries())
    for (const w of eigenvalues) {
      const sum = nodes.reduce((all, node, j) => all + weights[i][j] / (w + ALPHAS[node]), 0);
      const rounding = Number.EPSILON * 1e4;
      expect(Math.abs(1 - sum * (w + alpha))).toBeLessThanOrEqual(errors[i] + rounding);
    }
});
