/**
 * The metrics `ridge`, `ridgecv`, `dual-ridge` and `dual-ridgecv` (spec §1.10): ridge regression from a
 * layer to each neuroid, with a fixed penalty or the one that leave-one-out favours in the train set.
 * All work from the Gram matrix in float64, so the dual forms give the same numbers as the others.
 */
import type { Matrix } from '../numerics/matrix.js';
import { bestAlpha, ridgePredictions } from '../numerics/ridge.js';
import { crossRegressedCorrelation, type Regress } from './cross-regressed-correlation.js';
import { gramSource, requireFiniteGram } from './gram-source.js';
import type { CrossValidation, MetricResult, Source, Target } from './metric.js';
import { type GramSource, submatrix } from './pls.js';

export interface RidgeOptions {
  /** Penalty on the squared weights; 1 by default. */
  readonly alpha?: number;
  readonly crossValidation: CrossValidation;
}

/** Cross-validated correlation of a ridge regression. Throws `activations-not-finite` and what the frame throws. */
export async function ridge(
  source: Source,
  target: Target,
  options: RidgeOptions,
): Promise<MetricResult> {
  return ridgeOfGram(await gramSource(source), target, options);
}

/** The same from a Gram matrix, whatever became of the features. */
export async function ridgeOfGram(
  source: GramSource,
  target: Target,
  { alpha = 1, crossValidation }: RidgeOptions,
): Promise<MetricResult> {
  requireFiniteGram(source);
  const regress = ridgeRegression(source.gram, alpha);
  return crossRegressedCorrelation(source.stimulusIds, target, crossValidation, regress);
}

/** {@link ridge} with the penalty chosen anew in each split. */
export async function ridgeCv(
  source: Source,
  target: Target,
  options: Pick<RidgeOptions, 'crossValidation'>,
): Promise<MetricResult> {
  return ridgeCvOfGram(await gramSource(source), target, options);
}

/** The same from a Gram matrix. */
export async function ridgeCvOfGram(
  source: GramSource,
  target: Target,
  { crossValidation }: Pick<RidgeOptions, 'crossValidation'>,
): Promise<MetricResult> {
  requireFiniteGram(source);
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
