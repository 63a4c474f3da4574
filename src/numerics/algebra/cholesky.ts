import { matmul } from './gemm.js';
import { type Matrix, matrix } from './matrix.js';

/** Rows of a block: what is left to plain loops costs this times n². */
const BLOCK = 64;

/**
 * The lower factor L of a symmetric positive definite matrix A = L Lᵀ (the upper triangle of A is not
 * read), or undefined if a pivot is not above `floor` times the largest diagonal entry.
 * Block by block, with the products in ONNX Runtime.
 */
export async function cholesky(a: Matrix, floor = 0): Promise<Matrix | undefined> {
  const n = a.rows;
  const factor = matrix(n, n);
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, a.data[i * n + i]);
  for (let from = 0; from < n; from += BLOCK) {
    const to = Math.min(n, from + BLOCK);
    const panel = window(a, [from, n], [from, to]);
    if (from > 0) {
      const below = window(factor, [from, n], [0, from]);
      const across = window(factor, [from, to], [0, from]);
      const known = await matmul(below, across, { transposeB: true });
      for (let i = 0; i < panel.data.length; i++) panel.data[i] -= known.data[i];
    }
    if (!factorPanel(panel, floor * largest)) return undefined;
    for (let row = from; row < n; row++) {
      const start = (row - from) * panel.cols;
      const width = Math.min(panel.cols, row - from + 1);
      factor.data.set(panel.data.subarray(start, start + width), row * n + from);
    }
  }
  return factor;
}

/** Rows and columns [from, to) of a matrix, copied. */
function window(
  { cols, data }: Matrix,
  [top, bottom]: readonly [number, number],
  [left, right]: readonly [number, number],
): Matrix {
  const part = matrix(bottom - top, right - left);
  for (let row = top; row < bottom; row++)
    part.data.set(data.subarray(row * cols + left, row * cols + right), (row - top) * part.cols);
  return part;
}

/** Factors a tall panel in place: its head as a small Cholesky, the rows below by substitution. */
function factorPanel({ rows, cols, data }: Matrix, floor: number): boolean {
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < Math.min(cols, row + 1); col++) {
      let value = data[row * cols + col];
      for (let k = 0; k < col; k++) value -= data[row * cols + k] * data[col * cols + k];
      if (row === col && !(value > floor)) return false;
      data[row * cols + col] = row === col ? Math.sqrt(value) : value / data[col * cols + col];
    }
  }
  return true;
}

/** A⁻¹ B for the factor L of A = L Lᵀ. */
export async function choleskySolve(factor: Matrix, b: Matrix): Promise<Matrix> {
  return backSolve(factor, await forwardSolve(factor, b));
}

/** L⁻¹ B */
export async function forwardSolve(factor: Matrix, b: Matrix): Promise<Matrix> {
  const n = factor.rows;
  const x = matrix(n, b.cols, b.data.slice());
  for (let from = 0; from < n; from += BLOCK) {
    const to = Math.min(n, from + BLOCK);
    if (from > 0)
      subtract(x, from, await matmul(window(factor, [from, to], [0, from]), rowsOf(x, 0, from)));
    substitute(factor, x, [from, to], 'forward');
  }
  return x;
}

/** L⁻ᵀ B */
export async function backSolve(factor: Matrix, b: Matrix): Promise<Matrix> {
  const n = factor.rows;
  const x = matrix(n, b.cols, b.data.slice());
  for (let from = Math.floor((n - 1) / BLOCK) * BLOCK; from >= 0; from -= BLOCK) {
    const to = Math.min(n, from + BLOCK);
    if (to < n) {
      const below = window(factor, [to, n], [from, to]);
      subtract(x, from, await matmul(below, rowsOf(x, to, n), { transposeA: true }));
    }
    substitute(factor, x, [from, to], 'back');
  }
  return x;
}

const rowsOf = ({ cols, data }: Matrix, from: number, to: number): Matrix =>
  matrix(to - from, cols, data.subarray(from * cols, to * cols));

function subtract({ cols, data }: Matrix, from: number, known: Matrix): void {
  const start = from * cols;
  for (let i = 0; i < known.data.length; i++) data[start + i] -= known.data[i];
}

/** Solves with one diagonal block of L (forward) or Lᵀ (back), in place. */
function substitute(
  factor: Matrix,
  x: Matrix,
  [from, to]: readonly [number, number],
  direction: 'forward' | 'back',
): void {
  const { cols, data } = x;
  const n = factor.cols;
  const forward = direction === 'forward';
  for (let step = 0; step < to - from; step++) {
    const row = forward ? from + step : to - 1 - step;
    const [first, last] = forward ? [from, row] : [row + 1, to];
    for (let other = first; other < last; other++) {
      const weight = forward ? factor.data[row * n + other] : factor.data[other * n + row];
      for (let col = 0; col < cols; col++)
        data[row * cols + col] -= weight * data[other * cols + col];
    }
    const pivot = factor.data[row * n + row];
    for (let col = 0; col < cols; col++) data[row * cols + col] /= pivot;
  }
}
