import { ascending, type Id } from '../data/ids.js';
import { VentralError } from '../errors/ventral-error.js';
import { type ColumnSource, evenBlocks, setColumns } from '../numerics/algebra/column-source.js';
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';
import { nonFinite } from '../numerics/algebra/non-finite.js';
import { isConstant, pearson } from '../numerics/statistics/pearson.js';
import { aggregateSplits, inSplits } from './aggregate.js';
import { pairSplits, requireSameStimuli, sortedById, targetSplits } from './cross-validation.js';
import type {
  CrossValidation,
  Fold,
  GramSource,
  MetricResult,
  MetricText,
  NeuralMetric,
  NeuralOptions,
  Prediction,
  Regress,
  Regression,
  Target,
  Warning,
} from './metric.js';

/**
 * The frame of every regressed neural metric (CrossRegressedCorrelation of the reference, spec
 * §1.5): splits are positional on the target, both sides are sorted by stimulus_id before the fit,
 * Pearson's r a neuroid on the held-out stimuli, median, mean.
 */

/**
 * Cross-validated correlation between recordings and what `regress` predicts from the source.
 * @throws VentralError `stimuli-mismatch`, `stimuli-duplicate`, `stimuli-too-few`, `recordings-invalid` (missing
 *   values) or `neuroids-constant`; one constant neuroid among others only leaves the median
 */
export async function crossRegressedCorrelation(
  sourceIds: readonly Id[],
  target: Target,
  crossValidation: CrossValidation,
  regress: Regress,
  predicted: NeuralOptions['predicted'] = async () => {},
): Promise<MetricResult> {
  requireSameStimuli(sourceIds, target.stimulusIds);
  requireUsable(target);
  const splits = targetSplits(target, crossValidation);
  const correlations: Float64Array[] = [];
  const remarks: Warning[][] = [];
  for (const rows of pairSplits(splits, sourceIds, target.stimulusIds)) {
    const fold = {
      train: sortedById(rows.trainSource, sourceIds),
      test: sortedById(rows.testSource, sourceIds),
    };
    const train = pickRows(target.values, sortedById(rows.trainTarget, target.stimulusIds));
    const testRows = sortedById(rows.testTarget, target.stimulusIds);
    const test = pickRows(target.values, testRows);
    if (test.rows < 2)
      throw new VentralError('stimuli-too-few', 'A split tests on one stimulus, but r needs two', {
        expected: 'at least 2 stimuli in each test set',
        found: '1',
      });
    const prediction = await regress(fold, train);
    correlations.push(correlate(test, prediction.values));
    await predicted({
      stimulusIds: testRows.map((row) => target.stimulusIds[row]),
      neuroidIds: target.neuroidIds,
      observed: test,
      predicted: prediction.values,
    });
    remarks.push([...(prediction.remarks ?? [])]);
  }
  return aggregateSplits(correlations, target.neuroidIds, gathered(remarks));
}

/** How a metric that fits a regression runs: in every split anew, from features or from their Gram matrix. */
export function crossRegressed(
  regression: Regression,
): Pick<NeuralMetric, 'regression' | 'run' | 'ofGram'> {
  const { ofGram } = regression;
  return {
    regression,
    run: async (source, target, options) =>
      crossRegressedCorrelation(
        source.stimulusIds,
        target,
        options.crossValidation,
        await regression.of(source, options),
        options.predicted,
      ),
    ...(ofGram
      ? {
          ofGram: async (source: GramSource, target: Target, options: NeuralOptions) =>
            crossRegressedCorrelation(
              source.stimulusIds,
              target,
              options.crossValidation,
              ofGram(source, options),
              options.predicted,
            ),
        }
      : {}),
  };
}

/**
 * The same answer for the same training rows: what is computed of features serves all subjects that are fitted on them. Only
 * the last is kept, since it is as large as the Gram matrix.
 */
export function onceAFold<T>(make: (train: Fold['train']) => T): (train: Fold['train']) => T {
  let last: { readonly rows: string; readonly made: T } | undefined;
  return (train) => {
    const rows = train.join();
    if (last?.rows !== rows) last = { rows, made: make(train) };
    return last.made;
  };
}

