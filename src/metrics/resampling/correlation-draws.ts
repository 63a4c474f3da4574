import { type Matrix, matrix } from '../../numerics/algebra/matrix.js';
import { nanMean, nanMedian } from '../../numerics/statistics/statistics.js';
import {
  countsOf,
  type Drawn,
  type DrawnFactors,
  type TwoFactorDraws,
} from './two-factor-draws.js';

/** Predictions of a cross-validated regression; they stay as they are in every draw. */
export interface TestPredictions {
  /** stimulus × neuroid. */
  readonly observed: Matrix;
  /** Stimuli of each split's test set, as rows of `observed`; a stimulus in several sets is one unit. */
  readonly testSets: readonly ArrayLike<number>[];
  /** By split: test stimulus × neuroid. */
  readonly predicted: readonly Matrix[];
}

/** Mean over splits of the median over neuroids of Pearson's r; NaN is skipped. */
export function medianCorrelation(predictions: TestPredictions): number {
  const { observed } = predictions;
  const rows = new Uint16Array(observed.rows).fill(1);
  const columns = Array.from({ length: observed.cols }, (_, k) => k);
  return ofColumns(correlations(predictions, rows), columns);
}

/**
 * {@link medianCorrelation} over draws of neuroids (first factor) and stimuli (second). A drawn stimulus counts in a split as
 * often as it was drawn, where it is in that test set; r is NaN where fewer than two of its stimuli are drawn, or none that
 * vary.
 */
export function medianCorrelationDraws(
  predictions: TestPredictions,
  { first: neuroids, second: stimuli }: DrawnFactors,
): TwoFactorDraws {
  const { rows, cols } = predictions.observed;
  const every = Array.from({ length: cols }, (_, k) => k);
  const whole = correlations(predictions, new Uint16Array(rows).fill(1));
  const both = new Float64Array(stimuli.length);
  const second = new Float64Array(stimuli.length);
  stimuli.forEach((drawn, r) => {
    const drawnRows = correlations(predictions, countsOf(drawn, rows));
    both[r] = ofColumns(drawnRows, neuroids[r]);
    second[r] = ofColumns(drawnRows, every);
  });
  return { both, first: Float64Array.from(neuroids, (drawn) => ofColumns(whole, drawn)), second };
}

function ofColumns(r: Matrix, columns: Drawn): number {
  const medians = Array.from({ length: r.rows }, (_, split) =>
    nanMedian(Float64Array.from(columns, (k) => r.data[split * r.cols + k])),
  );
  return nanMean(medians);
}

/** r of every split and neuroid, stimuli counted as often as they were drawn: split × neuroid. */
function correlations({ observed, testSets, predicted }: TestPredictions, counts: Uint16Array) {
  const { cols } = observed;
  const r = matrix(testSets.length, cols);
  testSets.forEach((set, split) => {
    const weighted = Array.from(set, (row, at) => ({ row, at, weight: counts[row] })).filter(
      ({ weight }) => weight > 0,
    );
    for (let k = 0; k < cols; k++) {
      const y = weighted.map(({ row }) => observed.data[row * cols + k]);
      const p = weighted.map(({ at }) => predicted[split].data[at * cols + k]);
      r.data[split * cols + k] = weightedPearson(
        y,
        p,
        weighted.map(({ weight }) => weight),
      );
    }
  });
  return r;
}

function weightedPearson(x: number[], y: number[], weights: readonly number[]): number {
  if (x.length < 2 || isFlat(x) || isFlat(y)) return Number.NaN;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const centre = (of: readonly number[]) =>
    of.reduce((sum, value, i) => sum + weights[i] * value, 0) / total;
  const [cx, cy] = [centre(x), centre(y)];
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [x[i] - cx, y[i] - cy];
    xx += weights[i] * dx * dx;
    yy += weights[i] * dy * dy;
    xy += weights[i] * dx * dy;
  }
  return Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
}

const isFlat = (values: readonly number[]) => values.every((value) => value === values[0]);
