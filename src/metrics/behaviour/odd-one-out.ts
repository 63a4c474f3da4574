/**
 * Odd one out: which of three images a model leaves aside, against the one that people did (Hebart et al. 2023; Brain-Score
 * vision `benchmarks/hebart2023` and `model_helpers/brain_transformation/behavior.py`; spec Appendix C).
 */
import type { Matrix } from '../../numerics/algebra/matrix.js';
import type { MetricDefinition } from '../metric.js';
import type { SampledResult } from './behaviour-metric.js';

/** Positions of three stimuli a trial; the third is the one that people left aside. */
export type Triplets = Int32Array;

/** How alike two stimuli are: the product of their activations, or that over both lengths. */
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

/**
 * Share of triplets in which the model leaves aside what people did. A bootstrap draws stimuli: a triplet counts as often as
 * its three stimuli were drawn together.
 * @param odd as {@link oddOnes} gives it
 * @param stimuli number of stimuli that `triplets` are positions of
 */
export function oddOneOut(odd: Int32Array, triplets: Triplets, stimuli: number): SampledResult {
  const right = Uint8Array.from(odd, (choice, trial) => +(choice === triplets[3 * trial + 2]));
  const share = (of: (trial: number) => number) => {
    let [met, all] = [0, 0];
    for (let trial = 0; trial < right.length; trial++) {
      const times = of(trial);
      all += times;
      if (right[trial] === 1) met += times;
    }
    return met / all;
  };
  const value = share(() => 1);
  return {
    value,
    error: Number.NaN,
    errorKind: 'none',
    splits: [value],
    warnings: [],
    samples: stimuli,
    resample: (drawn) => {
      const times = new Float64Array(stimuli);
      for (const stimulus of drawn) times[stimulus]++;
      return share(
        (trial) =>
          times[triplets[3 * trial]] *
          times[triplets[3 * trial + 1]] *
          times[triplets[3 * trial + 2]],
      );
    },
  };
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
      'The share of triplets of which people and the layer leave the same stimulus aside; the layer keeps the pair whose activations have the largest product.',
    raw: 'share of triplets',
  },
};
