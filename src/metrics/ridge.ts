/**
 * The metrics `ridge`, `ridgecv`, `dual-ridge` and `dual-ridgecv` (spec §1.10): ridge regression from a
 * layer to each neuroid, with a fixed penalty or the one that leave-one-out favours in the train set.
 * All work in float64 from the smaller of features and Gram matrix, so the dual forms give the same
 * numbers as the others.
 */

import { matmul } from '../numerics/algebra/gemm.js';
import { columnMeans, type Matrix, matrix, submatrix } from '../numerics/algebra/matrix.js';
import {
  bestAlpha,
  narrowRidgePredictions,
  ridgePredictions,
  shiftColumns,
} from '../numerics/regression/ridge.js';
import {
  crossRegressedCorrelation,
  pickRows,
  type Regress,
  regressionText,
} from './cross-regressed-correlation.js';
import { gramSource, requireFinite, requireFiniteProducts } from './gram-source.js';
import type {
  CrossValidation,
  GramSource,
  MetricResult,
  NeuralMetric,
  Source,
  Target,
} from './metric.js';

export interface RidgeOptions {
  /** Penalty on the squared weights; 1 by default. */
  readonly alpha?: number;
  readonly crossValidation: CrossValidation;
}

/**
 * Cross-validated correlation of a ridge regression.
 * @throws VentralError `activations-not-finite` and what the frame throws
 */
async function ridge(source: Source, target: Target, options: RidgeOptions): Promise<MetricResult> {
  const { stimulusIds, features } = source;
  if (features.cols > features.rows) return ridgeOfGram(await gramSource(source), target, options);
  const regress = narrowRidgeRegression(await narrowFeatures(source), options.alpha);
  return crossRegressedCorrelation(stimulusIds, target, options.crossValidation, regress);
}

/** The same from a Gram matrix, whatever became of the features. */
async function ridgeOfGram(
  source: GramSource,
  target: Target,
  { alpha = 1, crossValidation }: RidgeOptions,
): Promise<MetricResult> {
  requireFiniteProducts(source.gram);
  const regress = ridgeRegression(source.gram, alpha);
  return crossRegressedCorrelation(source.stimulusIds, target, crossValidation, regress);
}

/** {@link ridge} with the penalty chosen again in each split. */
async function ridgeCv(
  source: Source,
  target: Target,
  options: Pick<RidgeOptions, 'crossValidation'>,
): Promise<MetricResult> {
  const { stimulusIds, features } = source;
  if (features.cols > features.rows)
    return ridgeCvOfGram(await gramSource(source), target, options);
  const regress = narrowRidgeCvRegression(await narrowFeatures(source));
  return crossRegressedCorrelation(stimulusIds, target, options.crossValidation, regress);
}

/** The same from a Gram matrix. */
async function ridgeCvOfGram(
  source: GramSource,
  target: Target,
  { crossValidation }: Pick<RidgeOptions, 'crossValidation'>,
): Promise<MetricResult> {
  requireFiniteProducts(source.gram);
  const regress = ridgeCvRegression(source.gram);
  return crossRegressedCorrelation(source.stimulusIds, target, crossValidation, regress);
}

/** Ridge regression with a fixed penalty; rows of the source are rows and columns of `gram`. */
export function ridgeRegression(gram: Matrix, alpha: number): Regress {
  return async ({ train, test }, y) => {
    const kernel = { train: submatrix(gram, train, train), cross: submatrix(gram, test, train) };
    return { values: await ridgePredictions(kernel, y, alpha) };
  };
}

/** Ridge regression with the penalty of {@link ALPHAS} that leave-one-out favours. */
export function ridgeCvRegression(gram: Matrix): Regress {
  return async ({ train, test }, y) => {
    const kernel = { train: submatrix(gram, train, train), cross: submatrix(gram, test, train) };
    const alpha = await bestAlpha(kernel.train, y, ALPHAS);
    return { values: await ridgePredictions(kernel, y, alpha) };
  };
}

async function narrowFeatures(source: Source): Promise<Matrix> {
  const { features } = source;
  await requireFinite(source);
  const values = Float64Array.from(await features.columns(0, features.cols));
  return matrix(features.rows, features.cols, values);
}

/** {@link ridgeRegression} from features (presentation × unit), fewer than there are rows. */
export function narrowRidgeRegression(x: Matrix, alpha = 1): Regress {
  return async ({ train, test }, y) => {
    const rows = { x: pickRows(x, train), test: pickRows(x, test) };
    return { values: await narrowRidgePredictions(rows, y, alpha) };
  };
}

/** {@link ridgeCvRegression} from features (presentation × unit), fewer than there are rows. */
export function narrowRidgeCvRegression(x: Matrix): Regress {
  return async ({ train, test }, y) => {
    const rows = { x: pickRows(x, train), test: pickRows(x, test) };
    const alpha = await bestAlpha(await narrowKernel(rows.x), y, ALPHAS);
    return { values: await narrowRidgePredictions(rows, y, alpha) };
  };
}

async function narrowKernel(x: Matrix): Promise<Matrix> {
  const centred = shiftColumns(x, columnMeans(x), -1);
  return matmul(centred, centred, { transposeB: true });
}

/** Evenly spaced numbers as numpy.linspace gives them, without the end. */
function steps(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => i * ((to - from) / count) + from);
}

/** The penalties that the reference tries. */
export const ALPHAS: readonly number[] = [
  ...[0.01, 0.1, 0.5, 1],
  ...steps(1e1, 1e2, 4),
  ...steps(1e2, 1e3, 18),
  ...steps(1e3, 1e4, 18),
  ...steps(1e4, 1e5, 18),
  ...steps(1e5, 1e6, 18),
  ...steps(1e6, 1e7, 18),
  1e7,
];

/** The metric `ridge`. */
export const ridgeMetric: NeuralMetric = {
  kind: 'neural',
  version: 1,
  perNeuroid: true,
  defaults: { alpha: 1 },
  normalisation: 'squared',
  text: regressionText('Ridge regression', 'Ridge regression with one penalty'),
  run: ridge,
  ofGram: ridgeOfGram,
};

/** The metric `ridgecv`. */
export const ridgeCvMetric: NeuralMetric = {
  kind: 'neural',
  version: 1,
  perNeuroid: true,
  defaults: {},
  normalisation: 'squared',
  text: regressionText('Ridge regression', 'Ridge regression with a cross-validated penalty'),
  run: ridgeCv,
  ofGram: ridgeCvOfGram,
};

/** The metric `dual-ridge`: the same predictions as `ridge`, which is solved over stimuli too where that is smaller. */
export const dualRidgeMetric: NeuralMetric = {
  ...ridgeMetric,
  text: regressionText('Ridge regression', 'Ridge regression, solved over stimuli,'),
};

/** The metric `dual-ridgecv`. */
export const dualRidgeCvMetric: NeuralMetric = {
  ...ridgeCvMetric,
  text: regressionText(
    'Ridge regression',
    'Ridge regression, solved over stimuli with a cross-validated penalty,',
  ),
};
