import { betaDistribution, betaQuantile } from './binomial-interval.js';

/** The point below which Student's t distribution with these degrees of freedom has probability `p` ≥ 1/2. */
export function tQuantile(p: number, degrees: number): number {
  // P(T > t) = ½ Iₓ(ν/2, ½) with x = ν/(ν + t²) (Abramowitz and Stegun 26.7.1).
  const x = betaQuantile(2 * (1 - p), degrees / 2, 0.5);
  return Math.sqrt((degrees * (1 - x)) / x);
}

/** P(T > |t|) + P(T < −|t|) of Student's t distribution (Abramowitz and Stegun 26.7.1); NaN for NaN. */
export function tTwoSided(t: number, degrees: number): number {
  if (Number.isNaN(t)) return Number.NaN;
  return t === 0 ? 1 : betaDistribution(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/** Mean of a few numbers and its 95 % interval (Student 1908); with a single number the interval is all of the line. */
export function meanInterval(values: readonly number[]): {
  readonly mean: number;
  readonly interval: readonly [low: number, high: number];
} {
  const { length } = values;
  const mean = values.reduce((sum, value) => sum + value, 0) / length;
  if (length < 2) return { mean, interval: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (length - 1);
  const half = tQuantile(0.975, length - 1) * Math.sqrt(variance / length);
  return { mean, interval: [mean - half, mean + half] };
}
