/**
 * The behavioural metrics I1, I1n, I2, I2n, O1 and O2: how far a model's confusions of objects, image
 * by image, follow those of humans (Rajalingham et al. 2018; spec §4.4 and §4.5, parity 1e-9).
 */
import { compareIds, type Id } from '../data/ids.js';
import { VentralError } from '../errors/ventral-error.js';
import type { Matrix } from '../numerics/algebra/matrix.js';
import { mean, stdDdof0 } from '../numerics/statistics/statistics.js';
import { rootCeilingRatio } from './ceiling-normalisation.js';
import {
  type BehaviourMetric,
  type ChoiceShares,
  choiceShares,
  correlation,
  responseMatrix,
} from './dprime.js';
import { type CodedTrials, halveTrials, type MatchTrials } from './match-trials.js';
import type { MetricResult, ReadOutMetric } from './metric.js';

/** What a model answers: one probability an image and choice. */
export interface Probabilities {
  readonly stimulusIds: readonly Id[];
  readonly choices: readonly string[];
  /** image × choice, rows as `stimulusIds`, columns as `choices`. */
  readonly values: Matrix;
  /** float32 rounds p / (p + p_truth) to float32, as the reference does on a float32 read-out. */
  readonly dtype?: 'float32' | 'float64';
}

/** `skipna` drops cells that only the source lacks; without it they are an error. */
export interface BehaviourOptions {
  readonly repetitions: number;
  readonly seed: number;
  readonly skipna: boolean;
}

/** A behavioural score or ceiling, with what a bootstrap over images needs. */
export interface BehaviourResult extends MetricResult {
  readonly images: readonly Id[];
  /** Positions of the images of each object, for resampling within it. */
  readonly imagesByObject: readonly (readonly number[])[];
  /**
   * r of each repetition for a resample of the images (positions, with repeats): false-alarm rates, group
   * means and correlation are all computed again. Cells that are NaN on either side are left out.
   */
  resample(images: readonly number[]): number[];
}

/** A source and a target to correlate; one pair a repetition. */
type Pairs = readonly (readonly [ChoiceShares, ChoiceShares])[];

/**
 * Correlates the model with the first half of the trials of each repetition.
 * @throws VentralError `stimuli-mismatch` or `labels-uncovered` where images or choices differ, `trials-invalid`
 *   and `metric-failed` where d′ is not defined
 */
export function behaviourScore(
  metric: BehaviourMetric,
  probabilities: Probabilities,
  trials: MatchTrials,
  options: BehaviourOptions,
): BehaviourResult {
  const { coded, halves } = halveTrials(trials, options.repetitions, options.seed);
  const source = sharesOfModel(probabilities, coded);
  const pairs = halves.map(([half]) => [source, half] as const);
  return result(metric, pairs, coded, options);
}

/**
 * Correlates the two halves of the trials of each repetition: the ceiling.
 * @throws as {@link behaviourScore}
 */
export function behaviourCeiling(
  metric: BehaviourMetric,
  trials: MatchTrials,
  options: BehaviourOptions,
): BehaviourResult {
  const { coded, halves } = halveTrials(trials, options.repetitions, options.seed);
  return result(metric, halves, coded, options);
}

/** Ceiled score: mean and spread over repetitions of r / √ceiling (spec §4.5). */
export function ceiledBehaviour(
  raw: readonly number[],
  ceiling: readonly number[],
): { readonly value: number; readonly error: number; readonly splits: number[] } {
  const splits = raw.map((r, repetition) => rootCeilingRatio(r, ceiling[repetition]));
  return { value: mean(splits), error: stdDdof0(splits), splits };
}

function result(
  metric: BehaviourMetric,
  pairs: Pairs,
  coded: CodedTrials,
  { skipna }: BehaviourOptions,
): BehaviourResult {
  const once = new Float64Array(coded.images.length).fill(1);
  const matrices = pairMatrices(metric, pairs, once);
  if (!skipna) for (const pair of matrices) checkCovered(metric, pair, coded);
  const splits = matrices.map(([source, target]) =>
    correlation(source, target, rowTimes(metric, coded.objects.length, once)),
  );
  const imagesByObject = coded.objects.map((): number[] => []);
  coded.truth.forEach((object, image) => void imagesByObject[object].push(image));
  return {
    value: mean(splits),
    error: stdDdof0(splits),
    errorKind: 'std over repetitions',
    splits,
    warnings: [],
    images: coded.images,
    imagesByObject,
    resample(images) {
      const times = new Float64Array(once.length);
      for (const image of images) times[image]++;
      return pairMatrices(metric, pairs, times).map(([source, target]) =>
        correlation(source, target, rowTimes(metric, coded.objects.length, times)),
      );
    },
  };
}

/** The matrices of every pair; a source that all pairs share is computed once. */
function pairMatrices(metric: BehaviourMetric, pairs: Pairs, times: Float64Array) {
  const known = new Map<ChoiceShares, Float64Array>();
  const matrixOf = (responses: ChoiceShares) => {
    const values = known.get(responses) ?? responseMatrix(metric, responses, times);
    known.set(responses, values);
    return values;
  };
  return pairs.map(([source, target]) => [matrixOf(source), matrixOf(target)] as const);
}

