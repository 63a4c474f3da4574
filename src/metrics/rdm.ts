/**
 * The metrics `rdm` and `rdm-cv` (spec §1.10): representational dissimilarity, 1 − r between the
 * responses to two stimuli, compared by Spearman's rank correlation (Kriegeskorte et al. 2008). Given dissimilarities of
 * subjects are compared with each, and bounded by Nili et al. 2014; squared, that is the explained variance of
 * Algonauts 2019.
 */
import { columnBlocks } from '../numerics/algebra/column-blocks.js';
import type { Features } from '../numerics/algebra/features.js';
import { gram } from '../numerics/algebra/gram.js';
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';
import { nonFinite } from '../numerics/algebra/non-finite.js';
import { pearson } from '../numerics/statistics/pearson.js';
import { type RankVector, rankCorrelation, rankVector } from '../numerics/statistics/spearman.js';
import { mean } from '../numerics/statistics/statistics.js';
import { requireFinite } from './gram-source.js';
import type {
  CrossValidation,
  MetricResult,
  NeuralMetric,
  Source,
  StimulusMatrix,
  Target,
} from './metric.js';
import { recordedFeatures, splitSimilarity, wholeSimilarity } from './similarity.js';

/** Rank correlation of the dissimilarities of all pairs of stimuli. */
async function rdm(source: Source, target: Target): Promise<MetricResult> {
  return wholeSimilarity(
    await dissimilaritiesOf(source),
    await dissimilaritiesOf(recordedFeatures(target)),
    compareRdms,
  );
}

/**
 * The same over the test set of each split. The reference splits with test_size .9, stratified.
 * @throws VentralError `stimuli-too-few` where a side has fewer stimuli than there are classes
 */
async function rdmCv(
  source: Source,
  target: Target,
  { crossValidation }: { readonly crossValidation: CrossValidation },
): Promise<MetricResult> {
  return splitSimilarity(
    await dissimilaritiesOf(source),
    {
      ...(await dissimilaritiesOf(recordedFeatures(target))),
      strata: target.strata,
      groups: target.groups,
    },
    crossValidation,
    compareRdms,
  );
}

async function dissimilaritiesOf(source: Source): Promise<StimulusMatrix> {
  const values = await dissimilarities(source.features);
  // NaN on the diagonal: a row is constant, or holds a value that is not finite. Only then is it worth another pass.
  if (nonFinite(values.data, values.cols + 1)) await requireFinite(source);
  return { stimulusIds: source.stimulusIds, values };
}

/** 1 − r between the rows of the features: presentation × presentation, NaN if a row is constant. */
export async function dissimilarities(features: Features): Promise<Matrix> {
  const products = await gram(await centredRows(features));
  const n = products.rows;
  const length = Float64Array.from({ length: n }, (_, i) => Math.sqrt(products.data[i * (n + 1)]));
  const values = matrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const r = products.data[i * n + j] / length[i] / length[j];
      values.data[i * n + j] = 1 - Math.max(-1, Math.min(1, r));
    }
  }
  return values;
}

/** The features in float64, each row minus its mean. */
async function centredRows(features: Features): Promise<Features> {
  const means = new Float64Array(features.rows);
  for (const [from, to] of columnBlocks(features)) {
    const block = await features.columns(from, to);
    for (let row = 0, i = 0; row < features.rows; row++) {
      for (let col = from; col < to; col++) means[row] += block[i++];
    }
  }
  for (let row = 0; row < means.length; row++) means[row] /= features.cols;
  const { rows, cols } = features;
  return {
    rows,
    cols,
    dtype: 'float64',
    async columns(from, to) {
      const block = new Float64Array(await features.columns(from, to));
      for (let row = 0, i = 0; row < features.rows; row++) {
        for (let col = from; col < to; col++) block[i++] -= means[row];
      }
      return block;
    },
  };
}

/** Spearman's correlation of the entries above the diagonal. */
function compareRdms(source: Matrix, target: Matrix): number {
  return rankCorrelation(
    ranksOf(source, () => aboveDiagonal(source)),
    ranksOf(target, () => aboveDiagonal(target)),
  );
}

const ranked = new WeakMap<object, RankVector>();

/** The ranks of dissimilarities: once for what is compared with several others. */
function ranksOf(key: object, values: () => Float64Array): RankVector {
  const known = ranked.get(key) ?? rankVector(values());
  ranked.set(key, known);
  return known;
}

