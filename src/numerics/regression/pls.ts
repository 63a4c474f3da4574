import { VentralError } from '../../errors/ventral-error.js';
import { matmul } from '../algebra/gemm.js';
import { columnMeans, type Matrix, matrix } from '../algebra/matrix.js';
import { hasManyTargets, ManyTargets } from './pls-many-targets.js';
import {
  centredColumns,
  columnPeaks,
  dot,
  dotFrom,
  flipToPositivePeak,
  fromColumns,
  NO_COVARIANCE,
  PLS_MAX_ITERATIONS,
  PLS_TOLERANCE,
  type PlsComponent,
  type PlsCourse,
  type PlsResidual,
  type PlsWeights,
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

/** What the iteration runs on: XᵀY and Y, or (XᵀY)(XᵀY)ᵀ where targets far outnumber features. */
export type PlsForm = 'products' | 'many targets';

/**
 * Fits `components` components on x (presentation × feature) and y (presentation × target), both
 * float64.
 * @param form by the shapes unless said, which is for tests
 * @throws VentralError `units-too-few` where there are more components than features
 */
export async function fitPls(
  x: Matrix,
  y: Matrix,
  components: number,
  form: PlsForm = hasManyTargets(x, y) ? 'many targets' : 'products',
): Promise<PlsFit> {
  requireUnits(x.cols, components);
  const xMean = columnMeans(x);
  const yMean = columnMeans(y);
  const centred = centredColumns(x, xMean);
  const residual: PlsResidual =
    form === 'products'
      ? await Products.start(centred, centredColumns(y, yMean))
      : await ManyTargets.start(centred, y, yMean);
  const columns: PlsComponent[] = [];
  const iterations: number[] = [];
  let converged = true;
  let stopped: PlsCourse['stopped'];
  while (columns.length < components) {
    const start = await residual.nextStart();
    if (start < 0) stopped = 'targets explained';
    else if (residual.exhausted()) stopped = 'rank exhausted';
    if (stopped) break;
    const found = residual.iterate(start);
    iterations.push(found.count);
    converged &&= found.count < PLS_MAX_ITERATIONS || found.converged;
    columns.push(residual.deflate(found.weights));
  }
  const fitted = assemble(columns, x, y);
  const coefficients = await coefficientsOf(fitted, form);
  return { ...fitted, coefficients, iterations, converged, stopped, xMean, yMean };
}

/** Residuals of X and Y, and their products. */
class Products implements PlsResidual {
  readonly #x: Matrix;
  readonly #y: Matrix;
  /** feature × target */
  readonly #products: Matrix;
  readonly #total: number;

  private constructor(x: Matrix, y: Matrix, products: Matrix) {
    this.#x = x;
    this.#y = y;
    this.#products = products;
    this.#total = dot(x.data, x.data);
  }

  /** Of x and y, centred, which change from then on. */
  static async start(x: Matrix, y: Matrix): Promise<Products> {
    return new Products(x, y, await matmul(x, y, { transposeA: true }));
  }

  async nextStart(): Promise<number> {
    const peaks = columnPeaks(this.#y);
    peaks.forEach((peak, j) => {
      if (peak === 0 || !vanishes(peak)) return;
      clearColumn(this.#y, j);
      clearColumn(this.#products, j);
    });
    return peaks.findIndex((peak) => !vanishes(peak));
  }

  exhausted(): boolean {
    const left = dot(this.#x.data, this.#x.data);
    if (left <= RANK_EXHAUSTED ** 2 * this.#total) return true;
    const covariance = dot(this.#products.data, this.#products.data);
    return covariance <= NO_COVARIANCE ** 2 * left * dot(this.#y.data, this.#y.data);
  }

  iterate(start: number): PlsWeights {
    return nipals(this.#products, start);
  }

  deflate(weights: Float64Array): PlsComponent {
    const [x, y] = [this.#x, this.#y];
    const scores = new Float64Array(x.rows);
    for (let i = 0; i < x.rows; i++) scores[i] = dotFrom(x.data, i * x.cols, weights);
    const square = dot(scores, scores);
    const xLoadings = transposedTimes(x, scores).map((value) => value / square);
    const yLoadings = transposedTimes(y, scores).map((value) => value / square);
    subtractOuter(x, scores, xLoadings);
    subtractOuter(y, scores, yLoadings);
    subtractOuter(
      this.#products,
      xLoadings.map((value) => value * square),
      yLoadings,
    );
    return { weights, scores, xLoadings, yLoadings };
  }
}

function clearColumn({ rows, cols, data }: Matrix, j: number): void {
  for (let i = 0; i < rows; i++) data[i * cols + j] = 0;
}

/** The power iteration from target `start`; `products` = XᵀY of the residuals. */
function nipals(products: Matrix, start: number): PlsWeights {
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

function assemble(components: readonly PlsComponent[], x: Matrix, y: Matrix) {
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
    xRotations: fromColumns(rotate(components), x.cols),
    yLoadings: fromColumns(
      components.map((c) => c.yLoadings),
      y.cols,
    ),
  };
}

/** Rotations times yLoadingsᵀ. */
async function coefficientsOf(
  { xRotations, yLoadings }: Pick<PlsFit, 'xRotations' | 'yLoadings'>,
  form: PlsForm,
): Promise<Matrix> {
  if (form === 'many targets') return matmul(xRotations, yLoadings, { transposeB: true });
  const coefficients = matrix(xRotations.rows, yLoadings.rows);
  for (let k = 0; k < yLoadings.cols; k++)
    subtractOuter(coefficients, column(xRotations, k, -1), column(yLoadings, k, 1));
  return coefficients;
}

/** A column of a matrix, times `sign`. */
function column({ rows, cols, data }: Matrix, k: number, sign: 1 | -1): Float64Array {
  return Float64Array.from({ length: rows }, (_, i) => sign * data[i * cols + k]);
}

/** Columns of W (PᵀW)⁻¹; PᵀW is upper triangular, since later weights are orthogonal to X's past. */
function rotate(components: readonly PlsComponent[]): Float64Array[] {
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
  const { yMean } = fit;
  for (let i = 0, at = 0; i < rows; i++)
    for (let j = 0; j < yMean.length; j++, at++) prediction.data[at] += yMean[j];
  return prediction;
}
