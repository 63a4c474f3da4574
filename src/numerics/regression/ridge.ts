/**
 * Ridge regression with a free intercept (spec §1.10): the predictions of scikit-learn's Ridge and
 * RidgeCV in float64, from the Gram matrix of the rows however many features there are, or from the
 * features where they are fewer than the rows (there the Gram matrix is singular and loses digits).
 */
import { cholesky, choleskySolve } from '../algebra/cholesky.js';
import { symmetricEigen } from '../algebra/eigen.js';
import { matmul } from '../algebra/gemm.js';
import { columnMeans, type Matrix, matrix } from '../algebra/matrix.js';

/** Products of the rows that a regression is fitted on, and of rows to predict with them. */
export interface Kernel {
  /** train × train */
  readonly train: Matrix;
  /** predicted row × train */
  readonly cross: Matrix;
}

/** The kernel of features from which the mean of the train rows is taken. */
export function centreKernel({ train, cross }: Kernel): Kernel {
  const n = train.rows;
  const means = columnMeans(train);
  const whole = means.reduce((sum, value) => sum + value, 0) / n;
  const centred = ({ rows, data }: Matrix) => {
    const values = matrix(rows, n);
    for (let row = 0; row < rows; row++) {
      let own = 0;
      for (let col = 0; col < n; col++) own += data[row * n + col];
      for (let col = 0; col < n; col++)
        values.data[row * n + col] = data[row * n + col] - own / n - means[col] + whole;
    }
    return values;
  };
  return { train: centred(train), cross: centred(cross) };
}

/** A matrix plus `sign` times one number a column. */
export function shiftColumns({ rows, cols, data }: Matrix, by: Float64Array, sign: 1 | -1): Matrix {
  return matrix(
    rows,
    cols,
    data.map((value, i) => value + sign * by[i % cols]),
  );
}

/** Predictions (predicted row × target) of a ridge regression with penalty `alpha` > 0 on `y` (train × target). */
export async function ridgePredictions(kernel: Kernel, y: Matrix, alpha: number): Promise<Matrix> {
  const { train, cross } = centreKernel(kernel);
  const means = columnMeans(y);
  for (let i = 0; i < train.rows; i++) train.data[i * (train.rows + 1)] += alpha;
  const factor = await cholesky(train);
  if (!factor) throw new RangeError(`The kernel plus ${alpha} is not positive definite`);
  const dual = await choleskySolve(factor, shiftColumns(y, means, -1));
  return shiftColumns(await matmul(cross, dual), means, 1);
}

/** The same from the features: `x` train × feature, `test` predicted row × feature. */
export async function narrowRidgePredictions(
  rows: { readonly x: Matrix; readonly test: Matrix },
  y: Matrix,
  alpha: number,
): Promise<Matrix> {
  const centre = columnMeans(rows.x);
  const x = shiftColumns(rows.x, centre, -1);
  const means = columnMeans(y);
  const normal = await matmul(x, x, { transposeA: true });
  for (let i = 0; i < x.cols; i++) normal.data[i * (x.cols + 1)] += alpha;
  const factor = await cholesky(normal);
  if (!factor) throw new RangeError(`The products plus ${alpha} are not positive definite`);
  const pulled = await matmul(x, shiftColumns(y, means, -1), { transposeA: true });
  const weights = await choleskySolve(factor, pulled);
  return shiftColumns(await matmul(shiftColumns(rows.test, centre, -1), weights), means, 1);
}

/** Chooses among penalties for targets (train × target). */
export type PenaltyChoice = (y: Matrix, alphas: readonly number[]) => Promise<number>;

/**
 * The penalty whose leave-one-out predictions of all targets are nearest (scikit-learn's RidgeCV);
 * the first of equals, and the first of all where its error is no number. `train` is centred or not. One
 * eigen-decomposition serves all penalties and all targets.
 */
export function penaltyChoice(train: Matrix): PenaltyChoice {
  const n = train.rows;
  const { values, vectors } = symmetricEigen(withConstantOnTop(train));
  const squares = matrix(
    n,
    n,
    vectors.data.map((value) => value * value),
  );
  return async (y, alphas) => {
    const coordinates = await matmul(vectors, shiftColumns(y, columnMeans(y), -1));
    let best = alphas[0];
    let least = Number.POSITIVE_INFINITY;
    for (const [index, alpha] of alphas.entries()) {
      const weights = values.map((value) => 1 / (Math.max(0, value) + alpha));
      // The vector of ones, along which the intercept is not penalised.
      weights[n - 1] = 0;
      const weighted = matrix(
        n,
        y.cols,
        coordinates.data.map((value, i) => value * weights[Math.floor(i / y.cols)]),
      );
      const residual = await matmul(vectors, weighted, { transposeA: true });
      const leverage = await matmul(squares, matrix(n, 1, weights), { transposeA: true });
      let error = 0;
      for (let i = 0; i < residual.data.length; i++)
        error += (residual.data[i] / leverage.data[Math.floor(i / y.cols)]) ** 2;
      if (index === 0 || error < least) [least, best] = [error, alpha];
    }
    return best;
  };
}

/** {@link penaltyChoice} for one set of targets. */
export const bestAlpha = (train: Matrix, y: Matrix, alphas: readonly number[]): Promise<number> =>
  penaltyChoice(train)(y, alphas);

/** The centred kernel, whose vector of ones is given the largest eigenvalue in place of 0. */
function withConstantOnTop(train: Matrix): Matrix {
  const n = train.rows;
  const centred = centreKernel({ train, cross: train }).train;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += centred.data[i * (n + 1)];
  const lift = (trace > 0 ? 2 * trace : 1) / n;
  return matrix(
    n,
    n,
    centred.data.map((value) => value + lift),
  );
}