/** How often each row of a response matrix counts: objects once, images as often as drawn. */
function rowTimes(metric: BehaviourMetric, objects: number, times: Float64Array): Float64Array {
  return metric[0] === 'o' ? new Float64Array(objects).fill(1) : times;
}

/** @throws VentralError `metric-failed` where the target has a cell that the source lacks */
function checkCovered(
  metric: BehaviourMetric,
  [source, target]: readonly [Float64Array, Float64Array],
  coded: CodedTrials,
): void {
  const cell = source.findIndex((value, i) => Number.isNaN(value) && !Number.isNaN(target[i]));
  if (cell === -1) return;
  const cols = metric[1] === '1' ? 1 : coded.objects.length;
  const row = Math.floor(cell / cols);
  const where = metric[0] === 'o' ? `object ${coded.objects[row]}` : `image ${coded.images[row]}`;
  const choice = cols === 1 ? '' : ` and choice ${coded.objects[cell % cols]}`;
  throw new VentralError(
    'metric-failed',
    `${metric} has no value for ${where}${choice} on the source side; set skipna to leave such cells out`,
    { field: 'skipna', expected: 'a value in every cell, or skipna: true', found: 'NaN' },
  );
}

/** p(choice) / (p(choice) + p(truth)), NaN at the truth; rows and columns in the order of the trials. */
export function sharesOfModel(probabilities: Probabilities, coded: CodedTrials): ChoiceShares {
  const rows = matchRows(probabilities.stimulusIds, coded.images);
  const cols = matchColumns(probabilities.choices, coded.objects);
  const objects = coded.objects.length;
  const round = probabilities.dtype === 'float32' ? Math.fround : (value: number) => value;
  const { data, cols: width } = probabilities.values;
  const shares = new Float64Array(rows.length * objects);
  rows.forEach((row, image) => {
    const ofTruth = data[row * width + cols[coded.truth[image]]];
    cols.forEach((col, object) => {
      const p = data[row * width + col];
      shares[image * objects + object] =
        object === coded.truth[image] ? Number.NaN : round(p / round(p + ofTruth));
    });
  });
  return choiceShares(coded.truth, objects, shares);
}

function matchRows(have: readonly Id[], want: readonly Id[]): number[] {
  const rows = new Map(have.map((id, row) => [id, row]));
  const missing = want.find((id) => !rows.has(id));
  const wanted = new Set(want);
  const odd = missing ?? have.find((id) => !wanted.has(id));
  if (odd !== undefined || have.length !== want.length) {
    throw new VentralError(
      'stimuli-mismatch',
      odd === undefined
        ? `The model answered ${have.length} images of which only ${want.length} differ`
        : `Image ${odd} has ${missing === undefined ? 'answers of the model but no trial' : 'trials but no answer of the model'}`,
      {
        field: 'stimulus_id',
        expected: `${want.length} images with trials`,
        found: `${have.length} images with answers`,
      },
    );
  }
  return want.map((id) => rows.get(id)!);
}

function matchColumns(have: readonly string[], want: readonly string[]): number[] {
  const cols = new Map(have.map((choice, col) => [choice, col]));
  const missing = want.filter((choice) => !cols.has(choice));
  if (missing.length > 0 || have.length !== want.length) {
    throw new VentralError(
      'labels-uncovered',
      missing.length > 0
        ? `The read-out lacks choices that the trials have: ${missing.join(', ')}`
        : `The read-out has choices that the trials lack: ${[...have].filter((choice) => !want.includes(choice)).join(', ')}`,
      {
        field: 'choice',
        expected: [...want].join(', '),
        found: [...have].sort(compareIds).join(', '),
      },
    );
  }
  return want.map((choice) => cols.get(choice)!);
}

const readOut = (name: string, grain: string): ReadOutMetric => ({
  kind: 'read-out',
  version: 1,
  defaults: { repetitions: 2, seed: 0, skipna: false },
  normalisation: 'root',
  text: {
    name,
    words: `A multinomial logistic regression on the read-out layer is fitted on separate stimuli and gives the probability of each object. Model and human choices give discriminabilities d′ ${grain}; r is the correlation between the two over all cells with data.`,
    raw: 'mean over random halves of the trials of r',
  },
});

/** The metrics `i1` to `o2`. */
export const behaviourMetrics = {
  i1: readOut('Image-level performance (i1)', 'of each stimulus against all other objects'),
  i1n: readOut(
    'Image-level performance, normalised (i1n)',
    'of each stimulus against all other objects, minus the mean of its object',
  ),
  i2: readOut('Image-level confusions (i2)', 'of each stimulus against each other object'),
  i2n: readOut(
    'Image-level confusions, normalised (i2n)',
    'of each stimulus against each other object, minus the mean of its object for that distractor',
  ),
  o1: readOut('Object-level performance (o1)', 'of each object against all others'),
  o2: readOut('Object-level confusions (o2)', 'of each object against each other one'),
} satisfies Record<BehaviourMetric, ReadOutMetric>;
