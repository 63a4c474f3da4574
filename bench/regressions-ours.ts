import { subjectCeiling } from '../src/metrics/ceilings/subject-ceilings.js';
import { correlate } from '../src/metrics/cross-regressed-correlation.js';
import { internalConsistency } from '../src/metrics/internal-consistency.js';
import type {
  Fold,
  MatrixSimilarity,
  Prediction,
  Regress,
  Regression,
  Source,
} from '../src/metrics/metric.js';
import { neuralMetric } from '../src/metrics/table/metric-table.js';
import { tiledPlan, tiledPredictions } from '../src/metrics/tiled/tiled-regression.js';
import { columnSource } from '../src/numerics/algebra/column-source.js';
import { denseFeatures } from '../src/numerics/algebra/features.js';
import { matmul } from '../src/numerics/algebra/gemm.js';
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
  gemm: product,
  ridge: (arrays) => () => fixedFit('ridge', arrays, 1),
  ridgecv: (arrays) => () => fixedFit('ridgecv', arrays, 1),
  subjects: (arrays) => () => fixedFit('ridgecv', arrays, sizesOf(arrays).subjects),
  'dual-ridge': (arrays) => async () => {
    const fit = await fixedFit('dual-ridge', arrays, 1);
    const ceiling = repeatedCeiling(arrays);
    return { value: fit.value ** 2 / ceiling.value, splits: [...fit.splits, ...ceiling.splits] };
  },
  'reverse-pls': reversePls,
  rsa: (arrays) => () => subjectsRsa(arrays, 1),
  'rsa-layers': (arrays) => () => subjectsRsa(arrays, sizesOf(arrays).layers),
};

const sizesOf = ({ rest }: Arrays) =>
  rest as { train: number; subjects: number; layers: number; splits: number; seed: number };

/** Entries of a product that are compared. */
const SHOWN = 10;

/** The products of the first half of the rows with the second, as float64: what regressions spend most of their time on. */
function product({ arrays: { features } }: Arrays): () => Promise<Numbers> {
  const [rows, cols] = features.shape;
  const half = Math.floor(rows / 2);
  const [a, b] = [0, half].map((from) => {
    const values = features.values.subarray(from * cols, (from + half) * cols);
    return matrix(half, cols, new Float64Array(values));
  });
  return async () => {
    const { data } = await matmul(a, b, { transposeB: true });
    return { value: data[0], splits: [...data.subarray(0, SHOWN)] };
  };
}

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
  const columns = range(0, subjects).map((s) => columnsOf(s, subjects, targets.cols));
  const fits = columns.map((own) => ({ fold, targets: submatrix(targets, fold.train, own) }));
  const options = { name, ...metric.defaults };
  const source = sourceOf(arrays);
  // As a score decides.
  const predictions = tiledPlan(options, { rows: train, targets: targets.cols })
    ? await tiledPredictions(
        source,
        options,
        fits.map(({ fold, targets }) => ({ fold, targets: columnSource(targets) })),
      )
    : await predictEach(await (metric.regression as Regression).of(source, options), fits);
  const numbers = predictions.flatMap(({ values, alpha = 0 }, s) => [
    ...correlate(submatrix(targets, fold.test, columns[s]), values),
    alpha,
  ]);
  return { value: median(numbers), splits: numbers };
}

async function predictEach(
  regress: Regress,
  fits: readonly { readonly fold: Fold; readonly targets: Matrix }[],
): Promise<Prediction[]> {
  const made: Prediction[] = [];
  for (const { fold, targets } of fits) made.push(await regress(fold, targets));
  return made;
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

/** Each layer against each subject, and the ceiling: dissimilarities of the subjects are made once. */
async function subjectsRsa(arrays: Arrays, layers: number): Promise<Numbers> {
  const { subjects } = sizesOf(arrays);
  const { matrixOf, compare } = neuralMetric('rdm').similarity as MatrixSimilarity;
  const source = sourceOf(arrays);
  const targets = targetsOf(arrays);
  const rows = range(0, targets.rows);
  const others: Matrix[] = [];
  for (let s = 0; s < subjects; s++) {
    const own = submatrix(targets, rows, columnsOf(s, subjects, targets.cols));
    const features = denseFeatures(own.rows, own.cols, own.data);
    others.push((await matrixOf({ stimulusIds: source.stimulusIds, features })).values);
  }
  const raw: number[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const { values } = await matrixOf(layerOf(source, layer, layers));
    raw.push(...others.map((other) => compare(values, other)));
  }
  const ceiling = subjectCeiling('nili-upper', others, compare).splits;
  return { value: nanMedian(raw), splits: [...raw, ...ceiling] };
}

/** One of `layers` equal shares of the units. */
function layerOf({ stimulusIds, features }: Source, layer: number, layers: number): Source {
  const { rows, cols, dtype } = features;
  const [from, to] = [layer, layer + 1].map((each) => Math.floor((each * cols) / layers));
  if (from === 0 && to === cols) return { stimulusIds, features };
  const columns = (first: number, end: number) => features.columns(from + first, from + end);
  return { stimulusIds, features: { rows, cols: to - from, dtype, columns } };
}
