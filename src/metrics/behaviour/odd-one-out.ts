/**
 * Odd one out: which of three images a model leaves aside, against the one that people did (Hebart et al. 2023; Brain-Score
 * vision `benchmarks/hebart2023` and `model_helpers/brain_transformation/behavior.py`; spec Appendix C).
 */
import type { Matrix } from '../../numerics/algebra/matrix.js';
import { mean } from '../../numerics/statistics/statistics.js';
import type { MetricDefinition, MetricResult } from '../metric.js';

/** Positions of three stimuli a trial; the third is the one that people left aside. */
export type Triplets = Int32Array;

/** Similarity of two stimuli: the dot product of their activations, or its cosine. */
export type TripletSimilarity = 'dot' | 'cosine';

/**
 * The stimulus that is left aside in each triplet: the one outside the most similar pair. Of equal pairs the first counts,
 * in the order (1, 2), (1, 3), (2, 3); a similarity that is NaN counts as the largest, as in numpy.
 * @param products dot products of the activations, stimulus × stimulus
 * @returns positions of stimuli, one a triplet
 */
export function oddOnes(
  products: Matrix,
  triplets: Triplets,
  similarity: TripletSimilarity = 'dot',
): Int32Array {
  const alike = similarity === 'cosine' ? cosines(products) : products;
  const odd = new Int32Array(triplets.length / 3);
  for (let trial = 0, at = 0; trial < odd.length; trial++, at += 3) {
    const [i, j, k] = [triplets[at], triplets[at + 1], triplets[at + 2]];
    const pairs = [[i, j, k] as const, [i, k, j] as const, [j, k, i] as const];
    let best = Number.NEGATIVE_INFINITY;
    odd[trial] = k;
    for (const [a, b, other] of pairs) {
      const value = alike.data[a * alike.cols + b];
      if (!(value > best) && !Number.isNaN(value)) continue;
      odd[trial] = other;
      if (Number.isNaN(value)) break;
      best = value;
    }
  }
  return odd;
}

function cosines({ rows, cols, data }: Matrix): Matrix {
  const lengths = Float64Array.from({ length: rows }, (_, i) => Math.sqrt(data[i * (cols + 1)]));
  const values = data.map((product, at) => {
    const row = Math.floor(at / cols);
    return product / (lengths[row] * lengths[at - row * cols]);
  });
  return { rows, cols, data: values };
}

/** The share of triplets, and which of them. */
export interface OddOneOutResult extends MetricResult {
  /** 1 for each triplet in which the model leaves aside what people did, else 0. */
  readonly right: Uint8Array;
}

/**
 * Share of triplets in which the model leaves aside what people did.
 * @param odd as {@link oddOnes} gives it
 */
export function oddOneOut(odd: Int32Array, triplets: Triplets): OddOneOutResult {
  const right = Uint8Array.from(odd, (choice, trial) => +(choice === triplets[3 * trial + 2]));
  const value = mean(right);
  return { value, error: Number.NaN, errorKind: 'none', splits: [value], warnings: [], right };
}

/**
 * The share for resamples of the stimuli: a triplet counts as often as its three stimuli were drawn together. NaN where no
 * triplet was.
 * @param times how often each stimulus was drawn in each resample, stimulus × draw
 */
export function resampledShares(
  right: Uint8Array,
  triplets: Triplets,
  times: Uint16Array,
  draws: number,
): Float64Array {
  const [met, missed] = [new Uint32Array(draws), new Uint32Array(draws)];
  for (let trial = 0; trial < right.length; trial++) {
    const rows = [0, 1, 2].map((k) => triplets[3 * trial + k] * draws);
    addTogether(right[trial] === 1 ? met : missed, times, rows);
  }
  return Float64Array.from(met, (count, draw) => count / (count + missed[draw]));
}

/** Apart, so that the engine optimises it: half a million triplets times thousands of draws. */
function addTogether(sums: Uint32Array, times: Uint16Array, [i, j, k]: readonly number[]): void {
  for (let draw = 0; draw < sums.length; draw++)
    sums[draw] += Math.imul(Math.imul(times[i + draw], times[j + draw]), times[k + draw]);
}

/** raw and ceiling above chance, their ratio bounded to [0, 1]. */
export function aboveChance(raw: number, ceiling: number, chance: number): number {
  const value = (raw - chance) / (ceiling - chance);
  return Number.isNaN(value) ? value : Math.min(1, Math.max(0, value));
}

/** A metric between the stimuli of triplets that a model and people leave aside. */
export interface TripletMetric extends MetricDefinition {
  readonly kind: 'triplets';
}

/** The metric `odd-one-out`. */
export const oddOneOutMetric: TripletMetric = {
  kind: 'triplets',
  version: 1,
  defaults: { chance: 1 / 3 },
  optional: ['similarity'],
  normalisation: 'above-chance',
  text: {
    name: 'Odd one out',
    words:
      'The share of triplets in which people and the layer choose the same odd one out; the layer keeps the pair whose activations have the largest dot product.',
    raw: 'share of triplets',
  },
};
