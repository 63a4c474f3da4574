import { normalQuantile } from './normal.js';
import { pearson } from './pearson.js';
import { spearman } from './spearman.js';
import { tTwoSided } from './student-t.js';

/** Correlations of two variables over the units that have both. */
export interface CorrelationTest {
  readonly count: number;
  /** Pearson's r. */
  readonly r: number;
  /** Two-sided p of r, for normal variables. */
  readonly p: number;
  /** Fisher's 95 % interval of r; [−1, 1] below four units. */
  readonly interval: readonly [low: number, high: number];
  /** Spearman's ρ. */
  readonly rho: number;
  /** Its 95 % interval by Fisher's transform, standard error √((1 + ρ²/2)/(n − 3)) (Bonett and Wright 2000); as that of r below four units. */
  readonly rhoInterval: readonly [low: number, high: number];
  /** Kendall's τ_b. */
  readonly tau: number;
}

/**
 * Correlates two variables; a unit that lacks either is left out. NaN where a variable is constant or fewer than two units
 * have both.
 */
export function correlationTest(x: ArrayLike<number>, y: ArrayLike<number>): CorrelationTest {
  const both = Array.from(x, (_, i) => i).filter((i) => !Number.isNaN(x[i]) && !Number.isNaN(y[i]));
  const [a, b] = [x, y].map((of) => Float64Array.from(both, (i) => of[i]));
  const count = both.length;
  if (count < 2) {
    const none = Number.NaN;
    const nowhere = [none, none] as const;
    const correlations = { r: none, rho: none, tau: none };
    return { count, p: none, interval: nowhere, rhoInterval: nowhere, ...correlations };
  }
  const r = pearson(a, b);
  const rho = spearman(a, b);
  return {
    count,
    r,
    p:
      count === 2 && !Number.isNaN(r)
        ? 1
        : tTwoSided(r * Math.sqrt((count - 2) / (1 - r * r)), count - 2),
    interval: fisherInterval(r, count, 1),
    rho,
    rhoInterval: fisherInterval(rho, count, 1 + (rho * rho) / 2),
    tau: kendall(a, b),
  };
}

/** @param variance of the transformed correlation, times n − 3 */
function fisherInterval(r: number, count: number, variance: number): readonly [number, number] {
  if (Number.isNaN(r)) return [r, r];
  if (count <= 3) return [-1, 1];
  const half = normalQuantile(0.975) * Math.sqrt(variance / (count - 3));
  return [Math.tanh(Math.atanh(r) - half), Math.tanh(Math.atanh(r) + half)];
}

/** Kendall's τ_b: concordant less discordant pairs, over the geometric mean of the pairs untied in each variable. */
export function kendall(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const { difference, untiedX, untiedY } = pairSigns(x, y);
  return difference / Math.sqrt(untiedX) / Math.sqrt(untiedY);
}

/** Kendall's τ_a: concordant less discordant pairs, over all pairs. */
export function kendallA(x: ArrayLike<number>, y: ArrayLike<number>): number {
  return pairSigns(x, y).difference / ((x.length * (x.length - 1)) / 2);
}

function pairSigns(x: ArrayLike<number>, y: ArrayLike<number>) {
  let [difference, untiedX, untiedY] = [0, 0, 0];
  for (let i = 1; i < x.length; i++) {
    for (let j = 0; j < i; j++) {
      const [a, b] = [Math.sign(x[i] - x[j]), Math.sign(y[i] - y[j])];
      difference += a * b;
      untiedX += a * a;
      untiedY += b * b;
    }
  }
  return { difference, untiedX, untiedY };
}
