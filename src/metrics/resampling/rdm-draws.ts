import { mean } from '../../numerics/statistics/statistics.js';
import type { Draws, Times } from './two-factor-draws.js';

/** How two RDMs are compared. An RDM is a vector of its pairs above the diagonal, row by row. */
export type RdmCorrelation = 'spearman' | 'pearson';

/** RDMs on the same stimuli, which are compared two by two. */
export interface ComparedRdms {
  /** Each is compared with the one of `others` at its place. */
  readonly rdms: readonly Float64Array[];
  readonly others: readonly Float64Array[];
  readonly correlation: RdmCorrelation;
}

/** With fewer distinct stimuli a draw says nothing. */
const LEAST_STIMULI = 3;
/** A variance this small beside the mean square is rounding. */
const FLAT = 1e-12;

/**
 * Correlations of RDMs over draws of their stimuli, as rsatoolbox has them (Schütt et al. 2023): a pair counts as often as its
 * two stimuli meet in the draw, and pairs of copies of one stimulus are left out. NaN where fewer than three distinct ones are drawn,
 * or an RDM does not vary.
 * @param draws of the stimuli
 * @returns one row a draw, with a value for each of `rdms`
 */
export function* drawnCorrelations(
  { rdms, others, correlation }: ComparedRdms,
  draws: Draws,
): Generator<Float64Array> {
  const length = (draws.units * (draws.units - 1)) / 2;
  const weights = new Float64Array(length);
  // A model is ranked once a draw, not once a subject.
  const distinct = new Map([...rdms, ...others].map((rdm) => [rdm, new WeightedRdm(rdm)]));
  const compared = rdms.map((rdm, k) => [distinct.get(rdm), distinct.get(others[k])] as const);
  for (const times of draws) {
    if (distinctIn(times) < LEAST_STIMULI) {
      yield new Float64Array(rdms.length).fill(Number.NaN);
      continue;
    }
    const total = weigh(times, weights);
    for (const each of distinct.values()) each.score(weights, total, correlation);
    yield Float64Array.from(compared, ([a, b]) =>
      a && b ? correlated(weights, a, b) : Number.NaN,
    );
  }
}

const distinctIn = (times: Times) => times.reduce((count, each) => count + (each > 0 ? 1 : 0), 0);

/** How often each pair meets; returns their sum. */
function weigh(times: Times, weights: Float64Array): number {
  let [at, total] = [0, 0];
  for (let i = 0; i < times.length; i++)
    for (let j = i + 1; j < times.length; j++) {
      const weight = times[i] * times[j];
      weights[at++] = weight;
      total += weight;
    }
  return total;
}

/** An RDM under weights of its pairs. */
class WeightedRdm {
  readonly #values: Float64Array;
  /** Pairs by ascending value. */
  readonly #order: Uint32Array;
  /** What is correlated, of mean 0: values or ranks. */
  readonly scores: Float64Array;
  /** Weighted sum of their squares; NaN where the drawn pairs do not vary. */
  squares = 0;

  constructor(values: Float64Array) {
    // Shifted, so that large dissimilarities keep their digits.
    const centre = mean(values);
    this.#values = values.map((value) => value - centre);
    this.#order = Uint32Array.from(values.keys()).sort((a, b) => values[a] - values[b]);
    this.scores = new Float64Array(values.length);
  }

  score(weights: Float64Array, total: number, correlation: RdmCorrelation): void {
    if (correlation === 'pearson') this.#centre(weights, total);
    else this.#rank(weights, total);
  }

  #centre(weights: Float64Array, total: number): void {
    let [sum, uncentred, squares] = [0, 0, 0];
    for (let p = 0; p < weights.length; p++) {
      const weighted = weights[p] * this.#values[p];
      sum += weighted;
      uncentred += weighted * this.#values[p];
    }
    for (let p = 0; p < weights.length; p++) {
      const score = this.#values[p] - sum / total;
      this.scores[p] = score;
      squares += weights[p] * score * score;
    }
    this.squares = squares <= FLAT * uncentred ? Number.NaN : squares;
  }

  /** Copies of a pair share their mean rank, as equal values do. */
  #rank(weights: Float64Array, total: number): void {
    const [values, order] = [this.#values, this.#order];
    let below = 0;
    this.squares = 0;
    for (let from = 0; from < order.length; ) {
      let [to, weight] = [from, 0];
      const value = values[order[from]];
      do weight += weights[order[to++]];
      while (to < order.length && values[order[to]] === value);
      const score = below + (weight - total) / 2;
      for (; from < to; from++) this.scores[order[from]] = score;
      this.squares += weight * score * score;
      below += weight;
    }
  }
}

function correlated(weights: Float64Array, a: WeightedRdm, b: WeightedRdm): number {
  let sum = 0;
  for (let p = 0; p < weights.length; p++) sum += weights[p] * a.scores[p] * b.scores[p];
  return sum / Math.sqrt(a.squares) / Math.sqrt(b.squares);
}
