/**
 * The metrics `cka` and `cka-cv` (spec §1.10): linear centred kernel alignment (Kornblith et al. 2019),
 * by default with the unbiased estimate of Székely and Rizzo 2014, as the reference registers it.
 */
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';
import { centreKernel } from '../numerics/regression/ridge.js';
import { gramSource, requireFiniteProducts } from './gram-source.js';
import type {
  CrossValidation,
  GramSource,
  MetricResult,
  NeuralMetric,
  Source,
  StimulusMatrix,
  Target,
} from './metric.js';
import { recordedFeatures, splitSimilarity, wholeSimilarity } from './similarity.js';

/** Alignment over all stimuli, unbiased. */
async function cka(source: Source, target: Target): Promise<MetricResult> {
  return ckaOfGram(await gramSource(source), target);
}

/** The same from a Gram matrix, whatever became of the features. */
async function ckaOfGram(source: GramSource, target: Target): Promise<MetricResult> {
  requireFiniteProducts(source.gram);
  return wholeSimilarity(products(source), await recordedProducts(target), unbiasedAlignment);
}

/** The biased estimate over all stimuli, which the reference has beside the registered one. */
export async function ckaBiased(source: Source, target: Target): Promise<MetricResult> {
  const recorded = await recordedProducts(target);
  return wholeSimilarity(products(await gramSource(source)), recorded, biasedAlignment);
}

/**
 * Unbiased alignment over the test set of each split. The reference splits with test_size .9, stratified.
 * @throws VentralError `stimuli-too-few` where a side has fewer stimuli than there are classes
 */
async function ckaCv(
  source: Source,
  target: Target,
  options: { readonly crossValidation: CrossValidation },
): Promise<MetricResult> {
  return ckaCvOfGram(await gramSource(source), target, options);
}

/** The same from a Gram matrix. */
async function ckaCvOfGram(
  source: GramSource,
  target: Target,
  { crossValidation }: { readonly crossValidation: CrossValidation },
): Promise<MetricResult> {
  requireFiniteProducts(source.gram);
  const recorded = {
    ...(await recordedProducts(target)),
    strata: target.strata,
    groups: target.groups,
  };
  return splitSimilarity(products(source), recorded, crossValidation, unbiasedAlignment);
}

function products({ stimulusIds, gram }: GramSource): StimulusMatrix {
  return { stimulusIds, values: gram };
}

async function recordedProducts(target: Target): Promise<StimulusMatrix> {
  return products(await gramSource(recordedFeatures(target)));
}

function biasedAlignment(source: Matrix, target: Matrix): number {
  const centred = (train: Matrix) => centreKernel({ train, cross: train }).train;
  return alignment(centred(source), centred(target));
}

/** The reference keeps the ratio finite by this addend to the denominator, and calls a side without variance unlike all. */
const EPSILON = 1e-12;

function unbiasedAlignment(source: Matrix, target: Matrix): number {
  const [a, b] = [uCentred(source), uCentred(target)];
  const n = source.rows;
  const hsic = (x: Matrix, y: Matrix) => {
    let sum = 0;
    for (let i = 0; i < x.data.length; i++) sum += x.data[i] * y.data[i];
    return sum / (n * (n - 3));
  };
  const product = hsic(a, a) * hsic(b, b);
  if (Number.isNaN(product) || product > 0) return hsic(a, b) / (Math.sqrt(product) + EPSILON);
  return 0;
}

function alignment(source: Matrix, target: Matrix): number {
  let [cross, ofSource, ofTarget] = [0, 0, 0];
  for (let i = 0; i < source.data.length; i++) {
    cross += source.data[i] * target.data[i];
    ofSource += source.data[i] ** 2;
    ofTarget += target.data[i] ** 2;
  }
  return cross / Math.sqrt(ofSource) / Math.sqrt(ofTarget);
}

/** U-centring: zero diagonal, and zero mean over the rest of each row. NaN with fewer than three rows. */
function uCentred({ rows: n, data }: Matrix): Matrix {
  const means = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) if (i !== j) means[i] += data[i * n + j] / (n - 2);
  }
  const shift = means.reduce((sum, value) => sum + value, 0) / (2 * (n - 1));
  const values = matrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      if (i !== j) values.data[i * n + j] = data[i * n + j] - means[i] - means[j] + 2 * shift;
    }
  }
  return values;
}

/** The metric `cka`. */
export const ckaMetric: NeuralMetric = {
  kind: 'neural',
  version: 2,
  perNeuroid: false,
  whole: true,
  defaults: {},
  optional: ['per'],
  normalisation: 'ratio',
  similarity: {
    matrixOf: async (source) => products(await gramSource(source)),
    ofGram(source) {
      requireFiniteProducts(source.gram);
      return products(source);
    },
    compare: unbiasedAlignment,
    least: 4,
  },
  text: {
    name: 'Centred kernel alignment',
    words: 'Linear centred kernel alignment of the stimuli in the layer and in the recordings.',
    raw: 'mean over splits',
  },
  run: cka,
  ofGram: ckaOfGram,
};

const { similarity: _, optional: __, ...withoutSimilarity } = ckaMetric;

/** The metric `cka-cv`. */
export const ckaCvMetric: NeuralMetric = {
  ...withoutSimilarity,
  whole: false,
  testSize: 0.9,
  text: {
    ...ckaMetric.text,
    words:
      'Linear centred kernel alignment of the test stimuli of each split in the layer and in the recordings.',
  },
  run: ckaCv,
  ofGram: ckaCvOfGram,
};
