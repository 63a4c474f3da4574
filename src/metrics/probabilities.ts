/**
 * The behavioural read-out: z-scored features of labelled fitting images, a multinomial logistic
 * regression on them, probabilities of each label for test images (spec §2.7, §2.8, §4.3). The
 * regression is solved to convergence, where the reference stops early (difference up to 6e-5).
 */

import type { Id } from '../data/ids.js';
import type { Features } from '../numerics/algebra/features.js';
import { matmul } from '../numerics/algebra/gemm.js';
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';
import { fitScaler, type Scaler, scaled } from '../numerics/algebra/standard-scaler.js';
import type { ZScoredProducts } from '../numerics/algebra/z-scored-products.js';
import {
  fitLogistic,
  gramDesign,
  type LogisticProblem,
  primalDesign,
  softmax,
} from '../numerics/regression/logistic.js';
import { requireFiniteProducts } from './gram-source.js';
import type { Probabilities } from './i1i2.js';

/** Weight of the data against the L2 penalty in every Brain-Score read-out. */
export const READ_OUT_C = 1e-3;

/** A fitted read-out. */
export interface ReadOut {
  /** Labels in order of first appearance among the fitting images. */
  readonly choices: readonly string[];
  readonly scaler: Scaler;
  readonly intercept: Float64Array;
  /** feature × label */
  readonly weights: Matrix;
}

/**
 * Fits the read-out on features in memory, which should be no more than there are fitting images:
 * of wider ones {@link probabilitiesOfProducts} needs less. `labels[i]` is the label of row i.
 * @throws VentralError `metric-failed` with fewer than two labels or features that are not finite
 */
export async function fitReadOut(
  fitting: { readonly features: Features; readonly labels: readonly string[] },
  C = READ_OUT_C,
): Promise<ReadOut> {
  const scaler = await fitScaler(fitting.features);
  const design = primalDesign(await zScored(fitting.features, scaler));
  const { choices, ...problem } = codedLabels(fitting.labels);
  const { coefficients, intercept } = await fitLogistic({ ...problem, design, C });
  return { choices, scaler, intercept, weights: coefficients };
}

/** Probabilities of every choice for every row of `features`. */
export async function readOutProbabilities(
  { choices, scaler, intercept, weights }: ReadOut,
  test: { readonly features: Features; readonly stimulusIds: readonly Id[] },
): Promise<Probabilities> {
  const logits = await matmul(await zScored(test.features, scaler), weights);
  return probabilities(logits, intercept, { choices, stimulusIds: test.stimulusIds });
}

/**
 * The same probabilities from the products of z-scored rows alone, whatever became of the features:
 * the weights are Zᵀ α. `labels[i]` is the label of fitting row i, `stimulusIds` name the test rows.
 * @throws VentralError `activations-not-finite`, and `metric-failed` with fewer than two labels
 */
export async function probabilitiesOfProducts(
  { fitting, cross }: ZScoredProducts,
  {
    labels,
    stimulusIds,
  }: { readonly labels: readonly string[]; readonly stimulusIds: readonly Id[] },
  C = READ_OUT_C,
): Promise<Probabilities> {
  requireFiniteProducts(fitting, cross);
  const { choices, ...problem } = codedLabels(labels);
  const design = gramDesign(fitting);
  const { coefficients, intercept } = await fitLogistic({ ...problem, design, C });
  return probabilities(await matmul(cross, coefficients), intercept, { choices, stimulusIds });
}

/** Labels as the regression takes them, and the names of its classes. */
function codedLabels(
  names: readonly string[],
): Pick<LogisticProblem, 'labels' | 'classes'> & Pick<ReadOut, 'choices'> {
  const choices = [...new Set(names)];
  const column = new Map(choices.map((choice, i) => [choice, i]));
  const labels = Int32Array.from(names, (name) => column.get(name)!);
  return { choices, labels, classes: choices.length };
}

function probabilities(
  logits: Matrix,
  intercept: Float64Array,
  named: Pick<Probabilities, 'choices' | 'stimulusIds'>,
): Probabilities {
  for (let i = 0; i < logits.data.length; i++) logits.data[i] += intercept[i % logits.cols];
  return { ...named, values: softmax(logits), dtype: 'float64' };
}

async function zScored(features: Features, scaler: Scaler): Promise<Matrix> {
  const { rows, cols } = features;
  const values = await scaled(features, scaler).columns(0, cols);
  return matrix(rows, cols, values instanceof Float64Array ? values : Float64Array.from(values));
}
