import { VentralError } from '../../errors/ventral-error.js';
import { matmul } from '../algebra/gemm.js';
import { columnMeans, type Matrix, matrix } from '../algebra/matrix.js';
import {
  centredColumns,
  columnPeaks,
  dot,
  dotFrom,
  fromColumns,
  NO_COVARIANCE,
  PLS_MAX_ITERATIONS,
  PLS_TOLERANCE,
  type PlsCourse,
  RANK_EXHAUSTED,
  subtractOuter,
  transposedTimes,
  vanishes,
} from './pls-residual.js';

/**
 * Partial least squares regression as scikit-learn's PLSRegression(scale=False) fits it: NIPALS with
 * its start, its stopping rule and its signs (spec §2.5), iterated on XᵀY in place of X and Y, which
 * gives the same weights in exact arithmetic. For features up to the number of stimuli; wider ones
 * go through pls-gram.ts. Parity: 1e-9, iteration counts exact.
 */

/** A fitted regression; columns of the matrices are components. */
export interface PlsFit extends PlsCourse {
  readonly xMean: Float64Array;
  readonly yMean: Float64Array;
  /** presentation × component */
  readonly xScores: Matrix;
  /** feature × component */
  readonly xWeights: Matrix;
  readonly xLoadings: Matrix;
  readonly xRotations: Matrix;
  /** target × component */
  readonly yLoadings: Matrix;
  /** feature × target: prediction = (x − xMean) · coefficients + yMean */
  readonly coefficients: Matrix;
}

/**
 * Refuses a fit of more components than there are units.
 * @throws VentralError `units-too-few`
 */
export function requireUnits(units: number, components: number): void {
  if (components > units)
    throw new VentralError(
      'units-too-few',
      `PLS with ${components} components needs at least as many units, but the layer has ${units}`,
      {
        field: 'components',
        expected: `at least ${components} units`,
        found: `${units} units`,
        reason: `${units} units < ${components} components`,
      },
    );
}

/**
 * Fits `components` components on x (presentation × feature) and y (presentation × target), both
 * float64.
 * @throws VentralError `units-too-few` where there are more components than features
 */
export async function fitPls(x: Matrix, y: Matrix, components: number): Promise<PlsFit> {
  requireUnits(x.cols, components);
  const xMean = columnMeans(x);
  const yMean = columnMeans(y);
  const residual = { x: centredColumns(x, xMean), y: centredColumns(y, yMean) };
  const products = await matmul(residual.x, residual.y, { transposeA: true }); // feature × target
  const columns: Component[] = [];
  const iterations: number[] = [];
  let converged = true;
  let stopped: PlsCourse['stopped'];
  const total = dot(residual.x.data, residual.x.data);
  while (columns.length < components) {
    const peaks = columnPeaks(residual.y);
    peaks.forEach((peak, j) => {
      if (peak === 0 || !vanishes(peak)) return;
      clearColumn(residual.y, j);
      clearColumn(products, j);
    });
    const start = peaks.findIndex((peak) => !vanishes(peak));
    if (start < 0) stopped = 'targets explained';
    else if (isExhausted(residual, products, total)) stopped = 'rank exhausted';
    if (stopped) break;
    const found = nipals(products, start);
    iterations.push(found.count);
    converged &&= found.count < PLS_MAX_ITERATIONS || found.converged;
    const component = deflate(residual, products, found.weights);
    columns.push(component);
  }
  return { ...assemble(columns, x, y), iterations, converged, stopped, xMean, yMean };
}

/** Whether what is left of X, or of its products with Y, is rounding noise. */
function isExhausted({ x, y }: { x: Matrix; y: Matrix }, products: Matrix, total: number): boolean {
  const left = dot(x.data, x.data);
  if (left <= RANK_EXHAUSTED ** 2 * total) return true;
  return dot(products.data, products.data) <= NO_COVARIANCE ** 2 * left * dot(y.data, y.data);
}

/** Vectors of one component. */
interface Component {
  readonly weights: Float64Array;
  readonly scores: Float64Array;
  readonly xLoadings: Float64Array;
  readonly yLoadings: Float64Array;
}

function clearColumn({ rows, cols, data }: Matrix, j: number): void {
  for (let i = 0; i < rows; i++) data[i * cols + j] = 0;
}

