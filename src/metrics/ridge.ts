/**
 * The metrics `ridge`, `ridgecv`, `dual-ridge` and `dual-ridgecv` (spec §1.10): ridge regression from a
 * layer to each neuroid, with a fixed penalty or the one that leave-one-out favours in the train set.
 * All work in float64 from the smaller of features and Gram matrix, so the dual forms give the same
 * numbers as the others.
 */

import type { ColumnSource } from '../numerics/algebra/column-source.js';
import { type Matrix, matrix, submatrix } from '../numerics/algebra/matrix.js';
import {
  narrowPenaltyChoice,
  narrowRidge,
  penaltyFit,
  ridgeFit,
} from '../numerics/regression/ridge.js';
import {
  crossRegressed,
  eachApart,
  joinedBlocks,
  onceAFold,
  pickRows,
  regressionText,
} from './cross-regressed-correlation.js';
import { gramSource, requireFinite, requireFiniteProducts } from './gram-source.js';
import type {
  Fold,
  GramSource,
  MetricOptions,
  NeuralMetric,
  Regress,
  Regression,
  Source,
} from './metric.js';

/** Ridge regression with a fixed penalty on the squared weights, 1 by default. */
const fixedPenalty = ridgeFamily({
  ofGram: (gram, { alpha = 1 }) => ridgeRegression(gram, alpha),
  narrow: (x, { alpha }) => narrowRidgeRegression(x, alpha),
});

/** Ridge regression with the penalty chosen again wherever it is fitted. */
const chosenPenalty = ridgeFamily({
  ofGram: (gram, { alphas }) => ridgeCvRegression(gram, alphas),
  narrow: (x, { alphas }) => narrowRidgeCvRegression(x, alphas),
});

/** From the smaller of features and Gram matrix. */
function ridgeFamily(forms: {
  readonly ofGram: (gram: Matrix, options: MetricOptions) => Regress;
  readonly narrow: (x: Matrix, options: MetricOptions) => Regress;
}): Regression {
  const ofGram = ({ gram }: GramSource, options: MetricOptions) => {
    requireFiniteProducts(gram);
    return forms.ofGram(gram, options);
  };
  return {
    targets: 'apart',
    ofGram,
    of: async (source, options) =>
      source.features.cols > source.features.rows
        ? ofGram(await gramSource(source), options)
        : forms.narrow(await narrowFeatures(source), options),
  };
}

/** Ridge regression with a fixed penalty; rows of the source are rows and columns of `gram`. */
export function ridgeRegression(gram: Matrix, alpha: number): Regress {
  const ofFold = onceAFold((train) => ridgeFit(submatrix(gram, train, train), alpha));
  return eachApart(async ({ train, test }, y) => {
    const { predict } = await ofFold(train);
    return { values: await predict(submatrix(gram, test, train), y) };
  });
}

/** Ridge regression with the penalty of `alphas` that leave-one-out favours. */
export function ridgeCvRegression(gram: Matrix, alphas: readonly number[] = ALPHAS): Regress {
  const ofFold = onceAFold((train) => penaltyFit(submatrix(gram, train, train)));
  const regress: Regress = async ({ train, test }, y) => {
    const { predict } = await ofFold(train);
    return predict(submatrix(gram, test, train), y, alphas);
  };
  return Object.assign(regress, {
    async inBlocks({ train, test }: Fold, targets: ColumnSource, width: number) {
      const { choose, predictWith } = await ofFold(train);
      const alpha = await choose(targets, alphas);
      const cross = submatrix(gram, test, train);
      const values = await joinedBlocks(test.length, targets, width, (some) =>
        predictWith(cross, some, alpha),
      );
      return { values, alpha };
    },
  });
}

async function narrowFeatures(source: Source): Promise<Matrix> {
  const { features } = source;
  await requireFinite(source);
  const values = new Float64Array(await features.columns(0, features.cols));
  return matrix(features.rows, features.cols, values);
}

/** {@link ridgeRegression} from features (presentation × unit), fewer than there are rows. */
export function narrowRidgeRegression(x: Matrix, alpha = 1): Regress {
  const ofFold = onceAFold((train) => narrowRidge(pickRows(x, train)));
  return eachApart(async ({ train, test }, y) => {
    const { predict } = await (await ofFold(train))(alpha);
    return { values: await predict(pickRows(x, test), y) };
  });
}

/** {@link ridgeCvRegression} from features (presentation × unit), fewer than there are rows. */
export function narrowRidgeCvRegression(x: Matrix, alphas: readonly number[] = ALPHAS): Regress {
  const ofFold = onceAFold(async (train) => {
    const rows = pickRows(x, train);
    return { choose: await narrowPenaltyChoice(rows), ridge: await narrowRidge(rows) };
  });
  const regress: Regress = async ({ train, test }, y) => {
    const { choose, ridge } = await ofFold(train);
    const alpha = await choose.together(y, alphas);
    const { predict } = await ridge(alpha);
    return { values: await predict(pickRows(x, test), y), alpha };
  };
  return Object.assign(regress, {
    async inBlocks({ train, test }: Fold, targets: ColumnSource, width: number) {
      const { choose, ridge } = await ofFold(train);
      const alpha = await choose.inBlocks(targets, alphas);
      const { predict } = await ridge(alpha);
      const rows = pickRows(x, test);
      const values = await joinedBlocks(test.length, targets, width, (some) => predict(rows, some));
      return { values, alpha };
    },
  });
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
  optional: ['across'],
  normalisation: 'squared',
  text: regressionText('Ridge regression', 'Ridge regression with one penalty'),
  ...crossRegressed(fixedPenalty),
};

/** The metric `ridgecv`. */
export const ridgeCvMetric: NeuralMetric = {
  kind: 'neural',
  version: 1,
  perNeuroid: true,
  // The layer's own, the basis, room as large as that, and half as much each for reflections and for factors.
  matrices: 4,
  defaults: {},
  optional: ['alphas'],
  normalisation: 'squared',
  text: regressionText('Ridge regression', 'Ridge regression with a cross-validated penalty'),
  ...crossRegressed(chosenPenalty),
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
