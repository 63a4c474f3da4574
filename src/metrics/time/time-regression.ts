import type { Id } from '../../data/ids.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type Matrix, matrix } from '../../numerics/algebra/matrix.js';
import { aggregateSplits } from '../aggregate.js';
import { correlate, gathered, pickRows, requireUsable } from '../cross-regressed-correlation.js';
import { pairSplits, requireSameStimuli, sortedById, targetSplits } from '../cross-validation.js';
import type {
  CrossValidation,
  Fold,
  MetricResult,
  Prediction,
  Regress,
  Target,
  Warning,
} from '../metric.js';

/**
 * Regressions onto recordings with a time axis (spec §1.12): the frame of every regressed metric, with a correlation for each
 * bin of time on the same held-out stimuli.
 */

/** Brain side with a time axis: a column is a bin of a neuroid, time fastest, and `neuroidIds` names each column. */
export interface TimedTarget extends Target {
  /** Bins of each neuroid. */
  readonly bins: number;
}

/** Fits on the train rows with one matrix of targets a bin (train × neuroid) and predicts the test rows of each bin. */
export type TimedRegress = (
  fold: Fold,
  targets: readonly Matrix[],
) => Promise<readonly Prediction[]>;

/**
 * One regression across all bins, from features that do not change with time (`spantime_*` of the reference, which stacks the
 * bins of all stimuli as rows). Rows that differ in their targets alone count by the mean of these: the fit is that of the mean
 * over bins, once, and its prediction serves every bin. The penalty of a ridge regression counts once for all bins:
 * see {@link penaltyAcrossTime}.
 */
export const acrossTime =
  (regress: Regress): TimedRegress =>
  async (fold, targets) => {
    const prediction = await regress(fold, meanOf(targets));
    return targets.map(() => prediction);
  };

/** The penalty of a ridge regression on the mean over bins that equals `alpha` on the rows of all bins. */
export const penaltyAcrossTime = (alpha: number, bins: number): number => alpha / bins;

/**
 * One regression across all bins, from features that change with time: rows of `regress` are the bins of a stimulus one below
 * the other, stimulus by stimulus.
 */
export const acrossStackedTime =
  (regress: Regress): TimedRegress =>
  async ({ train, test }, targets) => {
    const bins = targets.length;
    const stacked = (rows: readonly number[]) =>
      rows.flatMap((row) => targets.map((_, bin) => row * bins + bin));
    const fold = { train: stacked(train), test: stacked(test) };
    const { values, ...rest } = await regress(fold, interleaved(targets));
    return targets.map((_, bin) => ({
      ...rest,
      values: pickRows(
        values,
        test.map((_, i) => i * bins + bin),
      ),
    }));
  };

/** A regression of its own for each bin, from the features of that bin, or from the same for all. */
export const binByBin =
  (regressions: readonly Regress[]): TimedRegress =>
  async (fold, targets) => {
    const predictions: Prediction[] = [];
    for (const [bin, target] of targets.entries())
      predictions.push(await (regressions[bin] ?? regressions[0])(fold, target));
    return predictions;
  };

/**
 * Cross-validated correlation, one result a bin; the splits are the same for all.
 * @throws VentralError what {@link crossRegressedCorrelation} throws; a constant bin has NaN
 */
export async function correlationOverTime(
  sourceIds: readonly Id[],
  target: TimedTarget,
  crossValidation: CrossValidation,
  regress: TimedRegress,
): Promise<MetricResult[]> {
  const { stimulusIds, values, bins } = target;
  requireSameStimuli(sourceIds, stimulusIds);
  requireUsable(target);
  const perBin = binsOf(values, bins);
  const neuroidIds = target.neuroidIds.filter((_, column) => column % bins === 0);
  const correlations = perBin.map((): Float64Array[] => []);
  const remarks: Warning[][] = [];
  const splits = targetSplits(target, crossValidation);
  for (const rows of pairSplits(splits, sourceIds, stimulusIds)) {
    if (rows.testTarget.length < 2)
      throw new VentralError('stimuli-too-few', 'A split tests on one stimulus, but r needs two', {
        expected: 'at least 2 stimuli in each test set',
        found: '1',
      });
    const fold = {
      train: sortedById(rows.trainSource, sourceIds),
      test: sortedById(rows.testSource, sourceIds),
    };
    const train = sortedById(rows.trainTarget, stimulusIds);
    const test = sortedById(rows.testTarget, stimulusIds);
    const predictions = await regress(
      fold,
      perBin.map((bin) => pickRows(bin, train)),
    );
    perBin.forEach((bin, b) => {
      correlations[b].push(correlate(pickRows(bin, test), predictions[b].values));
    });
    remarks.push(distinct(predictions.flatMap((prediction) => prediction.remarks ?? [])));
  }
  const warnings = gathered(remarks);
  return correlations.map((own) => aggregateSplits(own, neuroidIds, warnings));
}

/** The values of each bin, row × neuroid, of columns whose time runs fastest. */
export function binsOf({ rows, cols, data }: Matrix, bins: number): Matrix[] {
  const width = cols / bins;
  return Array.from({ length: bins }, (_, bin) => {
    const values = matrix(rows, width);
    for (let i = 0; i < rows * width; i++) values.data[i] = data[i * bins + bin];
    return values;
  });
}

function meanOf(bins: readonly Matrix[]): Matrix {
  const [{ rows, cols }] = bins;
  const sum = matrix(rows, cols);
  for (const { data } of bins) for (let i = 0; i < data.length; i++) sum.data[i] += data[i];
  for (let i = 0; i < sum.data.length; i++) sum.data[i] /= bins.length;
  return sum;
}

/** The rows of all bins, those of one stimulus one below the other. */
function interleaved(bins: readonly Matrix[]): Matrix {
  const [{ rows, cols }] = bins;
  const stacked = matrix(rows * bins.length, cols);
  for (let row = 0; row < rows; row++)
    bins.forEach(({ data }, bin) => {
      const own = data.subarray(row * cols, (row + 1) * cols);
      stacked.data.set(own, (row * bins.length + bin) * cols);
    });
  return stacked;
}

const distinct = (warnings: readonly Warning[]): Warning[] => [
  ...new Map(warnings.map((each) => [`${each.code} ${each.detail}`, each])).values(),
];
