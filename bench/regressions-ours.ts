import { subjectCeiling } from '../src/metrics/ceilings/subject-ceilings.js';
import { correlate } from '../src/metrics/cross-regressed-correlation.js';
import { internalConsistency } from '../src/metrics/internal-consistency.js';
import type { MatrixSimilarity, Regression, Source } from '../src/metrics/metric.js';
import { neuralMetric } from '../src/metrics/table/metric-table.js';
import { denseFeatures } from '../src/numerics/algebra/features.js';
import { type Matrix, matrix, submatrix } from '../src/numerics/algebra/matrix.js';
import { median, nanMedian } from '../src/numerics/statistics/statistics.js';
import type { Arrays } from './arrays.js';
import type { RegressionKind } from './regression-arrays.js';

/** A score and the numbers that the original must have too. */
export interface Numbers {
  readonly value: number;
  readonly splits: readonly number[];
}

type Score = (arrays: Arrays) => () => Promise<Numbers>;

/** Our side of bench/reference_regressions.py, from arrays in memory to the numbers. */
export const regressionScores: Readonly<Record<RegressionKind, Score>> = {
  ridge: (arrays) => () => fixedFit('ridge', arrays, 1),
  ridgecv: (arrays) => () => fixedFit('ridgecv', arrays, 1),
  subjects: (arrays) => () => fixedFit('ridgecv', arrays, sizesOf(arrays).subjects),
  'dual-ridge': (arrays) => async () => {
    const fit = await fixedFit('dual-ridge', arrays, 1);
    const ceiling = repeatedCeiling(arrays);
    return { value: fit.value ** 2 / ceiling.value, splits: [...fit.splits, ...ceiling.splits] };
  },
  'reverse-pls': reversePls,
  rsa: (arrays) => () => subjectsRsa(arrays),
};

const sizesOf = ({ rest }: Arrays) =>
  rest as { train: number; subjects: number; splits: number; seed: number };

function sourceOf({ arrays }: Arrays): Source {
  const [rows, cols] = arrays.features.shape;
  return {
    stimulusIds: Array.from({ length: rows }, (_, i) => i),
    features: denseFeatures(rows, cols, arrays.features.values),
  };
}

function targetsOf({ arrays }: Arrays): Matrix {
  const [rows, cols] = arrays.targets.shape;
  return matrix(rows, cols, arrays.targets.values as Float64Array);
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** Positions of the columns of a subject: equal shares in their order. */
const columnsOf = (subject: number, subjects: number, cols: number) =>
  range(Math.floor((subject * cols) / subjects), Math.floor(((subject + 1) * cols) / subjects));

async function fixedFit(name: string, arrays: Arrays, subjects: number): Promise<Numbers> {
  const { train } = sizesOf(arrays);
  const metric = neuralMetric(name);
  const targets = targetsOf(arrays);
  const fold = { train: range(0, train), test: range(train, targets.rows) };
  const regress = await (metric.regression as Regression).of(sourceOf(arrays), metric.defaults);
  const numbers: number[] = [];
  for (let s = 0; s < subjects; s++) {
    const columns = columnsOf(s, subjects, targets.cols);
    const { values, alpha = 0 } = await regress(fold, submatrix(targets, fold.train, columns));
    const r = correlate(submatrix(targets, fold.test, columns), values);
    numbers.push(...r, alpha);
  }
  return { value: median(numbers), splits: numbers };
}

function repeatedCeiling(arrays: Arrays): Numbers {
  const { values, shape } = arrays.arrays.repeated;
  const [repetitions, images, cols] = shape;
  const { splits, seed } = sizesOf(arrays);
  const rows = range(0, repetitions * images);
  const repetition = rows.map((row) => Math.floor(row / images));
  const result = internalConsistency(
    {
      stimulusIds: rows.map((row) => row % images),
      repetition,
      neuroidIds: range(0, cols),
      values,
    },
    { splits, seed },
  );
  return { value: result.value, splits: result.splits };
}

function reversePls(arrays: Arrays): () => Promise<Numbers> {
  const { seed } = sizesOf(arrays);
  const source = sourceOf(arrays);
  const values = targetsOf(arrays);
  const target = {
    stimulusIds: source.stimulusIds,
    neuroidIds: range(0, values.cols),
    values,
  };
  const metric = neuralMetric('reverse-pls');
  return async () => {
    const crossValidation = { splits: 1, trainSize: 0.9, seed };
    return metric.run(source, target, { components: 25, crossValidation });
  };
}

async function subjectsRsa(arrays: Arrays): Promise<Numbers> {
  const { subjects } = sizesOf(arrays);
  const { matrixOf, compare } = neuralMetric('rdm').similarity as MatrixSimilarity;
  const source = sourceOf(arrays);
  const targets = targetsOf(arrays);
  const rows = range(0, targets.rows);
  const model = (await matrixOf(source)).values;
  const others: Matrix[] = [];
  for (let s = 0; s < subjects; s++) {
    const own = submatrix(targets, rows, columnsOf(s, subjects, targets.cols));
    const features = denseFeatures(own.rows, own.cols, own.data);
    others.push((await matrixOf({ stimulusIds: source.stimulusIds, features })).values);
  }
  const raw = others.map((other) => compare(model, other));
  const ceiling = subjectCeiling('nili-upper', others, compare).splits;
  return { value: nanMedian(raw), splits: [...raw, ...ceiling] };
}
