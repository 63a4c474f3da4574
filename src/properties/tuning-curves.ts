import { cubicSpline } from './cubic-spline.js';
import { firstLargest } from './sweep.js';

/** How an orientation curve is smoothed and where its bandwidth is read. */
export interface OrientationReading {
  /** Five weights of the smoothing; they are divided by their sum. */
  readonly weights: readonly number[];
  /** Share of the peak. */
  readonly threshold: number;
}

/** .707 of a peak, as the papers write it; not √½. */
const SHARE = 707 / 1000;

/** De Valois, Yund, Hepler 1982: full bandwidth at half height. */
export const DEVALOIS: OrientationReading = { weights: [0, 1 / 5, 1, 1 / 5, 0], threshold: 0.5 };
/** Ringach, Shapley, Hawken 2002: half bandwidth at .707 of the peak. */
export const RINGACH: OrientationReading = {
  weights: [0, 2 / 5, 1, 2 / 5, 0],
  threshold: SHARE,
};

/** Peak and full bandwidth in degrees; the bandwidth is NaN where the curve does not fall on both sides. */
export interface OrientationPeak {
  readonly peak: number;
  readonly bandwidth: number;
}

/**
 * Peak and bandwidth of an orientation curve over half a circle. The curve stands three times in a row, is smoothed (with
 * zeros beyond), splined and read at whole degrees, as Marques2020 does.
 * @param curve responses at evenly spaced orientations from 0 on
 */
export function orientationPeak(
  curve: ArrayLike<number>,
  { weights, threshold }: OrientationReading,
): OrientationPeak {
  const values = orientationSpline(curve, weights);
  const at = (degree: number) => values[degree + 180];
  let peak = 0;
  for (let degree = 0; degree < 180; degree++) if (at(degree) > at(peak)) peak = degree;
  const level = threshold * at(peak);
  let low = peak - 1;
  while (low >= -180 && !(at(low) <= level)) low--;
  let high = peak + 1;
  while (high < 360 && !(at(high) <= level)) high++;
  const bandwidth = low < -180 || high >= 360 || high - low > 180 ? Number.NaN : high - low;
  return { peak, bandwidth };
}

/** −180 … 359. */
const DEGREES = Float64Array.from({ length: 540 }, (_, i) => i - 180);

/** The splined curve at −180 … 359 degrees. */
export function orientationSpline(
  curve: ArrayLike<number>,
  weights: readonly number[],
): Float64Array {
  const n = curve.length;
  const tripled = new Float64Array(3 * n);
  const knots = new Float64Array(3 * n);
  for (let i = 0; i < 3 * n; i++) {
    tripled[i] = curve[i % n];
    knots[i] = -180 + (180 / n) * i;
  }
  return cubicSpline(knots, smoothed(tripled, weights, 0, 0), DEGREES);
}

/**
 * @param before value at the positions before the first
 * @param after value at those after the last
 */
function smoothed(
  values: Float64Array,
  weights: readonly number[],
  before: number,
  after: number,
): Float64Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = weights.map((weight) => weight / total);
  const half = (weights.length - 1) / 2;
  const means = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    let sum = 0;
    for (let k = 0; k < shares.length; k++) {
      const at = i + k - half;
      const value = at < 0 ? before : at >= values.length ? after : values[at];
      sum += value * shares[k];
    }
    means[i] = sum;
  }
  return means;
}

/** 1 − |Σ c e^(2iθ)| / Σ|c|: 0 for a unit that answers to one orientation, 1 for one that answers to all alike. */
export function circularVariance(
  curve: ArrayLike<number>,
  orientations: readonly number[],
): number {
  let real = 0;
  let imaginary = 0;
  let total = 0;
  for (let k = 0; k < curve.length; k++) {
    const angle = (2 * orientations[k] * Math.PI) / 180;
    real += curve[k] * Math.cos(angle);
    imaginary += curve[k] * Math.sin(angle);
    total += Math.abs(curve[k]);
  }
  return 1 - Math.hypot(real, imaginary) / total;
}

/** Response at right angles to the preferred orientation over that at the preferred one. */
export function orthogonalPreferredRatio(curve: ArrayLike<number>): number {
  const n = curve.length;
  const best = firstLargest(curve);
  return best < 0 ? Number.NaN : curve[(best + n / 2) % n] / curve[best];
}

const FREQUENCY_WEIGHTS = [0, 1 / 5, 1, 1 / 5, 0];
const FREQUENCY_POINTS = 100;

/** Peak in cycles per degree; bandwidth: low over high cut-off in percent, NaN where one is missing. */
export interface FrequencyPeak {
  readonly peak: number;
  readonly bandwidth: number;
}

/** Peak and bandwidth at .707 of the peak of a spatial-frequency curve, splined over octaves. */
export function frequencyPeak(
  curve: ArrayLike<number>,
  frequencies: readonly number[],
): FrequencyPeak {
  const { octaves, values } = frequencySpline(curve, frequencies);
  let peak = 0;
  values.forEach((value, i) => {
    if (value > values[peak]) peak = i;
  });
  const level = SHARE * values[peak];
  let low = peak - 1;
  while (low >= 0 && !(values[low] <= level)) low--;
  let high = peak + 1;
  while (high < values.length && !(values[high] <= level)) high++;
  const cut = low >= 0 && high < values.length;
  return {
    peak: 2 ** octaves[peak],
    bandwidth: cut ? (2 ** octaves[low] / 2 ** octaves[high]) * 100 : Number.NaN,
  };
}

/** The splined curve at evenly spaced points of log2 of the frequency. */
export function frequencySpline(
  curve: ArrayLike<number>,
  frequencies: readonly number[],
): { readonly octaves: Float64Array; readonly values: Float64Array } {
  const own = Float64Array.from(curve);
  const knots = frequencies.map(Math.log2);
  const first = knots[0];
  const last = knots[knots.length - 1];
  const step = (last - first) / (FREQUENCY_POINTS - 1);
  const octaves = Float64Array.from({ length: FREQUENCY_POINTS }, (_, i) =>
    i === FREQUENCY_POINTS - 1 ? last : first + i * step,
  );
  const curveAt = smoothed(own, FREQUENCY_WEIGHTS, own[0], own[own.length - 1]);
  return { octaves, values: cubicSpline(knots, curveAt, octaves) };
}

/** What a size curve says of a unit; NaN where it is not suppressed by more than a tenth. */
export interface SizeReading {
  readonly suppressionIndex: number;
  /** Diameters in degrees. */
  readonly summationField: number;
  readonly surroundDiameter: number;
}

/** Summation field and surround of a size curve (Cavanaugh, Bair, Movshon 2002). */
export function sizeReading(curve: ArrayLike<number>, radii: readonly number[]): SizeReading {
  const peak = firstLargest(curve);
  const highest = peak < 0 ? Number.NaN : curve[peak];
  const end = curve[curve.length - 1];
  const suppressionIndex = (highest - end) / highest;
  if (!(highest > 0 && suppressionIndex > 0.1))
    return { suppressionIndex, summationField: Number.NaN, surroundDiameter: Number.NaN };
  let field = 0;
  while (!(curve[field] >= 0.95 * highest)) field++;
  let surround = peak + 1;
  while (!(curve[surround] <= end + 0.05 * Math.abs(end))) surround++;
  return {
    suppressionIndex,
    summationField: 2 * radii[field],
    surroundDiameter: 2 * radii[surround],
  };
}
