import type { Features } from './features.js';
import { matmul, widenedProduct } from './gemm.js';
import { type Matrix, matrix } from './matrix.js';

/** Values in one block: 16 MiB of float32, so that blocks of wide layers stay small. */
const BLOCK_VALUES = 4 << 20;

/**
 * The Gram matrix X Xᵀ of the rows of `features` in float64 (presentation × presentation), by column
 * blocks: memory is one block, however wide the layer. All that PLS needs of wide features
 * (spec §2.5). The values must be finite.
 */
export async function gram(features: Features): Promise<Matrix> {
  const { rows, cols } = features;
  const sum = matrix(rows, rows);
  const width = Math.max(1, Math.floor(BLOCK_VALUES / Math.max(1, rows)));
  for (let from = 0; from < cols; from += width) {
    const to = Math.min(cols, from + width);
    const block = await features.columns(from, to);
    const part = await blockGram(block, rows, to - from);
    for (let i = 0; i < sum.data.length; i++) sum.data[i] += part.data[i];
  }
  return sum;
}

async function blockGram(
  block: Float32Array | Float64Array,
  rows: number,
  width: number,
): Promise<Matrix> {
  if (block instanceof Float32Array) return widenedProduct(block, block, width);
  const x = matrix(rows, width, block);
  return matmul(x, x, { transposeB: true });
}