/** Spearman's correlation of dissimilarities that are compared with several others. */
const rankedCorrelation = (a: Float64Array, b: Float64Array): number =>
  rankCorrelation(
    ranksOf(a, () => a),
    ranksOf(b, () => b),
  );

const correlationOf = (name: RdmComparison['correlation']) =>
  name === 'pearson' ? pearson : rankedCorrelation;

/** Entries above the diagonal, row by row. */
export function aboveDiagonal({ rows, data }: Matrix): Float64Array {
  const values = new Float64Array((rows * (rows - 1)) / 2);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    const own = data.subarray(row * rows + row + 1, (row + 1) * rows);
    values.set(own, at);
    at += own.length;
  }
  return values;
}

/** How subjects count. */
export interface RdmComparison {
  /** Each subject by itself, then the mean of their correlations; else the mean of their dissimilarities. */
  readonly perSubject: boolean;
  /** Correlations are squared before the mean. */
  readonly squared: boolean;
  /** Spearman's by default. */
  readonly correlation?: 'spearman' | 'pearson';
}

/** A comparison with the value of each subject; of their mean there is one. */
export interface RdmSimilarity {
  readonly value: number;
  readonly bySubject: Float64Array;
}

/** A model's pairs against those of each subject; all are the entries above the diagonal in one order. */
export function rdmSimilarity(
  model: Float64Array,
  subjects: readonly Float64Array[],
  { perSubject, squared, correlation }: RdmComparison,
): RdmSimilarity {
  const targets = perSubject ? subjects : [meanOf(subjects)];
  const correlate = correlationOf(correlation);
  return similarity(
    targets.map((target) => correlate(model, target)),
    squared,
  );
}

/**
 * The upper bound: each subject against the mean of all, themselves included. No model can be above it for these
 * subjects but by the ranks of the mean; of one subject it is 1.
 */
export function niliUpper(
  subjects: readonly Float64Array[],
  squared: boolean,
  correlation: RdmComparison['correlation'] = 'spearman',
): RdmSimilarity {
  const all = meanOf(subjects);
  const alone = subjects.length === 1;
  const correlate = correlationOf(correlation);
  const bound = (subject: Float64Array) => {
    const r = correlate(subject, all);
    // Exactly, as in the reference: rounding would leave a last digit.
    return alone && !Number.isNaN(r) ? 1 : r;
  };
  return similarity(subjects.map(bound), squared);
}

/** Each subject against the mean of the others. */
export function leaveOneOut(
  subjects: readonly Float64Array[],
  { squared, correlation }: RdmComparison,
): RdmSimilarity {
  const correlate = correlationOf(correlation);
  const bounds = subjects.map((own) =>
    correlate(own, meanOf(subjects.filter((other) => other !== own))),
  );
  return similarity(bounds, squared);
}

function similarity(correlations: readonly number[], squared: boolean): RdmSimilarity {
  const bySubject = Float64Array.from(correlations, (r) => (squared ? r * r : r));
  return { value: mean(bySubject), bySubject };
}

/** The mean dissimilarities of some. */
export function meanOf(vectors: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(vectors[0].length);
  for (const vector of vectors) for (let i = 0; i < sum.length; i++) sum[i] += vector[i];
  for (let i = 0; i < sum.length; i++) sum[i] /= vectors.length;
  return sum;
}

/** The metric `rdm`. */
export const rdmMetric: NeuralMetric = {
  kind: 'neural',
  version: 2,
  perNeuroid: false,
  whole: true,
  defaults: {},
  optional: ['per'],
  normalisation: 'ratio',
  similarity: {
    ...{ matrixOf: dissimilaritiesOf, compare: compareRdms },
    correlation: 'spearman',
    least: 3,
  },
  text: {
    name: 'Representational dissimilarity',
    words:
      'Dissimilarities (1 − r) between all pairs of stimuli, in the layer and in the recordings, compared by Spearman’s correlation.',
    raw: 'mean over splits',
  },
  run: rdm,
};

const { similarity: _, optional: __, ...withoutSimilarity } = rdmMetric;

/** The metric `rdm-cv`. */
export const rdmCvMetric: NeuralMetric = {
  ...withoutSimilarity,
  whole: false,
  testSize: 0.9,
  text: {
    ...rdmMetric.text,
    words:
      'Dissimilarities (1 − r) between the pairs of test stimuli of each split, in the layer and in the recordings, compared by Spearman’s correlation.',
  },
  run: rdmCv,
};
