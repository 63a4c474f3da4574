import { median } from '../numerics/statistics/statistics.js';
import { rectified } from './receptive-fields.js';

/** Spikes per second of the median macaque V1 neuron: without a stimulus, and at its best grating (Marques2020). */
const SPONTANEOUS = 0.82;
const BEST = 33.8;
/** Share of the largest response above which a unit counts as responsive. */
const RESPONSIVE = 5 / 243.1;

/** The affine map of a layer from activations to spikes per second. */
export interface FiringRates {
  readonly slope: number;
  readonly offset: number;
}

/** A unit as the map is fitted to it. */
export interface FittedUnit {
  readonly blank: number;
  /** Activations to the gratings of all orientations, phase fastest. */
  readonly orientation: ArrayLike<number>;
}

/**
 * The map that brings the median responsive unit to the median neuron: its blank response to .82, its best response to an
 * orientation (mean over phases) to 33.8. NaN where no unit is responsive.
 */
export function fitFiringRates(units: readonly FittedUnit[], phases: number): FiringRates {
  const blanks = units.map(({ blank }) => rectified(blank));
  const best = units.map(({ orientation }) => largestMean(orientation, phases));
  const gains = best.map((value, unit) => value - blanks[unit]);
  const threshold = RESPONSIVE * largest(gains);
  const responsive = gains.flatMap((gain, unit) => (gain > threshold ? unit : []));
  const low = median(responsive.map((unit) => blanks[unit]));
  const high = median(responsive.map((unit) => best[unit]));
  const slope = (BEST - SPONTANEOUS) / (high - low);
  return { slope, offset: SPONTANEOUS - slope * low };
}

/** The largest mean of `length` values after each other, negative ones counted as 0. */
function largestMean(values: ArrayLike<number>, length: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let first = 0; first < values.length; first += length) {
    let sum = 0;
    for (let k = 0; k < length; k++) sum += rectified(values[first + k]);
    most = Math.max(most, sum / length);
  }
  return most;
}

/** NaN where one value is. */
function largest(values: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) return Number.NaN;
    if (values[i] > most) most = values[i];
  }
  return most;
}

/** Activations in spikes per second, never below 0. */
export function firingRates(
  activations: ArrayLike<number>,
  { slope, offset }: FiringRates,
): Float64Array {
  const rates = new Float64Array(activations.length);
  for (let i = 0; i < rates.length; i++)
    rates[i] = rectified(slope * rectified(activations[i]) + offset);
  return rates;
}
