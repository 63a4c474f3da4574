import { RandomState } from '../../numerics/random/random-state.js';
import { percentile } from '../../numerics/statistics/statistics.js';

/** How well a column tells models apart. */
export interface Instrument {
  /** Over how many models. */
  readonly models: number;
  /**
   * 1 − mean variance of a difference / mean square of a difference, over pairs; 0 where that is negative; null below ten models
   * or without any difference.
   */
  readonly reliability: number | null;
  /** The number itself, which may be negative. */
  readonly unbounded: number | null;
  /** 95 %, by drawing models. */
  readonly ci: readonly [number, number] | null;
  /** The smallest difference of one pair that is found four times out of five, at 5 %: 2.80 · median standard error. */
  readonly detectable: number | null;
}

/** Fewer models say nothing about an instrument. */
const LEAST_MODELS = 10;
const DRAWS = 1000;
/** Terms that the drawing of models may take: with a thousand models two hundred draws. */
const MOST_TERMS = 2e8;
const SEED = 20;
/** z(0.975) + z(0.80). */
const DETECTED = 2.8;

/**
 * Reliability and smallest detectable difference, from all pairs of models that have a variance.
 * @param variances of the differences of pairs, row-major in a square; NaN where there is none
 */
export function instrumentOf(values: ArrayLike<number>, variances: Float64Array): Instrument {
  const count = values.length;
  const squares = new Float64Array(count ** 2);
  const errors = new Float64Array(count ** 2);
  const known: number[] = [];
  for (let i = 0; i < count; i++)
    for (let j = i + 1; j < count; j++) {
      const at = i * count + j;
      if (Number.isNaN(variances[at])) continue;
      known.push(Math.sqrt(variances[at]));
      errors[at] = variances[at];
      squares[at] = (values[i] - values[j]) ** 2;
    }
  const detectable = known.length > 0 ? DETECTED * percentile(Float64Array.from(known), 50) : null;
  const none = { models: count, reliability: null, unbounded: null, ci: null, detectable };
  if (count < LEAST_MODELS) return none;
  const unbounded = pairedReliability(values, variances);
  if (!Number.isFinite(unbounded)) return none;
  const bounded = (value: number) => Math.max(0, value);
  const drawn = drawnReliabilities(errors, squares, count);
  const ends = [2.5, 97.5].map((p) => bounded(percentile(drawn, p)));
  return {
    ...none,
    reliability: bounded(unbounded),
    unbounded,
    ci: drawn.length > 0 ? [ends[0], ends[1]] : null,
  };
}

/**
 * 1 − mean variance of a difference / mean square of a difference, over pairs. Where errors are independent it is Brain-Score's
 * 1 − mean(error²) / var(scores), var with ddof 1 (`bootstrap_error.py`). NaN below two models, negative where errors are larger than
 * differences.
 * @param variances row-major in a square; NaN where there is none
 */
export function pairedReliability(values: ArrayLike<number>, variances: Float64Array): number {
  const count = values.length;
  let error = 0;
  let square = 0;
  for (let i = 0; i < count; i++)
    for (let j = i + 1; j < count; j++) {
      const variance = variances[i * count + j];
      if (Number.isNaN(variance)) continue;
      error += variance;
      square += (values[i] - values[j]) ** 2;
    }
  return 1 - error / square;
}

function drawnReliabilities(errors: Float64Array, squares: Float64Array, count: number) {
  const random = new RandomState(SEED);
  const draws = Math.min(DRAWS, Math.ceil(MOST_TERMS / count ** 2));
  return Float64Array.from({ length: draws }, () => {
    const times = new Float64Array(count);
    for (let k = 0; k < count; k++) times[random.interval(count - 1)]++;
    return reliabilityOf(errors, squares, times);
  }).filter(Number.isFinite);
}

/** @param times how often each model counts; a pair as often as both together */
function reliabilityOf(errors: Float64Array, squares: Float64Array, times: Float64Array): number {
  const count = times.length;
  let error = 0;
  let square = 0;
  for (let i = 0; i < count; i++) {
    if (times[i] === 0) continue;
    for (let j = i + 1; j < count; j++) {
      const weight = times[i] * times[j];
      error += weight * errors[i * count + j];
      square += weight * squares[i * count + j];
    }
  }
  return 1 - error / square;
}
