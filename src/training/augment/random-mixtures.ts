import { accurateLog } from '../../numerics/random/accurate-log.js';
import type { RandomState } from '../../numerics/random/random-state.js';

/** Random shares of a whole, drawn as numpy's RandomState draws them (`legacy-distributions.c`). */

function exponential(random: RandomState): number {
  return -accurateLog(1 - random.double());
}

/** `standard_gamma(shape)`, shape > 0: Ahrens and Dieter 1974 below 1, Marsaglia and Tsang 2000 above. */
function gamma(random: RandomState, shape: number): number {
  if (shape === 1) return exponential(random);
  return shape < 1 ? gammaBelowOne(random, shape) : gammaAboveOne(random, shape);
}

function gammaBelowOne(random: RandomState, shape: number): number {
  for (;;) {
    const u = random.double();
    const v = exponential(random);
    if (u <= 1 - shape) {
      const x = u ** (1 / shape);
      if (x <= v) return x;
    } else {
      const y = -Math.log((1 - u) / shape);
      const x = (1 - shape + shape * y) ** (1 / shape);
      if (x <= v + y) return x;
    }
  }
}

function gammaAboveOne(random: RandomState, shape: number): number {
  const b = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * b);
  for (;;) {
    const x = random.standardNormal(1)[0];
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    const u = random.double();
    if (u < 1 - 0.0331 * x ** 4) return b * v;
    if (Math.log(u) < 0.5 * x * x + b * (1 - v + Math.log(v))) return b * v;
  }
}

/** `beta(a, b)`: a share of 1. Jöhnk 1964 where neither is above 1. */
export function beta(random: RandomState, a: number, b: number): number {
  if (a > 1 || b > 1) {
    const one = gamma(random, a);
    return one / (one + gamma(random, b));
  }
  for (;;) {
    const x = random.double() ** (1 / a);
    const y = random.double() ** (1 / b);
    if (x + y <= 1 && x + y > 0) return x / (x + y);
  }
}

/** `dirichlet([alpha] * count)`: shares that sum to 1. */
export function dirichlet(random: RandomState, alpha: number, count: number): Float64Array {
  const shares = Float64Array.from({ length: count }, () => gamma(random, alpha));
  const sum = shares.reduce((total, share) => total + share, 0);
  // Where alpha is tiny all of them can vanish, and then any one is as good as the whole.
  if (sum === 0) shares[0] = 1;
  return sum === 0 ? shares : shares.map((share) => share / sum);
}
