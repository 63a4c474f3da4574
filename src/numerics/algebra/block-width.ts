/** Values in one block: 2 MiB of float32, so that what is widened to float64 stays near the caches. */
const BLOCK_VALUES = 1 << 19;
const LEAST_WIDTH = 1024;

/**
 * Columns of the blocks that a Gram matrix of `rows` rows is summed over. With many rows the sums of rows²
 * values would outweigh narrow products.
 */
export const gramBlockWidth = (rows: number): number =>
  Math.max(LEAST_WIDTH, Math.floor(BLOCK_VALUES / Math.max(1, rows)));
