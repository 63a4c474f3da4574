import { backSolve, cholesky, forwardSolve } from './cholesky.js';
import { matmul } from './gemm.js';
import { type Matrix, matrix, transpose } from './matrix.js';
import { type TiledMatrix, tileBounds, tileCount } from './tiles.js';

/**
 * Cholesky's factor of a matrix that memory does not hold, tile column by tile column: each tile is written once, and what
 * it takes of the columns before is read again. Memory is a few tiles beside what the store keeps.
 */

/**
 * Replaces the tiles of a symmetric positive definite matrix A = L Lᵀ by those of L; false if it is not positive definite,
 * and then the tiles are of no use. `step` is told after each column of tiles.
 */
export async function tiledCholesky(
  a: TiledMatrix,
  step: () => void | Promise<void> = () => {},
): Promise<boolean> {
  const count = tileCount(a);
  for (let col = 0; col < count; col++) {
    const rest = await reduced(a, col, col);
    const head = await cholesky(rest);
    if (!head) return false;
    await a.tiles.write(col, col, head.data);
    for (let row = col + 1; row < count; row++) {
      const tile = await reduced(a, row, col);
      const solved = transpose(await forwardSolve(head, transpose(tile)));
      await a.tiles.write(row, col, solved.data);
    }
    await step();
  }
  return true;
}

/** A tile of A without what the columns of L before it explain, as a copy. */
async function reduced(a: TiledMatrix, row: number, col: number): Promise<Matrix> {
  const own = await tileAt(a, row, col);
  const tile = matrix(own.rows, own.cols, own.data.slice());
  for (let before = 0; before < col; before++) {
    const [left, right] = [await tileAt(a, row, before), await tileAt(a, col, before)];
    subtract(tile.data, (await matmul(left, right, { transposeB: true })).data);
  }
  return tile;
}

async function tileAt(a: TiledMatrix, row: number, col: number): Promise<Matrix> {
  const [rows, cols] = [row, col].map((index) => {
    const [from, to] = tileBounds(a, index);
    return to - from;
  });
  return matrix(rows, cols, await a.tiles.read(row, col));
}

/** A⁻¹ B for the tiles of L. */
export async function tiledSolve(factor: TiledMatrix, b: Matrix): Promise<Matrix> {
  return tiledBackSolve(factor, await tiledForwardSolve(factor, b));
}

/** L⁻¹ B; rows of B before tile `first` are zeros, and are not looked at. */
export async function tiledForwardSolve(
  factor: TiledMatrix,
  b: Matrix,
  first = 0,
): Promise<Matrix> {
  const x = matrix(b.rows, b.cols, b.data.slice());
  for (let row = first; row < tileCount(factor); row++) {
    const own = rowsOf(factor, x, row);
    for (let col = first; col < row; col++) {
      const known = await matmul(await tileAt(factor, row, col), rowsOf(factor, x, col));
      subtract(own.data, known.data);
    }
    own.data.set((await forwardSolve(await tileAt(factor, row, row), own)).data);
  }
  return x;
}

/** L⁻ᵀ B */
async function tiledBackSolve(factor: TiledMatrix, b: Matrix): Promise<Matrix> {
  const x = matrix(b.rows, b.cols, b.data.slice());
  const count = tileCount(factor);
  for (let row = count - 1; row >= 0; row--) {
    const own = rowsOf(factor, x, row);
    for (let below = row + 1; below < count; below++) {
      const tile = await tileAt(factor, below, row);
      const known = await matmul(tile, rowsOf(factor, x, below), { transposeA: true });
      subtract(own.data, known.data);
    }
    own.data.set((await backSolve(await tileAt(factor, row, row), own)).data);
  }
  return x;
}

/** The rows of a right side that belong to a tile, in place. */
function rowsOf(factor: TiledMatrix, { cols, data }: Matrix, index: number): Matrix {
  const [from, to] = tileBounds(factor, index);
  return matrix(to - from, cols, data.subarray(from * cols, to * cols));
}

function subtract(from: Float64Array, known: Float64Array): void {
  for (let i = 0; i < from.length; i++) from[i] -= known[i];
}
