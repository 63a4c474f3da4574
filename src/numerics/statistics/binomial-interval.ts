import { logGamma } from '../random/random-state.js';
import { normalQuantile } from './normal.js';

/**
 * The exact interval of a share that was counted (Clopper and Pearson 1934): quantiles of beta distributions.
 * @param correct how many of `count`
 * @returns ends within [0, 1]; all of it where nothing was counted
 */
export function binomialInterval(
  correct: number,
  count: number,
  confidence = 0.95,
): readonly [low: number, high: number] {
  const tail = (1 - confidence) / 2;
  const low = correct === 0 ? 0 : betaQuantile(tail, correct, count - correct + 1);
  const high = correct === count ? 1 : betaQuantile(1 - tail, correct + 1, count - correct);
  return [low, high];
}

/** The score interval of a share that was counted (Wilson 1927), 95 %. */
export function wilsonInterval(
  correct: number,
  count: number,
): readonly [low: number, high: number] {
  const z = normalQuantile(0.975);
  const share = correct / count;
  const scale = 1 + z ** 2 / count;
  const centre = (share + z ** 2 / (2 * count)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  return [centre - half, centre + half];
}

/**
 * Where the distribution function of a beta distribution is `p`, by bisection to the last bit.
 * @param a shape, above 0
 * @param b shape, above 0
 */
export function betaQuantile(p: number, a: number, b: number): number {
  let [low, high] = [0, 1];
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (betaDistribution(middle, a, b) < p) low = middle;
    else high = middle;
  }
}

/**
 * The regularised incomplete beta function Iₓ(a, b): the continued fraction of DLMF 8.17.22, evaluated as
 * Lentz (1976) does, on the side where it converges quickly.
 * @param a above 0
 * @param b above 0
 */
export function betaDistribution(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const scale = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  );
  return x < (a + 1) / (a + b + 2)
    ? scale / (a * continuedFraction(x, a, b))
    : 1 - scale / (b * continuedFraction(1 - x, b, a));
}

/** Steps after which the fraction has long converged: they grow as √max(a, b). */
const STEPS = 100_000;
const TINY = 1e-300;

function continuedFraction(x: number, a: number, b: number): number {
  const term = (step: number) => {
    const m = Math.floor(step / 2);
    return step % 2 === 0
      ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
      : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
  };
  const away = (value: number) => (Math.abs(value) < TINY ? TINY : value);
  let [value, above, below] = [1, 1, 0];
  for (let step = 1; step < STEPS; step++) {
    below = 1 / away(1 + term(step) * below);
    above = away(1 + term(step) / above);
    const factor = above * below;
    value *= factor;
    if (Math.abs(factor - 1) < 1e-15) break;
  }
  return value;
}
