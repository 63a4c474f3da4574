import type { RandomState } from '../numerics/random/random-state.js';
import { nanMean } from '../numerics/statistics/statistics.js';
import type { DistributionMetric } from './metric.js';

/** Samples without any number from which on a score is 0, whatever the number of samples (Marques2020). */
const MOST_EMPTY = 100;

/** The mean similarity over samples, their standard deviation, and each of them; NaN for a sample without any number. */
export interface Similarity {
  readonly value: number;
  readonly error: number;
  readonly samples: Float64Array;
}

/**
 * Similarity of two distributions: 1 − the largest distance of their cumulative histograms, over the largest that any
 * distribution can have from the recorded one (Marques, Schrimpf, DiCarlo 2021, bioRxiv 2021.03.01.433495).
 * @param model shares by bin; they sum to 1, as those of `recorded` do
 */
export function histogramSimilarity(model: ArrayLike<number>, recorded: ArrayLike<number>): number {
  return similarityTo(recorded, largestDistance(recorded), model);
}

/** The distance of the farthest distributions: everything is in the first bin, or in the last. */
function largestDistance(recorded: ArrayLike<number>): number {
  let largest = 0;
  let q = 0;
  for (let i = 0; i < recorded.length; i++) {
    q += recorded[i];
    const last = i === recorded.length - 1 ? 1 : 0;
    largest = Math.max(largest, Math.abs(1 - q), Math.abs(last - q));
  }
  return largest;
}

function similarityTo(
  recorded: ArrayLike<number>,
  largest: number,
  model: ArrayLike<number>,
): number {
  let distance = 0;
  let p = 0;
  let q = 0;
  for (let i = 0; i < recorded.length; i++) {
    p += model[i];
    q += recorded[i];
    // NaN where one share is.
    distance = Math.max(distance, Math.abs(p - q));
  }
  return 1 - distance / largest;
}

/**
 * Counts by bin: [low, high) but for the last, which has its upper edge. What lies outside falls into the first or the
 * last bin, NaN into none.
 */
export function histogram(values: ArrayLike<number>, bins: readonly number[]): Float64Array {
  const counts = new Float64Array(bins.length - 1);
  for (let i = 0; i < values.length; i++) {
    const bin = binOf(values[i], bins);
    if (bin >= 0) counts[bin]++;
  }
  return counts;
}

/** The bin of a value, −1 for NaN. */
function binOf(value: number, bins: readonly number[]): number {
  if (Number.isNaN(value)) return -1;
  let bin = 0;
  while (bin < bins.length - 2 && value >= bins[bin + 1]) bin++;
  return bin;
}

/** Values of a property, their bins, and how often samples are drawn. */
export interface SimilarityOptions {
  readonly bins: readonly number[];
  readonly repetitions: number;
}

/**
 * Bootstrapped similarity: as many values are drawn from the model's, with replacement, as there are recorded neurons,
 * those without a value included, and their histogram is compared with the recorded one.
 * @param model values by unit; NaN where a unit has none, which can be drawn and then falls out
 * @param random draws as `numpy.random.choice` of a seeded RandomState does
 * @throws RangeError where the model has no unit
 */
export function bootstrappedSimilarity(
  model: ArrayLike<number>,
  recorded: ArrayLike<number>,
  random: RandomState,
  { bins, repetitions }: SimilarityOptions,
): Similarity {
  if (model.length === 0) throw new RangeError('a distribution of no units is like no other');
  const target = shares(histogram(recorded, bins));
  const largest = largestDistance(target);
  // Units without a value are counted in a bin after the others.
  const none = bins.length - 1;
  const binOfUnit = new Int32Array(model.length);
  for (let i = 0; i < model.length; i++) {
    const bin = binOf(model[i], bins);
    binOfUnit[i] = bin < 0 ? none : bin;
  }
  const drawn = new Uint32Array(recorded.length);
  const counts = new Int32Array(none + 1);
  const found = new Float64Array(none);
  const samples = new Float64Array(repetitions);
  for (let sample = 0; sample < repetitions; sample++) {
    random.intervals(model.length - 1, drawn);
    counts.fill(0);
    for (let i = 0; i < drawn.length; i++) counts[binOfUnit[drawn[i]]]++;
    const total = drawn.length - counts[none];
    for (let bin = 0; bin < none; bin++) found[bin] = counts[bin] / total;
    samples[sample] = similarityTo(target, largest, found);
  }
  const empty = samples.reduce((count, sample) => count + (Number.isNaN(sample) ? 1 : 0), 0);
  if (empty > MOST_EMPTY) return { value: 0, error: 0, samples };
  // About one of them, so that equal samples have no deviation.
  const origin = samples.find((sample) => !Number.isNaN(sample)) ?? Number.NaN;
  const value = origin + nanMean(samples.map((sample) => sample - origin));
  const error = Math.sqrt(nanMean(samples.map((sample) => (sample - value) ** 2)));
  return { value, error, samples };
}

function shares(counts: Float64Array): Float64Array {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / total);
}

/** Similarity of the distributions of a single-neuron property. */
export const distributionSimilarityMetric: DistributionMetric = {
  kind: 'properties',
  version: 1,
  defaults: { repetitions: 1000, seed: 0 },
  normalisation: 'ratio',
  text: {
    name: 'Similarity of distributions',
    words:
      'The distribution of a single-neuron property over the units whose receptive field is at the stimulus, compared with the published one: 1 − the largest distance between their cumulative histograms relative to the largest possible one; mean over samples of as many units as neurons.',
    raw: 'the mean similarity over samples',
  },
};
