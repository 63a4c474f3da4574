/**
 * Ordinary least squares with an intercept, of least norm where features are collinear or outnumber
 * the rows (scikit-learn's LinearRegression, spec §1.10).
 */
import { cholesky, choleskySolve } from '../algebra/cholesky.js';
import { symmetricEigen } from '../algebra/eigen.js';
import { matmul } from '../algebra/gemm.js';
import { columnMeans, type Matrix, matrix } from '../algebra/matrix.js';
import { centreCross, kernelCentre, shiftColumns } from './ridge.js';

/** Smallest pivot, relative to the largest, of a matrix that is inverted unchanged. */
const REGULAR = 1e-11;
/** Each gains as many digits as the normal equations lose at most. */
const REFINEMENTS = 3;

/** Predictions (row × target) from rows, and from targets (train × target) of a regression on train rows that are given. */
export type LeastSquaresFit = (rows: Matrix, y: Matrix) => Promise<Matrix>;

/**
 * A regression on `x` (train × feature), features fewer than rows: normal equations, refined against the residual (Björck
 * 1987), so that the error is that of an orthogonal method. Collinear features go through {@link leastNormFit}. Predicts
 * from features.
 */
export async function leastSquaresFit(x: Matrix): Promise<LeastSquaresFit> {
  const centre = columnMeans(x);
  const scale = columnNorms(shiftColumns(x, centre, -1));
  // A feature that is constant over the train rows has weight 0 in the solution of least norm.
  const standard = (rows: Matrix) => {
    const { data, cols } = shiftColumns(rows, centre, -1);
    return matrix(
      rows.rows,
      cols,
      data.map((value, i) => (scale[i % cols] > 0 ? value / scale[i % cols] : 0)),
    );
  };
  const z = standard(x);
  const normal = await matmul(z, z, { transposeA: true });
  scale.forEach((value, col) => {
    if (value === 0) normal.data[col * (x.cols + 1)] = 1;
  });
  const factor = await cholesky(normal, REGULAR);
  if (!factor) return collinearFit(shiftColumns(x, centre, -1), centre);
  return async (rows, y) => {
    const means = columnMeans(y);
    const centred = shiftColumns(y, means, -1);
    const weights = matrix(x.cols, y.cols);
    for (let round = 0; round <= REFINEMENTS; round++) {
      const fitted = await matmul(z, weights);
      const residual = matrix(
        y.rows,
        y.cols,
        centred.data.map((value, i) => value - fitted.data[i]),
      );
      const step = await choleskySolve(factor, await matmul(z, residual, { transposeA: true }));
      for (let i = 0; i < step.data.length; i++) weights.data[i] += step.data[i];
    }
    return shiftColumns(await matmul(standard(rows), weights), means, 1);
  };
}

function columnNorms({ rows, cols, data }: Matrix): Float64Array {
  const squares = new Float64Array(cols);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++, i++) squares[col] += data[i] * data[i];
  }
  return squares.map(Math.sqrt);
}

async function collinearFit(train: Matrix, centre: Float64Array): Promise<LeastSquaresFit> {
  const predict = await leastNormFit(await matmul(train, train, { transposeB: true }));
  return async (rows, y) => {
    const other = shiftColumns(rows, centre, -1);
    return predict(await matmul(other, train, { transposeB: true }), y);
  };
}

/**
 * The same from the products of the train rows, for any targets: the regression of least norm. With more features than rows it
 * passes through every train row; directions that carry no more than rounding are left out. Predicts from the products of rows
 * with the train rows.
 */
export async function leastNormFit(train: Matrix): Promise<LeastSquaresFit> {
  const centre = kernelCentre(train);
  const solve = await pseudoInverse(centreCross(train, centre));
  return async (cross, y) => {
    const means = columnMeans(y);
    const dual = await solve(shiftColumns(y, means, -1));
    return shiftColumns(await matmul(centreCross(cross, centre), dual), means, 1);
  };
}

/** K⁺ Y for a centred K and Y: K is singular at least along the vector of ones. */
async function pseudoInverse(k: Matrix): Promise<(y: Matrix) => Promise<Matrix>> {
  const n = k.rows;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += k.data[i * (n + 1)];
  const filled = matrix(
    n,
    n,
    k.data.map((value) => value + trace / n / n),
  );
  const factor = await cholesky(filled, REGULAR);
  if (factor) return (y) => choleskySolve(factor, y);
  const { values, vectors } = symmetricEigen(k);
  const least = n * Number.EPSILON * values[n - 1];
  return async (y) => {
    const coordinates = await matmul(vectors, y);
    const kept = matrix(
      n,
      y.cols,
      coordinates.data.map((value, i) => {
        const eigenvalue = values[Math.floor(i / y.cols)];
        return eigenvalue > least ? value / eigenvalue : 0;
      }),
    );
    return matmul(vectors, kept, { transposeA: true });
  };
}
