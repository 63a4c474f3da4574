import { type Matrix, matrix } from './matrix.js';

/** Eigenvalues ascending, and the eigenvector of each as a row. */
export interface SymmetricEigen {
  readonly values: Float64Array;
  readonly vectors: Matrix;
}

/**
 * Eigen-decomposition of a symmetric matrix in plain float64: Householder reflections to tridiagonal
 * form, then implicit QL with Wilkinson's shift (Golub and Van Loan, Matrix Computations, §8.3).
 * About 9 n³ operations: seconds for a thousand rows.
 * @throws RangeError where it does not converge (values that are not finite)
 */
export function symmetricEigen(a: Matrix): SymmetricEigen {
  const n = a.rows;
  const { diagonal, beside, basis } = tridiagonal(a);
  diagonalise(diagonal, beside, basis);
  const order = Array.from(diagonal.keys()).sort((i, j) => diagonal[i] - diagonal[j]);
  const vectors = matrix(n, n);
  order.forEach((from, to) => {
    vectors.data.set(basis.data.subarray(from * n, (from + 1) * n), to * n);
  });
  return { values: Float64Array.from(order, (i) => diagonal[i]), vectors };
}

/** A = Q T Qᵀ with T tridiagonal; `basis` is Qᵀ, `beside[i]` is the element between i and i + 1. */
function tridiagonal(a: Matrix) {
  const n = a.rows;
  const work = a.data.slice();
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  const reflections: Float64Array[] = [];
  for (let k = 0; k < n - 1; k++) {
    const v = new Float64Array(n);
    let norm = 0;
    for (let i = k + 1; i < n; i++) {
      v[i] = work[i * n + k];
      norm = Math.hypot(norm, v[i]);
    }
    diagonal[k] = work[k * n + k];
    beside[k] = v[k + 1] > 0 ? -norm : norm;
    v[k + 1] -= beside[k];
    reflect(work, n, v, k + 1);
    reflections.push(v);
  }
  if (n > 0) diagonal[n - 1] = work[n * n - 1];
  return { diagonal, beside, basis: accumulate(reflections, n) };
}

/** H A H for the reflection H along v, on rows and columns from `start`; leaves v of unit length (or 0). */
function reflect(work: Float64Array, n: number, v: Float64Array, start: number): void {
  let square = 0;
  for (let i = start; i < n; i++) square += v[i] * v[i];
  if (square === 0) return;
  const length = Math.sqrt(square);
  for (let i = start; i < n; i++) v[i] /= length;
  const p = new Float64Array(n);
  let along = 0;
  for (let i = start; i < n; i++) {
    let sum = 0;
    for (let j = start, at = i * n + start; j < n; j++) sum += work[at++] * v[j];
    p[i] = 2 * sum;
    along += v[i] * p[i];
  }
  for (let i = start; i < n; i++) p[i] -= along * v[i];
  for (let i = start; i < n; i++) {
    const vi = v[i];
    const pi = p[i];
    for (let j = start, at = i * n + start; j < n; j++) work[at++] -= vi * p[j] + pi * v[j];
  }
}

/** Rows of Qᵀ = … H₂ H₁. */
function accumulate(reflections: readonly Float64Array[], n: number): Matrix {
  const basis = matrix(n, n);
  for (let i = 0; i < n; i++) basis.data[i * n + i] = 1;
  const row = new Float64Array(n);
  for (let k = reflections.length - 1; k >= 0; k--) {
    // Q's rows and columns up to k are still those of the identity.
    const v = reflections[k];
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += basis.data[i * n + j] * v[j];
      row[i] = 2 * sum;
    }
    for (let i = k + 1; i < n; i++) {
      for (let j = k + 1; j < n; j++) basis.data[i * n + j] -= row[i] * v[j];
    }
  }
  return basis;
}

const MAX_SWEEPS = 60;

/** Turns T into its eigenvalues (in `diagonal`), applying every rotation to the rows of `basis`. */
function diagonalise(diagonal: Float64Array, beside: Float64Array, basis: Matrix): void {
  const n = diagonal.length;
  // Relative to the whole matrix: the reflections have left rounding of that size everywhere.
  let largest = 0;
  for (let i = 0; i < n; i++)
    largest = Math.max(largest, Math.abs(diagonal[i]) + Math.abs(beside[i]));
  const negligible = Number.EPSILON * largest;
  for (let low = 0; low < n; low++) {
    for (let sweep = 0; ; sweep++) {
      let high = low;
      while (high < n - 1 && !(Math.abs(beside[high]) <= negligible)) high++;
      if (high === low) break;
      if (sweep === MAX_SWEEPS) throw new RangeError('The eigenvalues did not converge');
      chase(diagonal, beside, basis, [low, high]);
    }
  }
}

/** One implicit QL sweep from `high` down to `low`. */
function chase(
  diagonal: Float64Array,
  beside: Float64Array,
  basis: Matrix,
  [low, high]: readonly [number, number],
): void {
  const half = (diagonal[low + 1] - diagonal[low]) / (2 * beside[low]);
  const root = half >= 0 ? Math.hypot(half, 1) : -Math.hypot(half, 1);
  let bulge = diagonal[high] - diagonal[low] + beside[low] / (half + root);
  let [sine, cosine, shift] = [1, 1, 0];
  for (let i = high - 1; i >= low; i--) {
    const f = sine * beside[i];
    const b = cosine * beside[i];
    const r = Math.hypot(f, bulge);
    beside[i + 1] = r;
    if (r === 0) {
      diagonal[i + 1] -= shift;
      beside[high] = 0;
      return;
    }
    sine = f / r;
    cosine = bulge / r;
    const next = diagonal[i + 1] - shift;
    const t = (diagonal[i] - next) * sine + 2 * cosine * b;
    shift = sine * t;
    diagonal[i + 1] = next + shift;
    bulge = cosine * t - b;
    rotate(basis, i, sine, cosine);
  }
  diagonal[low] -= shift;
  beside[low] = bulge;
  beside[high] = 0;
}

/** Rotates rows i and i + 1. */
function rotate({ cols, data }: Matrix, i: number, sine: number, cosine: number): void {
  for (let at = i * cols, end = at + cols; at < end; at++) {
    const upper = data[at];
    const lower = data[at + cols];
    data[at + cols] = sine * upper + cosine * lower;
    data[at] = cosine * upper - sine * lower;
  }
}
