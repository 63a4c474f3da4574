/**
 * Ridge regression with a free intercept (spec §1.10): the predictions of scikit-learn's Ridge and
 * RidgeCV in float64, from the Gram matrix of the rows however many features there are, or from the
 * features where they are fewer than the rows (there the Gram matrix is singular and loses digits).
 */
import { cholesky, choleskySolve } from '../algebra/cholesky.js';
import type { ColumnSource } from '../algebra/column-source.js';
import { matmul } from '../algebra/gemm.js';
import { columnMeans, type Matrix, matrix } from '../algebra/matrix.js';
import { CentredRows } from './centred-rows.js';
import { choosePenalty, choosePenaltyInBlocks } from './penalty-choice.js';

/** Products of the rows that a regression is fitted on, and of rows to predict with them. */
export interface Kernel {
  /** train × train */
  readonly train: Matrix;
  /** predicted row × train */
  readonly cross: Matrix;
}

/** The kernel of features from which the mean of the train rows is taken. */
export function centreKernel({ train, cross }: Kernel): Kernel {
  const centre = kernelCentre(train);
  return { train: centreCross(train, centre), cross: centreCross(cross, centre) };
}

/** Means of the columns of the products of the train rows, and the mean of all of them. */
export interface KernelCentre {
  readonly means: Float64Array;
  readonly whole: number;
}

/** What {@link centreCross} needs of the products of the train rows. */
export function kernelCentre(train: Matrix): KernelCentre {
  const means = columnMeans(train);
  return { means, whole: means.reduce((sum, value) => sum + value, 0) / train.rows };
}

/** The products of rows with the train rows, from the features of both the mean of the train rows taken; `into` may be the products. */
export function centreCross(
  { rows, data }: Matrix,
  { means, whole }: KernelCentre,
  into: Matrix = matrix(rows, means.length),
): Matrix {
  const n = means.length;
  for (let row = 0; row < rows; row++) {
    let own = 0;
    for (let col = 0; col < n; col++) own += data[row * n + col];
    for (let col = 0; col < n; col++)
      into.data[row * n + col] = data[row * n + col] - own / n - means[col] + whole;
  }
  return into;
}

/** A matrix plus `sign` times one number a column. */
export function shiftColumns({ rows, cols, data }: Matrix, by: Float64Array, sign: 1 | -1): Matrix {
  const shifted = matrix(rows, cols);
  for (let row = 0, at = 0; row < rows; row++)
    for (let col = 0; col < cols; col++, at++) shifted.data[at] = data[at] + sign * by[col];
  return shifted;
}

/** A ridge regression of rows with one penalty, for any targets: what does not depend on them is computed once. */
export interface RidgeFit {
  /** Predictions (predicted row × target) for rows, fitted on `y` (train × target). */
  predict(rows: Matrix, y: Matrix): Promise<Matrix>;
}

/**
 * The regression from the products of the train rows (a {@link Kernel}'s `train`), whose memory it takes, with a penalty above 0;
 * predicts from `cross`.
 */
export async function ridgeFit(train: Matrix, alpha: number): Promise<RidgeFit> {
  const centre = kernelCentre(train);
  const centred = centreCross(train, centre, train);
  for (let i = 0; i < train.rows; i++) centred.data[i * (train.rows + 1)] += alpha;
  const factor = await cholesky(centred);
  if (!factor) throw new RangeError(`The kernel plus ${alpha} is not positive definite`);
  return {
    async predict(cross, y) {
      const means = columnMeans(y);
      const dual = await choleskySolve(factor, shiftColumns(y, means, -1));
      const rows = centreCross(cross, centre);
      return shiftColumns(await matmul(rows, dual), means, 1);
    },
  };
}

/**
 * The same from the features of the train rows (train × feature), for any penalty; predicts from features. The last penalty's
 * factor is kept.
 */
