/**
 * The metric `neuron-to-neuron` (spec §1.10): each neuroid is predicted by the one unit of the layer
 * that correlates best with it over the train stimuli.
 */
import { columnBlocks } from '../numerics/algebra/column-blocks.js';
import type { Features } from '../numerics/algebra/features.js';
import { matmul } from '../numerics/algebra/gemm.js';
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';
import { crossRegressed, eachApart, regressionText } from './cross-regressed-correlation.js';
import { requireFinite } from './gram-source.js';
import type { Fold, NeuralMetric, Regress } from './metric.js';

/** Predicts the activation of the best unit. */
export function bestUnitRegression(features: Features): Regress {
  return eachApart(async (fold, y) => ({
    values: (await bestUnits(features, fold, y)).activations,
  }));
}

/**
 * The unit of largest r for each target, the first of equals (−1 if no r is defined, as for a
 * constant target), and its activations in the test rows (NaN there). One pass by column blocks.
 */
export async function bestUnits(
  features: Features,
  { train, test }: Fold,
  y: Matrix,
): Promise<{ readonly units: Int32Array; readonly activations: Matrix }> {
  const units = new Int32Array(y.cols).fill(-1);
  const largest = new Float64Array(y.cols).fill(Number.NEGATIVE_INFINITY);
  const activations = matrix(test.length, y.cols);
  activations.data.fill(Number.NaN);
  const targets = standardised(y.data, y.cols, [...Array(y.rows).keys()]);
  for (const [from, to] of columnBlocks(features)) {
    const width = to - from;
    const block = await features.columns(from, to);
    const r = await matmul(targets, standardised(block, width, train), { transposeA: true });
    for (let target = 0; target < y.cols; target++) {
      for (let unit = 0; unit < width; unit++) {
        // NaN, the r of a constant unit, is never larger.
        if (!(r.data[target * width + unit] > largest[target])) continue;
        largest[target] = r.data[target * width + unit];
        units[target] = from + unit;
      }
      if (units[target] < from) continue;
      test.forEach((row, i) => {
        activations.data[i * y.cols + target] = block[row * width + units[target] - from];
      });
    }
  }
  return { units, activations };
}

/** The given rows with columns centred and of length 1; NaN if a column is constant. */
function standardised(
  data: Float32Array | Float64Array,
  cols: number,
  rows: readonly number[],
): Matrix {
  const values = matrix(rows.length, cols);
  const mean = new Float64Array(cols);
  const first = rows[0] * cols;
  const varies = new Uint8Array(cols);
  for (const row of rows) {
    for (let col = 0; col < cols; col++) {
      mean[col] += data[row * cols + col] / rows.length;
      if (data[row * cols + col] !== data[first + col]) varies[col] = 1;
    }
  }
  const square = new Float64Array(cols);
  rows.forEach((row, i) => {
    for (let col = 0; col < cols; col++) {
      const deviation = data[row * cols + col] - mean[col];
      values.data[i * cols + col] = deviation;
      square[col] += deviation * deviation;
    }
  });
  for (let i = 0; i < values.data.length; i++) {
    const col = i % cols;
    values.data[i] = varies[col] ? values.data[i] / Math.sqrt(square[col]) : Number.NaN;
  }
  return values;
}

/** The metric `neuron-to-neuron`. */
export const neuronToNeuronMetric: NeuralMetric = {
  kind: 'neural',
  version: 1,
  perNeuroid: true,
  defaults: {},
  normalisation: 'squared',
  text: regressionText(
    'Best single unit',
    'The one unit that correlates most on the training stimuli',
  ),
  ...crossRegressed({
    targets: 'apart',
    async of(source) {
      await requireFinite(source);
      return bestUnitRegression(source.features);
    },
  }),
};