/** Rows of a matrix in the order of `index`. */
export function pickRows({ cols, data }: Matrix, index: readonly number[]): Matrix {
  const picked = matrix(index.length, cols);
  index.forEach((row, i) => {
    picked.data.set(data.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  return picked;
}

/** One column of a matrix, copied. */
function column(
  { rows, cols, data }: Matrix,
  k: number,
  into: Float64Array = new Float64Array(rows),
): Float64Array {
  for (let i = 0; i < rows; i++) into[i] = data[i * cols + k];
  return into;
}

/** Pearson's r of each pair of columns; NaN if either is constant. */
export function correlate(target: Matrix, prediction: Matrix): Float64Array {
  const found = new Float64Array(target.cols);
  const [own, other] = [target, prediction].map(({ rows }) => new Float64Array(rows));
  for (let k = 0; k < found.length; k++)
    found[k] = pearson(column(target, k, own), column(prediction, k, other));
  return found;
}

/** @throws VentralError `recordings-invalid` of a missing value, `neuroids-constant` where all are */
export function requireUsable({ values, neuroidIds, stimulusIds }: Target): void {
  const missing = nonFinite(values.data);
  if (missing) {
    const stimulus = stimulusIds[Math.floor(missing.first / values.cols)];
    const neuroid = neuroidIds[missing.first % values.cols];
    throw new VentralError(
      'recordings-invalid',
      `Neuroid ${neuroid} has no finite value for stimulus ${stimulus}, and a regression needs all`,
      { field: String(neuroid), found: `${missing.count} missing values` },
    );
  }
  if (neuroidIds.every((_, k) => isConstant(column(values, k))))
    throw new VentralError('neuroids-constant', `All ${neuroidIds.length} neuroids are constant`, {
      expected: 'at least one neuroid that varies over stimuli',
    });
}

/** One warning a remark, with the splits in which it was made. */
export function gathered(remarks: readonly (readonly Warning[])[]): Warning[] {
  const splitsOf = new Map<string, { remark: Warning; splits: number[] }>();
  remarks.forEach((made, split) => {
    for (const remark of made) {
      const key = `${remark.code} ${remark.detail}`;
      const entry = splitsOf.get(key) ?? { remark, splits: [] };
      entry.splits.push(split);
      splitsOf.set(key, entry);
    }
  });
  return [...splitsOf.values()].map(({ remark, splits }) => ({
    code: remark.code,
    detail: `${remark.detail} in ${inSplits(splits, remarks.length)}`,
  }));
}

/** Fixed train and test assemblies in place of splits (the `*_split` metrics of the reference). */
export interface FixedSplit {
  readonly trainIds: readonly Id[];
  readonly train: Matrix;
  readonly testIds: readonly Id[];
  readonly test: Matrix;
  readonly neuroidIds: readonly Id[];
}

/**
 * Correlation on one fixed test set: `regress` gets rows of the train and of the test source, both
 * ascending by stimulus_id. The value is the median over neuroids; there is no error.
 */
export async function fixedSplitCorrelation(
  sources: { readonly trainIds: readonly Id[]; readonly testIds: readonly Id[] },
  target: FixedSplit,
  regress: Regress,
): Promise<MetricResult> {
  requireSameStimuli(sources.trainIds, target.trainIds);
  requireSameStimuli(sources.testIds, target.testIds);
  const fold = { train: ascending(sources.trainIds), test: ascending(sources.testIds) };
  const prediction = await regress(fold, pickRows(target.train, ascending(target.trainIds)));
  const r = correlate(pickRows(target.test, ascending(target.testIds)), prediction.values);
  const result = aggregateSplits([r], target.neuroidIds, prediction.remarks ?? []);
  return { ...result, error: 0, errorKind: 'none' };
}

/** A regression metric in words; `how` is the subject of the sentence. */
export const regressionText = (name: string, how: string): MetricText => ({
  name,
  words: `${how} predicts each neuroid from the units of the layer, fitted on the training stimuli of each split; r is the Pearson correlation between predictions and recordings on the test stimuli.`,
  raw: 'mean over splits of the median r over neuroids',
});

/**
 * Neuroids of a block at the least: products of fewer columns may be summed in another order, and a block is to have the bits of the
 * whole.
 */
const LEAST = 512;

/** A regression that fits each neuroid for itself: blocks of them one after the other. */
export function eachApart(regress: (fold: Fold, targets: Matrix) => Promise<Prediction>): Regress {
  return Object.assign((fold: Fold, targets: Matrix) => regress(fold, targets), {
    async inBlocks(fold: Fold, targets: ColumnSource, width: number): Promise<Prediction> {
      let remarks: readonly Warning[] = [];
      const values = await joinedBlocks(fold.test.length, targets, width, async (some) => {
        const predicted = await regress(fold, some);
        remarks = predicted.remarks ?? [];
        return predicted.values;
      });
      return { values, remarks };
    },
  });
}

/** What is predicted for all neuroids, from blocks of them. */
export async function joinedBlocks(
  rows: number,
  targets: ColumnSource,
  width: number,
  predict: (targets: Matrix) => Promise<Matrix>,
): Promise<Matrix> {
  const values = matrix(rows, targets.cols);
  for (const [from, to] of targetBlocks(targets, width))
    setColumns(values, from, await predict(targets.columns(from, to)));
  return values;
}

/** Bounds of the blocks of targets. */
export function targetBlocks({ cols }: Pick<ColumnSource, 'cols'>, width: number) {
  const most = Math.max(1, Math.floor(cols / LEAST));
  return evenBlocks(cols, Math.min(most, Math.ceil(cols / Math.max(1, width))));
}
