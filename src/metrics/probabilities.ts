/**
 * The behavioural read-out: z-scored features of labelled fitting pictures, a multinomial logistic
 * regression on them, probabilities of each label for test pictures (spec §2.7, §2.8, §4.3). The
 * regression is solved to convergence, where the reference stops early (difference up to 6e-5).
 */
import type { Id } from '../data/ids.js';
import { columnBlocks } from '../numerics/column-blocks.js';
import type { Features } from '../numerics/features.js';
import { matmul } from '../numerics/gemm.js';
import { gram } from '../numerics/gram.js';
import { fitLogistic, gramDesign, primalDesign, softmax } from '../numerics/logistic.js';
import { type Matrix, matrix } from '../numerics/matrix.js';
import { fitScaler, type Scaler, scaled } from '../numerics/standard-scaler.js';
import type { Probabilities } from './i1i2.js';

/** Weight of the data against the L2 penalty in every Brain-Score read-out. */
export const READ_OUT_C = 1e-3;

/** A fitted read-out. */
export interface ReadOut {
  /** Labels in order of first appearance among the fitting pictures. */
  readonly choices: readonly string[];
  readonly scaler: Scaler;
  readonly intercept: Float64Array;
  /** Weights of the features [from, to): feature × label. */
  weights(from: number, to: number): Promise<Matrix>;
}

/**
 * Fits the read-out. `labels[i]` is the label of row i. Memory is the smaller of the features and their
 * Gram matrix; in the second case `weights` reads the fitting features again.
 * Throws `metric-failed` with fewer than two labels or features that are not finite.
 */
export async function fitReadOut(
  fitting: { readonly features: Features; readonly labels: readonly string[] },
  C = READ_OUT_C,
): Promise<ReadOut> {
  const choices = [...new Set(fitting.labels)];
  const column = new Map(choices.map((choice, i) => [choice, i]));
  const labels = Int32Array.from(fitting.labels, (label) => column.get(label)!);
  const scaler = await fitScaler(fitting.features);
  const features = scaled(fitting.features, scaler);
  const { rows, cols } = features;
  const problem = { labels, classes: choices.length, C };
  if (cols > rows) {
    const design = gramDesign(await gram(features));
    const { coefficients, intercept } = await fitLogistic({ ...problem, design });
    const weights = async (from: number, to: number) => {
      const block = float64(await features.columns(from, to), rows, to - from);
      return matmul(block, coefficients, { transposeA: true });
    };
    return { choices, scaler, intercept, weights };
  }
  const design = primalDesign(float64(await features.columns(0, cols), rows, cols));
  const { coefficients, intercept } = await fitLogistic({ ...problem, design });
  const weights = async (from: number, to: number) => {
    const width = choices.length;
    return matrix(to - from, width, coefficients.data.slice(from * width, to * width));
  };
  return { choices, scaler, intercept, weights };
}

/** Probabilities of every choice for every row of `features`, read by column blocks. */
export async function readOutProbabilities(
  readOut: ReadOut,
  test: { readonly features: Features; readonly stimulusIds: readonly Id[] },
): Promise<Probabilities> {
  const { choices, intercept } = readOut;
  const features = scaled(test.features, readOut.scaler);
  const logits = matrix(features.rows, choices.length);
  for (const [from, to] of columnBlocks(features)) {
    const block = float64(await features.columns(from, to), features.rows, to - from);
    const part = await matmul(block, await readOut.weights(from, to));
    for (let i = 0; i < part.data.length; i++) logits.data[i] += part.data[i];
  }
  for (let i = 0; i < logits.data.length; i++) logits.data[i] += intercept[i % choices.length];
  return { stimulusIds: test.stimulusIds, choices, values: softmax(logits), dtype: 'float64' };
}

function float64(block: Float32Array | Float64Array, rows: number, cols: number): Matrix {
  return matrix(rows, cols, block instanceof Float64Array ? block : Float64Array.from(block));
}
