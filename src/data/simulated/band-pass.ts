import type { RandomState } from '../../numerics/random/random-state.js';
import { filterField, fourierOfReal, realInverse } from './fourier.js';

/** A band of spatial frequency and orientation. */
export interface Band {
  /** Preferred frequency, cycles an image. */
  readonly frequency: number;
  /** Standard deviation of log₂ frequency, octaves. */
  readonly octaves: number;
  /** Orientation of the stripes' normal, radians. */
  readonly orientation: number;
  /** Concentration over orientation; 0 is the same in every direction. */
  readonly concentration: number;
}

/** Gain of a band at (fx, fy): log-normal in frequency, von Mises in twice the angle, 0 at 0. */
function bandGain(band: Band): (fx: number, fy: number) => number {
  return (fx, fy) => {
    const radius = Math.sqrt(fx * fx + fy * fy);
    if (radius === 0) return 0;
    const octaves = Math.log2(radius / band.frequency) / band.octaves;
    if (octaves * octaves > 18) return 0;
    // cos 2(angle − orientation) from the direction's own sine and cosine.
    const [c, s] = [fx / radius, fy / radius];
    const cos2 = c * c - s * s;
    const sin2 = 2 * c * s;
    const along = cos2 * Math.cos(2 * band.orientation) + sin2 * Math.sin(2 * band.orientation);
    return Math.exp(-0.5 * octaves * octaves + band.concentration * (along - 1));
  };
}

/** The image (side²) filtered by a band, mean 0, standard deviation 1. */
export function bandPass(values: Float64Array, band: Band): Float64Array {
  return standardise(realInverse(filterField(fourierOfReal(values), bandGain(band))));
}

/** Uniform white noise of side² values, filtered by a band. */
export function bandNoise(random: RandomState, side: number, band: Band): Float64Array {
  return bandPass(random.randomSample(side * side), band);
}

/** The values less their mean, over their standard deviation. */
export function standardise(values: Float64Array): Float64Array {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) * (value - mean);
  const deviation = Math.sqrt(squares / values.length);
  return values.map((value) => (deviation === 0 ? 0 : (value - mean) / deviation));
}
