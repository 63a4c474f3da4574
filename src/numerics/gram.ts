import type { Features } from './features.js';
import { matmul, widenedGram } from './gemm.js';
import { type Matrix, matrix } from './matrix.js';

/** Values in one block: 2 MiB of float32, so that what is widened to float64 stays near the caches. */
const BLOCK_VALUES = 1 << 19;
const LEAST_WIDTH = 1024;

/**
 * The Gram matrix X Xᵀ of the rows of `features` in float64 (presentation × presentation), by column
 * blocks: memory is one block, however wide the layer. The values must be finite.
 */
export function gram(features: Features): Promise<Matrix> {
  return sumOfBlocks(features, async (block, rows, width) => {
    if (block instanceof Float32Array) return widenedGram(block, width, 'as is');
    const x = matrix(rows, width, block);
    return matmul(x, x, { transposeB: true });
  });
}

/**
 * The Gram matrix of the features with their mean over all rows taken from each column: all that PLS
 * and ridge regression need of wide features (spec §2.5), since either centres again by split. Large
 * common offsets, which would drown the differences in rounding, are gone. Where a feature is NaN or
 * infinite, so is the result.
 */
export function centredGram(features: Features): Promise<Matrix> {
  return sumOfBlocks(features, async (block, rows, width) => {
    if (block instanceof Float32Array) return widenedGram(block, width, 'centred');
    const x = matrix(rows, width, centredBlock(block, rows, width));
    return matmul(x, x, { transposeB: true });
  });
}

async function sumOfBlocks(
  features: Features,
  product: (block: Float32Array | Float64Array, rows: number, width: number) => Promise<Matrix>,
): Promise<Matrix> {
  const { rows, cols } = features;
  const sum = matrix(rows, rows);
  const width = productWidth(rows);
  for (let from = 0; from < cols; from += width) {
    const to = Math.min(cols, from + width);
    const part = await product(await features.columns(from, to), rows, to - from);
    addInto(sum.data, part.data);
  }
  return sum;
}

/**
 * Columns of the blocks that products of `rows` rows are summed over. Equal for equal rows, since the
 * last bits of a sum depend on it. With many rows the sums of rows² values would outweigh narrow products.
 */
export function productWidth(rows: number): number {
  return Math.max(LEAST_WIDTH, Math.floor(BLOCK_VALUES / Math.max(1, rows)));
}

/** Adds values one by one. Apart from the asynchronous loops, where the engine does not optimise it. */
export function addInto(sum: Float64Array, part: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += part[i];
}

function centredBlock(block: Float64Array, rows: number, width: number): Float64Array {
  const means = new Float64Array(width);
  for (let at = 0; at < block.length; at++) means[at % width] += block[at] / rows;
  return block.map((value, at) => value - means[at % width]);
}

/** How many values are NaN or infinite, and the first row that holds one; nothing if all are finite. */
export async function findNotFinite(
  features: Features,
): Promise<{ count: number; row: number } | undefined> {
  const width = Math.max(1, Math.floor(BLOCK_VALUES / Math.max(1, features.rows)));
  let count = 0;
  let row = features.rows;
  for (let from = 0; from < features.cols; from += width) {
    const to = Math.min(features.cols, from + width);
    const block = await features.columns(from, to);
    for (let at = 0; at < block.length; at++) {
      if (Number.isFinite(block[at])) continue;
      count++;
      row = Math.min(row, Math.floor(at / (to - from)));
    }
  }
  return count === 0 ? undefined : { count, row };
}
