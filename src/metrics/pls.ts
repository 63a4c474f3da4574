import { type Matrix, matrix, submatrix } from '../numerics/algebra/matrix.js';
import { fitPls, predictPls, requireUnits } from '../numerics/regression/pls.js';
import { fitPlsGram, predictPlsGram } from '../numerics/regression/pls-gram.js';
import type { PlsCourse } from '../numerics/regression/pls-residual.js';
import { crossRegressed, regressionText } from './cross-regressed-correlation.js';
import { gramSource, requireFinite, requireFiniteProducts } from './gram-source.js';
import type {
  CrossValidation,
  GramSource,
  MetricOptions,
  MetricResult,
  NeuralMetric,
  Regress,
  Source,
  Target,
  Warning,
} from './metric.js';

/**
 * The metric `pls` (spec §1.5): 25 components of partial least squares from a layer to each neuroid.
 * Layers wider than there are stimuli go through their Gram matrix, others through the features.
 */

export interface PlsOptions {
  /** Components of the regression; 25 by default. */
  readonly components?: number;
  readonly crossValidation: CrossValidation;
}

const COMPONENTS = 25;

const ofGram = ({ units, gram }: GramSource, { components = COMPONENTS }: MetricOptions) => {
  requireUnits(units, components);
  requireFiniteProducts(gram);
  return plsGramRegression(gram, components);
};

const frame = crossRegressed({
  ofGram,
  async of(source, options) {
    const { features } = source;
    requireUnits(features.cols, options.components ?? COMPONENTS);
    if (features.cols > features.rows) return ofGram(await gramSource(source), options);
    await requireFinite(source);
    return plsRegression(await features.columns(0, features.cols), features.cols, options);
  },
});

/**
 * Cross-validated PLS correlation of features with recordings.
 * @throws VentralError `units-too-few`, `activations-not-finite` and what the frame throws
 *   (cross-regressed-correlation.ts)
 */
export const pls: (source: Source, target: Target, options: PlsOptions) => Promise<MetricResult> =
  frame.run;

/** The same from a Gram matrix, whatever became of the features. */
export const plsOfGram = frame.ofGram as (
  source: GramSource,
  target: Target,
  options: PlsOptions,
) => Promise<MetricResult>;

/** PLS in primal form on row-major features of `units` columns. */
export function plsRegression(
  data: Float32Array | Float64Array,
  units: number,
  { components = COMPONENTS }: { readonly components?: number },
): Regress {
  const rows = (index: readonly number[]) => {
    const picked =
      data instanceof Float32Array
        ? new Float32Array(index.length * units)
        : new Float64Array(index.length * units);
    index.forEach((row, i) => {
      picked.set(data.subarray(row * units, (row + 1) * units), i * units);
    });
    return picked;
  };
  return async ({ train, test }, y) => {
    const x = matrix(train.length, units, new Float64Array(rows(train)));
    const fit = await fitPls(x, y, components);
    return { values: await predictPls(fit, rows(test)), remarks: remarksOn(fit, components) };
  };
}

/** PLS in Gram form; rows of the source are rows and columns of `gram`. */
function plsGramRegression(gram: Matrix, components: number): Regress {
  return async ({ train, test }, y) => {
    const fit = await fitPlsGram(gram, y, components, train);
    const values = await predictPlsGram(fit, submatrix(gram, test, train));
    return { values, remarks: remarksOn(fit, components) };
  };
}

function remarksOn({ iterations, converged, stopped }: PlsCourse, components: number): Warning[] {
  const remarks: Warning[] = [];
  if (!converged)
    remarks.push({
      code: 'not-converged',
      detail: 'a PLS component reached the limit of 500 iterations, its last weights were used',
    });
  if (stopped === 'rank exhausted')
    remarks.push({
      code: 'rank-exhausted',
      detail: `the features carry ${iterations.length} of ${components} PLS components`,
    });
  if (stopped === 'targets explained')
    remarks.push({
      code: 'targets-explained',
      detail: `${iterations.length} of ${components} PLS components explain the recordings`,
    });
  return remarks;
}

/** The metric `pls`. */
export const plsMetric: NeuralMetric = {
  kind: 'neural',
  version: 1,
  perNeuroid: true,
  // The layer's, the training rows of it, and test × training rows: each split has the memory of the one before.
  matrices: 2.25,
  defaults: { components: COMPONENTS },
  optional: ['across'],
  normalisation: 'squared',
  text: regressionText('Partial least squares', 'Partial least squares regression'),
  ...frame,
};
