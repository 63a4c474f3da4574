import fc from 'fast-check';
import { expect, test } from 'vitest';
import { denseFeatures } from '../../src/numerics/algebra/features.js';
import { matmul } from '../../src/numerics/algebra/gemm.js';
import { centredGram, gram } from '../../src/numerics/algebra/gram.js';
import { type Matrix, matrix } from '../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import {
  fitPls,
  type PlsFit,
  type PlsForm,
  predictPls,
} from '../../src/numerics/regression/pls.js';
import { fitPlsGram, predictPlsGram } from '../../src/numerics/regression/pls-gram.js';
import { expectClose } from '../metrics/close.js';
import { numbers, type OracleArray, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';

const golden = {
  collinear: oracle('03-pls/raw_collinear.json'),
  components_1: oracle('03-pls/raw_components_1.json'),
  components_2: oracle('03-pls/raw_components_2.json'),
  components_8: oracle('03-pls/raw_components_8.json'),
  constant_targets: oracle('03-pls/raw_constant_targets.json'),
  more_components_than_samples: oracle('03-pls/raw_more_components_than_samples.json'),
  not_converged: oracle('03-pls/raw_not_converged.json'),
  single_target: oracle('03-pls/raw_single_target.json'),
  tall_f64: oracle('03-pls/raw_tall_f64.json'),
  uint8_features: oracle('03-pls/raw_uint8_features.json'),
  very_wide_f32: oracle('03-pls/raw_very_wide_f32.json'),
  wide_f64: oracle('03-pls/raw_wide_f64.json'),
};
const deficient = oracle('03-pls/raw_rank_deficient.json');
const tooMany = oracle('03-pls/raw_too_many_components.json');

const table = (array: OracleArray) => matrix(array.shape[0], array.shape[1], numbers(array));
const float32 = (array: OracleArray) => Float32Array.from(numbers(array));

/** Columns of the reference that were filled, without the zeros behind them. */
function head({ cols, data }: Matrix, columns: number): Float64Array {
  return data.filter((_, at) => at % cols < columns);
}

const forms: PlsForm[] = ['products', 'many targets'];
const primal = forms.flatMap((form) =>
  Object.entries(golden).map(([name, wanted]) => [form, name, wanted] as const),
);

test.each(primal)('primal form, %s: %s', async (form, _name, wanted) => {
  expect(wanted.scale).toBe(false);
  const x = table(wanted.X);
  const fit = await fitPls(x, table(wanted.Y), wanted.n_components, form);
  expect(fit.iterations).toEqual(wanted.n_iter);
  const warnings: string[] = wanted.warnings;
  expect(fit.converged).toBe(!warnings.some((text) => text.includes('Maximum number')));
  expect(fit.stopped).toBe(
    warnings.some((text) => text.includes('Y residual is constant'))
      ? 'targets explained'
      : undefined,
  );
  expectClose(fit.xMean, numbers(wanted.x_mean), tolerances.float64);
  expectClose(fit.yMean, numbers(wanted.y_mean), tolerances.float64);
  expectClose(fit.yMean, numbers(wanted.intercept), tolerances.float64);
  const parts: [keyof PlsFit & string, OracleArray | undefined][] = [
    ['xScores', wanted.x_scores],
    ['yLoadings', wanted.y_loadings],
    ['xWeights', wanted.x_weights],
    ['xLoadings', wanted.x_loadings],
    ['xRotations', wanted.x_rotations],
  ];
  for (const [part, array] of parts)
    if (array)
      expectClose(
        (fit[part] as Matrix).data,
        head(table(array), fit.iterations.length),
        tolerances.float64,
      );
  if (wanted.x_weights_column0) {
    const { data, cols } = fit.xWeights;
    const one = (k: number) => data.filter((_, at) => at % cols === k);
    expectClose(one(0), numbers(wanted.x_weights_column0), tolerances.float64);
    expectClose(one(cols - 1), numbers(wanted.x_weights_last_column), tolerances.float64);
  }
  if (wanted.coef) {
    const coefficients = table(wanted.coef); // target × feature
    for (let k = 0; k < coefficients.rows; k++)
      expectClose(
        fit.coefficients.data.filter((_, at) => at % coefficients.rows === k),
        coefficients.data.subarray(k * coefficients.cols, (k + 1) * coefficients.cols),
        tolerances.float64,
      );
  }
  const values = wanted.X.dtype === 'float32' ? float32 : numbers;
  for (const [input, output] of [
    [wanted.X, wanted.prediction_train],
    [wanted.X_test, wanted.prediction_test],
  ])
    expectClose((await predictPls(fit, values(input))).data, numbers(output), tolerances.float64);
});

test.each(Object.entries(golden))('Gram form: %s', async (_name, wanted) => {
  const train = table(wanted.X);
  const held = table(wanted.X_test);
  const products = await matmul(train, train, { transposeB: true });
  const fit = await fitPlsGram(products, table(wanted.Y), wanted.n_components);
  expect(fit.iterations).toEqual(wanted.n_iter);
  const cross = await matmul(held, train, { transposeB: true });
  // The float32 rounding inside predict is not modelled here.
  const tolerance =
    wanted.X.dtype === 'float32' ? tolerances.float32.prediction : tolerances.float64;
  expectClose((await predictPlsGram(fit, cross)).data, numbers(wanted.prediction_test), tolerance);
  expectClose(
    (await predictPlsGram(fit, products)).data,
    numbers(wanted.prediction_train),
    tolerance,
  );
});

test('features of rank 8: all forms stop after the components that can be compared', async () => {
  const x = table(deficient.X);
  const rank = 8;
  const fit = await fitPls(x, table(deficient.Y), deficient.n_components);
  const dual = await fitPlsGram(
    await matmul(x, x, { transposeB: true }),
    table(deficient.Y),
    deficient.n_components,
  );
  const many = await fitPls(x, table(deficient.Y), deficient.n_components, 'many targets');
  expect([many.iterations, many.stopped]).toEqual([fit.iterations, fit.stopped]);
  expect(fit.iterations).toEqual(deficient.n_iter.slice(0, rank));
  expect(dual.iterations).toEqual(deficient.n_iter.slice(0, rank));
  expect([fit.stopped, dual.stopped]).toEqual(['rank exhausted', 'rank exhausted']);
  expectClose(fit.xScores.data, head(table(deficient.x_scores), rank), tolerances.float64);
  expectClose(fit.xWeights.data, head(table(deficient.x_weights), rank), tolerances.float64);
});

test('more components than units are refused, naming both', async () => {
  const fit = fitPls(table(tooMany.X), table(tooMany.Y), tooMany.n_components);
  await expect(fit).rejects.toThrow(expect.objectContaining({ code: 'units-too-few' }));
  await expect(fit).rejects.toThrow(/25 components.*has 20/);
  expect(tooMany.scale).toBe(false);
  expect(tooMany.X_test.shape[1]).toBe(tooMany.X.shape[1]);
  expect(tooMany.error.type).toBe('ValueError');
  expect(tooMany.error.message).toMatch(/upper bound is 20\. Got 25/);
});

/** A random problem: signal shared by features and targets, noise, column scales over two decades. */
function problem(rows: number, units: number, targets: number, seed: number) {
  const random = new RandomState(seed);
  const latent = Math.min(6, units);
  const shared = random.standardNormal(rows * latent);
  const mixX = random.standardNormal(latent * units);
  const mixY = random.standardNormal(latent * targets);
  const scale = random.randomSample(units).map((value) => 10 ** (2 * value - 1));
  const mix = (cols: number, weights: Float64Array, noise: number) =>
    matrix(
      rows,
      cols,
      random.standardNormal(rows * cols).map((value, at) => {
        let sum = noise * value;
        for (let l = 0; l < latent; l++)
          sum += shared[Math.floor(at / cols) * latent + l] * weights[l * cols + (at % cols)];
        return sum;
      }),
    );
  const x = mix(units, mixX, 0.7);
  return {
    x: matrix(
      rows,
      units,
      x.data.map((value, at) => value * scale[at % units] + 5),
    ),
    y: mix(targets, mixY, 0.8),
  };
}

test('the Gram form is the primal form on random data', async () => {
  const cases = fc.record({
    rows: fc.integer({ min: 12, max: 40 }),
    units: fc.integer({ min: 6, max: 90 }),
    targets: fc.integer({ min: 1, max: 12 }),
    seed: fc.integer({ min: 0, max: 1e6 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ rows, units, targets, seed }) => {
      const { x, y } = problem(rows, units, targets, seed);
      const components = Math.min(6, units);
      const primal = await fitPls(x, y, components);
      const features = denseFeatures(rows, units, x.data);
      const raw = await fitPlsGram(await gram(features), y, components);
      const centred = await centredGram(features);
      const dual = await fitPlsGram(centred, y, components);
      expect(dual.iterations).toEqual(primal.iterations);
      expect(raw.iterations).toEqual(primal.iterations);
      const wanted = await predictPls(primal, x.data);
      const got = await predictPlsGram(dual, centred);
      expectClose(got.data, wanted.data, tolerances.float64);
    }),
    { numRuns: 60, seed: 4 },
  );
});

test('more targets than twice the rows take the other road to the same numbers', async () => {
  const { x, y } = problem(20, 200, 45, 8);
  const primal = await fitPls(x, y, 10);
  const products = await centredGram(denseFeatures(20, 200, x.data));
  const dual = await fitPlsGram(products, y, 10);
  expect(dual.iterations).toEqual(primal.iterations);
  const wanted = await predictPls(primal, x.data);
  expectClose((await predictPlsGram(dual, products)).data, wanted.data, tolerances.float64);
});

test('many targets a feature, some of them constant or copies: every form gives the same numbers', async () => {
  const { x, y } = problem(40, 9, 90, 11);
  for (let i = 0; i < y.rows; i++) {
    y.data[i * y.cols] = 3;
    y.data[i * y.cols + 7] = 1e-20 * i;
    // A target that the first component explains whole, and one that the features do.
    y.data[i * y.cols + 20] = x.data[i * x.cols];
    y.data[i * y.cols + 21] = y.data[i * y.cols + 20] - 4;
  }
  const chosen = await fitPls(x, y, 8);
  const products = await fitPls(x, y, 8, 'products');
  expect(chosen).toEqual(await fitPls(x, y, 8, 'many targets'));
  const dual = await fitPlsGram(await matmul(x, x, { transposeB: true }), y, 8);
  expect(chosen.iterations).toEqual(products.iterations);
  expect(chosen.iterations).toEqual(dual.iterations);
  const wanted = await predictPls(products, x.data);
  expectClose((await predictPls(chosen, x.data)).data, wanted.data, tolerances.float64);
  for (const part of ['xScores', 'xWeights', 'xLoadings', 'xRotations', 'yLoadings'] as const)
    expectClose(chosen[part].data, products[part].data, tolerances.float64);
});

test('four targets a feature are still fitted from their products, to the bit', async () => {
  const { x, y } = problem(40, 9, 36, 11);
  expect(await fitPls(x, y, 5)).toEqual(await fitPls(x, y, 5, 'products'));
});

test('features without any covariance with the targets end the fit, with the mean predicted', async () => {
  const y = matrix(6, 1, Float64Array.of(1, 2, 3, 4, 5, 9));
  const x = matrix(6, 3, new Float64Array(18).fill(2));
  const primal = await fitPls(x, y, 2);
  const dual = await fitPlsGram(await matmul(x, x, { transposeB: true }), y, 2);
  expect([primal.stopped, dual.stopped]).toEqual(['rank exhausted', 'rank exhausted']);
  expect([...(await predictPls(primal, x.data)).data]).toEqual(new Array(6).fill(4));
  const flat = await predictPlsGram(dual, await matmul(x, x, { transposeB: true }));
  expect([...flat.data]).toEqual(new Array(6).fill(4));
});

test('some rows of a Gram matrix are fitted as if there were no others, to the bit', async () => {
  const { x, y } = problem(23, 60, 3, 9);
  const rows = [20, 3, 4, 9, 0, 1, 17, 12, 5, 21];
  const of = ({ cols, data }: Matrix) =>
    matrix(
      rows.length,
      cols,
      Float64Array.from(rows.flatMap((row) => [...data.subarray(row * cols, (row + 1) * cols)])),
    );
  const products = await matmul(x, x, { transposeB: true });
  const some = of(products);
  const alone = matrix(
    rows.length,
    rows.length,
    Float64Array.from(rows.flatMap((_, i) => rows.map((row) => some.data[i * some.cols + row]))),
  );
  const found = await fitPlsGram(products, of(y), 4, rows);
  expect(found).toEqual(await fitPlsGram(alone, of(y), 4));
});
