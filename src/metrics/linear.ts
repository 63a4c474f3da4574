/**
 * The metric `linear` (linear_predictivity, spec §1.10): ordinary least squares from a layer to each
 * neuroid, of least norm where the units outnumber the train stimuli. There it passes through every
 * train response, and the reference itself changes by .01 with the BLAS in use (a warning says so).
 */

import { type Matrix, matrix, submatrix } from '../numerics/algebra/matrix.js';
import { leastNormFit, leastSquaresFit } from '../numerics/regression/least-squares.js';
import {
  crossRegressed,
  eachApart,
  onceAFold,
  pickRows,
  regressionText,
} from './cross-regressed-correlation.js';
import { gramSource, requireFinite, requireFiniteProducts } from './gram-source.js';
import type { GramSource, NeuralMetric, Regress, Warning } from './metric.js';

const ofGram = ({ gram }: GramSource) => {
  requireFiniteProducts(gram);
  return linearGramRegression(gram);
};

const frame = crossRegressed({
  targets: 'apart',
  ofGram,
  async of(source) {
    const { features } = source;
    if (features.cols > features.rows) return ofGram(await gramSource(source));
    await requireFinite(source);
    const values = new Float64Array(await features.columns(0, features.cols));
    return linearRegression(matrix(features.rows, features.cols, values));
  },
});

/** Least squares on features (presentation × unit) in memory. */
export function linearRegression(x: Matrix): Regress {
  const fitOf = onceAFold((train) => leastSquaresFit(pickRows(x, train)));
  return eachApart(async ({ train, test }, y) => {
    const predict = await fitOf(train);
    const values = await predict(pickRows(x, test), y);
    return { values, remarks: x.cols >= train.length - 1 ? [interpolates] : [] };
  });
}

/** Least squares of least norm; rows of the source are rows and columns of `gram`. */
export function linearGramRegression(gram: Matrix): Regress {
  const fitOf = onceAFold((train) => leastNormFit(submatrix(gram, train, train)));
  return eachApart(async ({ train, test }, y) => {
    const predict = await fitOf(train);
    return { values: await predict(submatrix(gram, test, train), y), remarks: [interpolates] };
  });
}

const interpolates: Warning = {
  code: 'underdetermined',
  detail: 'the units outnumber the train stimuli, and the regression passes through each of them',
};

/** The metric `linear`. */
export const linearMetric: NeuralMetric = {
  kind: 'neural',
  version: 1,
  perNeuroid: true,
  defaults: {},
  optional: ['across'],
  normalisation: 'squared',
  text: regressionText('Linear regression', 'Ordinary least squares'),
  ...frame,
};
