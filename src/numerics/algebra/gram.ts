import { gramBlockWidth } from './block-width.js';
import type { Features } from './features.js';
import { gramTiles, type Tile, tilesOf } from './gemm.js';
import { type Matrix, matrix } from './matrix.js';

/**
 * The Gram matrix X Xᵀ of the rows of `features` in float64 (presentation × presentation), by column
 * blocks: memory is one block, however wide the layer. The values must be finite.
 */
export function gram(features: Features): Promise<Matrix> {
  return sumOfBlocks(features, 'as is');
}

/**
 * The Gram matrix of the features with their mean over all rows taken from each column: all that PLS
 * and ridge regression need of wide features (spec §2.5), since either centres again by split. Large
 * common offsets, which would drown the differences in rounding, are gone. Where a feature is NaN or
 * infinite, so is the result.
 */
export function centredGram(features: Features): Promise<Matrix> {
  return sumOfBlocks(features, 'centred');
}

async function sumOfBlocks(features: Features, form: 'as is' | 'centred'): Promise<Matrix> {
  const { rows, cols } = features;
  const sum = new GramSum(rows);
  const width = gramBlockWidth(rows);
  // Memory of its own for each block keeps the collector of garbage busy.
  const length = rows * Math.min(width, cols);
  const room = features.dtype === 'float32' ? new Float32Array(length) : new Float64Array(length);
  for (let from = 0; from < cols; from += width) {
    const to = Math.min(cols, from + width);
    await sum.add(await features.columns(from, to, room), form);
  }
  return sum.finish();
}

/**
 * Rows of a tile: small ones leave out more of the lower half, many of them cost more to start than they
 * leave out. By the rows alone, since the last bits of a product may depend on it.
 */
const tileOf = (rows: number) => (rows > 1024 ? 512 : 128);

/**
 * The sum of A Aᵀ over blocks A of some columns of all rows. It is symmetric: tiles below the diagonal
 * are not computed but copied at the end.
 */
export class GramSum {
  readonly #sum: Matrix;
  readonly #tile: number;
  /** What the last block added. */
  #tiles: Tile[] | undefined;
  /** Rows of each tile. */
  readonly #heights: readonly number[];

  constructor(rows: number) {
    const tile = tileOf(rows);
    this.#sum = matrix(rows, rows);
    this.#tile = tile;
    this.#heights = Array.from({ length: Math.ceil(rows / tile) }, (_, i) =>
      Math.min(tile, rows - i * tile),
    );
  }

  /** Adds A Aᵀ of a row-major block; `centred` takes the mean over the rows from each column first. */
  async add(block: Float32Array | Float64Array, form: 'as is' | 'centred'): Promise<void> {
    if (block.length === 0) return;
    const put = this.#tiles ? addTile : setTile;
    this.#tiles ??= tilesOf(this.#heights);
    await gramTiles(block, this.#heights, { form, tiles: this.#tiles });
    for (const [above, across, values] of this.#tiles) {
      const corner = [above * this.#tile, across * this.#tile] as const;
      put(this.#sum, corner, values, this.#heights[across]);
    }
  }

  /** The whole matrix. */
  finish(): Matrix {
    mirror(this.#sum, this.#tile);
    return this.#sum;
  }
}

/** Apart from the asynchronous loop, where the engine does not optimise it. */
function addTile(
  { cols, data }: Matrix,
  [row, col]: readonly [number, number],
  tile: Float64Array,
  width: number,
): void {
  for (let from = 0, at = row * cols + col; from < tile.length; from += width, at += cols)
    for (let k = 0; k < width; k++) data[at + k] += tile[from + k];
}

/** The first of the sums. */
function setTile(
  { cols, data }: Matrix,
  [row, col]: readonly [number, number],
  tile: Float64Array,
  width: number,
): void {
  for (let from = 0, at = row * cols + col; from < tile.length; from += width, at += cols)
    data.set(tile.subarray(from, from + width), at);
}

/** Copies the upper triangle to the lower one, a tile at a time: columns are far apart in memory. */
function mirror({ rows, data }: Matrix, tile: number): void {
  for (let above = 0; above < rows; above += tile)
    for (let across = above; across < rows; across += tile)
      for (let i = above; i < Math.min(rows, above + tile); i++)
        for (let j = Math.max(across, i + 1); j < Math.min(rows, across + tile); j++)
          data[j * rows + i] = data[i * rows + j];
}