export async function narrowRidge(train: Matrix): Promise<(alpha: number) => Promise<RidgeFit>> {
  const centre = columnMeans(train);
  const x = shiftColumns(train, centre, -1);
  const normal = await matmul(x, x, { transposeA: true });
  const factored = async (alpha: number) => {
    const products = matrix(x.cols, x.cols, normal.data.slice());
    for (let i = 0; i < x.cols; i++) products.data[i * (x.cols + 1)] += alpha;
    const factor = await cholesky(products);
    if (!factor) throw new RangeError(`The products plus ${alpha} are not positive definite`);
    return { alpha, factor };
  };
  let last: Awaited<ReturnType<typeof factored>> | undefined;
  return async (alpha) => {
    if (last?.alpha !== alpha) last = await factored(alpha);
    const { factor } = last;
    return {
      async predict(rows, y) {
        const means = columnMeans(y);
        const pulled = await matmul(x, shiftColumns(y, means, -1), { transposeA: true });
        const weights = await choleskySolve(factor, pulled);
        return shiftColumns(await matmul(shiftColumns(rows, centre, -1), weights), means, 1);
      },
    };
  };
}

/** A ridge regression that chooses its penalty for each set of targets, from one decomposition of the train rows. */
export interface PenaltyFit {
  /** The penalty for `y` (train × target), and the predictions from `cross`, the products of rows with the train rows. */
  predict(
    cross: Matrix,
    y: Matrix,
    alphas: readonly number[],
  ): Promise<{ readonly values: Matrix; readonly alpha: number }>;
  /** The penalty for targets (train × target) of which some are in memory at a time. */
  choose(y: ColumnSource, alphas: readonly number[]): Promise<number>;
  /** The predictions of a fit with one penalty. */
  predictWith(cross: Matrix, y: Matrix, alpha: number): Promise<Matrix>;
}

/** {@link PenaltyFit} of the products of the train rows, whose memory it takes. */
export async function penaltyFit(train: Matrix): Promise<PenaltyFit> {
  const centre = kernelCentre(train);
  const rows = await CentredRows.ofKernel(train);
  return {
    async predict(cross, y, alphas) {
      const means = columnMeans(y);
      const { alpha, dual } = await choosePenalty(rows, shiftColumns(y, means, -1), alphas);
      const values = await matmul(centreCross(cross, centre), dual);
      return { alpha, values: shiftColumns(values, means, 1) };
    },
    choose: (y, alphas) => choosePenaltyInBlocks(rows, withoutMeans(y), alphas),
    async predictWith(cross, y, alpha) {
      const means = columnMeans(y);
      const targets = await rows.coordinates(shiftColumns(y, means, -1));
      const values = await matmul(centreCross(cross, centre), await rows.dual(targets, alpha));
      return shiftColumns(values, means, 1);
    },
  };
}

const centredColumns = (y: Matrix) => shiftColumns(y, columnMeans(y), -1);

const withoutMeans = (y: ColumnSource): ColumnSource => ({
  ...{ rows: y.rows, cols: y.cols },
  columns: (from, to) => centredColumns(y.columns(from, to)),
});

/** The penalty among some for targets (train × target) that are in memory together, or some at a time. */
export interface NarrowPenaltyChoice {
  together(y: Matrix, alphas: readonly number[]): Promise<number>;
  inBlocks(y: ColumnSource, alphas: readonly number[]): Promise<number>;
}

/** Choices from one decomposition of features (train × feature). */
export async function narrowPenaltyChoice(x: Matrix): Promise<NarrowPenaltyChoice> {
  const centred = shiftColumns(x, columnMeans(x), -1);
  const rows = await (x.cols < x.rows - 1
    ? CentredRows.ofFeatures(centred)
    : CentredRows.ofKernel(await matmul(centred, centred, { transposeB: true })));
  return {
    together: async (y, alphas) => (await choosePenalty(rows, centredColumns(y), alphas)).alpha,
    inBlocks: (y, alphas) => choosePenaltyInBlocks(rows, withoutMeans(y), alphas),
  };
}