/** The power iteration from target `start`; `products` = XᵀY of the residuals. */
function nipals(products: Matrix, start: number) {
  const { rows, cols, data } = products;
  let yWeights: Float64Array = new Float64Array(cols);
  yWeights[start] = 1;
  let previous: Float64Array = new Float64Array(rows).fill(100);
  for (let count = 1; ; count++) {
    const weights = new Float64Array(rows);
    for (let f = 0; f < rows; f++) weights[f] = dotFrom(data, f * cols, yWeights);
    const norm = Math.sqrt(dot(weights, weights));
    let change = 0;
    for (let f = 0; f < rows; f++) {
      weights[f] = norm === 0 ? 0 : weights[f] / norm;
      change += (weights[f] - previous[f]) ** 2;
    }
    const converged = change < PLS_TOLERANCE || cols === 1;
    if (converged || count === PLS_MAX_ITERATIONS) {
      flipToPositivePeak(weights);
      return { weights, count, converged };
    }
    previous = weights;
    yWeights = transposedTimes(products, weights);
  }
}

/** Makes the entry of largest magnitude positive, the first of equals. */
function flipToPositivePeak(weights: Float64Array): void {
  let peak = 0;
  for (const weight of weights) if (Math.abs(weight) > Math.abs(peak)) peak = weight;
  if (peak < 0) for (let f = 0; f < weights.length; f++) weights[f] = -weights[f];
}

/** Takes the component of these weights out of the residuals. */
function deflate(
  residual: { x: Matrix; y: Matrix },
  products: Matrix,
  weights: Float64Array,
): Component {
  const { x, y } = residual;
  const scores = new Float64Array(x.rows);
  for (let i = 0; i < x.rows; i++) scores[i] = dotFrom(x.data, i * x.cols, weights);
  const square = dot(scores, scores);
  const xLoadings = transposedTimes(x, scores).map((value) => value / square);
  const yLoadings = transposedTimes(y, scores).map((value) => value / square);
  subtractOuter(x, scores, xLoadings);
  subtractOuter(y, scores, yLoadings);
  subtractOuter(
    products,
    xLoadings.map((value) => value * square),
    yLoadings,
  );
  return { weights, scores, xLoadings, yLoadings };
}

function assemble(components: readonly Component[], x: Matrix, y: Matrix) {
  const rotations = rotate(components);
  const coefficients = matrix(x.cols, y.cols);
  components.forEach(({ yLoadings }, k) => {
    subtractOuter(
      coefficients,
      rotations[k].map((value) => -value),
      yLoadings,
    );
  });
  return {
    xScores: fromColumns(
      components.map((c) => c.scores),
      x.rows,
    ),
    xWeights: fromColumns(
      components.map((c) => c.weights),
      x.cols,
    ),
    xLoadings: fromColumns(
      components.map((c) => c.xLoadings),
      x.cols,
    ),
    xRotations: fromColumns(rotations, x.cols),
    yLoadings: fromColumns(
      components.map((c) => c.yLoadings),
      y.cols,
    ),
    coefficients,
  };
}

/** Columns of W (PᵀW)⁻¹; PᵀW is upper triangular, since later weights are orthogonal to X's past. */
function rotate(components: readonly Component[]): Float64Array[] {
  const rotations: Float64Array[] = [];
  components.forEach(({ weights, xLoadings }) => {
    const rotation = weights.slice();
    rotations.forEach((earlier, j) => {
      const share = dot(components[j].xLoadings, weights);
      for (let f = 0; f < rotation.length; f++) rotation[f] -= share * earlier[f];
    });
    const diagonal = dot(xLoadings, weights);
    rotations.push(rotation.map((value) => value / diagonal));
  });
  return rotations;
}

/**
 * Predictions (presentation × target) for row-major features. float32 features are centred in
 * float64 and stored as float32, as the reference does in place, before the float64 product.
 */
export async function predictPls(fit: PlsFit, x: Float32Array | Float64Array): Promise<Matrix> {
  const cols = fit.xMean.length;
  const rows = x.length / cols;
  const centred = matrix(rows, cols);
  const round = x instanceof Float32Array ? Math.fround : (value: number) => value;
  for (let i = 0, at = 0; i < rows; i++) {
    for (let f = 0; f < cols; f++, at++) centred.data[at] = round(x[at] - fit.xMean[f]);
  }
  const prediction = await matmul(centred, fit.coefficients);
  for (let at = 0; at < prediction.data.length; at++)
    prediction.data[at] += fit.yMean[at % prediction.cols];
  return prediction;
}
