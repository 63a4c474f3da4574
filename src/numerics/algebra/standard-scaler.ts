/**
 * Z-scoring of columns as scikit-learn's StandardScaler does it (spec §2.7): float64 moments whatever
 * the input, constant columns divided by 1, the result in the dtype of the input.
 */
import { columnBlocks } from './column-blocks.js';
import type { Features } from './features.js';

/** Moments of each column; `scale` is what a column is divided by. */
export interface Scaler {
  readonly mean: Float64Array;
  /** Population variance (ddof 0). */
  readonly variance: Float64Array;
  readonly scale: Float64Array;
}

/** Reads the features once, by column blocks. */
export async function fitScaler(features: Features): Promise<Scaler> {
  const { rows, cols } = features;
  const mean = new Float64Array(cols);
  const variance = new Float64Array(cols);
  for (const [from, to] of columnBlocks(features)) {
    const block = await features.columns(from, to);
    const moments = blockMoments(block, rows, to - from);
    mean.set(moments.mean, from);
    variance.set(moments.variance, from);
  }
  const scale = variance.map((value, col) =>
    isConstant(rows, mean[col], value) ? 1 : Math.sqrt(value),
  );
  return { mean, variance, scale };
}

/** Whether a variance is no more than rounding. */
function isConstant(rows: number, mean: number, variance: number): boolean {
  return variance <= rows * Number.EPSILON * variance + (rows * mean * Number.EPSILON) ** 2;
}

/** Means, and variances by the corrected two-pass formula. */
function blockMoments(block: Float32Array | Float64Array, rows: number, width: number) {
  const mean = new Float64Array(width);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let col = 0; col < width; col++) mean[col] += block[i++];
  }
  for (let col = 0; col < width; col++) mean[col] /= rows;
  const squares = new Float64Array(width);
  const rest = new Float64Array(width);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let col = 0; col < width; col++) {
      const deviation = block[i++] - mean[col];
      rest[col] += deviation;
      squares[col] += deviation * deviation;
    }
  }
  const variance = squares.map((sum, col) => (sum - rest[col] ** 2 / rows) / rows);
  return { mean, variance };
}

/** The features minus the mean over the scale, computed block by block as they are read. */
export function scaled(features: Features, { mean, scale }: Scaler): Features {
  return {
    ...features,
    async columns(from, to) {
      // float32 features are rounded after the subtraction and after the division, as numpy does in place.
      const block = (await features.columns(from, to)).slice();
      const width = to - from;
      for (let row = 0, i = 0; row < features.rows; row++) {
        for (let col = from; col < to; col++, i++) block[i] -= mean[col];
      }
      for (let i = 0; i < block.length; i++) block[i] /= scale[from + (i % width)];
      return block;
    },
  };
}
