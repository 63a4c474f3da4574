import { percentile } from '../../numerics/statistics/statistics.js';

/** A layer that may be chosen, with the statistic of each resample behind its interval. */
export interface TieCandidate {
  readonly layer: string;
  /** null if the score is not defined: such a layer is neither chosen nor tied. */
  readonly value: number | null;
  /** The same resamples for every layer, in the same order; NaN if a resample gave none. */
  readonly draws?: Float64Array | undefined;
}

/** The layer of the highest value, and those tied with it, in the given order. */
export interface BestAndTied {
  readonly layer: string;
  readonly tied: readonly string[];
}

/** Familywise level of the simultaneous intervals, in percent. */
const LEVEL = 95;
/** Share of the values below which a difference is rounding. */
const ROUNDING = 1e-12;

/**
 * The best layer, the first in order among equals, and the layers tied with it: those whose
 * simultaneous 95 % interval of the difference from the best contains 0 (max-T over candidates).
 *
 * For candidate k with value v_k and draws v_k(r): d_k = v_best − v_k, D_k(r) = v_best(r) − v_k(r),
 * se_k the standard deviation (ddof 1) of D_k; q the 95th percentile over r of
 * max_k |D_k(r) − d_k| / se_k; k is tied where |d_k| ≤ q · se_k. A draw that is NaN for either layer is
 * left out of that pair. A candidate with fewer than half of its draws is not tied. Where se_k is 0
 * (up to rounding) k is out of the maximum, and tied exactly where d_k is 0 as well.
 *
 * Gives undefined if no candidate has a value.
 */
export function bestAndTied(candidates: readonly TieCandidate[]): BestAndTied | undefined {
  let best: TieCandidate | undefined;
  for (const candidate of candidates)
    if (isHigher(candidate.value, best?.value ?? null)) best = candidate;
  if (!best) return undefined;
  const { layer } = best;
  const others = candidates.filter((candidate) => candidate !== best);
  const differences = simultaneousDifferences(others.map((other) => [best, other]));
  const tied = others.filter((_, k) => differences[k]?.beyond === false);
  return { layer, tied: tied.map((each) => each.layer) };
}

const isHigher = (value: number | null, than: number | null) =>
  value !== null && Number.isFinite(value) && (than === null || value > than);

/** A difference of two values with its simultaneous 95 % interval. */
export interface SimultaneousDifference {
  readonly difference: number;
  readonly ci: readonly [number, number];
  /** Whether the interval excludes 0. */
  readonly beyond: boolean;
}

/**
 * The differences first − second of pairs, with intervals d ± q · se that hold for all of them together
 * (max-T, as in {@link bestAndTied}); undefined for a pair without values, without draws, or with fewer
 * than half of them.
 * @throws RangeError where the two have not equally many draws
 */
export function simultaneousDifferences(
  pairs: readonly (readonly [TieCandidate, TieCandidate])[],
): (SimultaneousDifference | undefined)[] {
  const differences = pairs.map(([first, second]) => difference(first, second));
  const quantile = maxT(differences.filter((each) => each !== undefined));
  return differences.map((each) => {
    if (!each) return undefined;
    const half = each.se === 0 ? 0 : quantile * each.se;
    return {
      difference: each.d,
      ci: [each.d - half, each.d + half] as const,
      beyond: Math.abs(each.d) > half,
    };
  });
}

interface Difference {
  /** v_first − v_second, and 0 if that is a rounding error. */
  readonly d: number;
  readonly se: number;
  /** D(r). */
  readonly draws: Float64Array;
}

function difference(first: TieCandidate, second: TieCandidate): Difference | undefined {
  const { value, draws: of } = first;
  const { layer, value: other, draws } = second;
  if (value === null || !Number.isFinite(value) || !of) return undefined;
  if (other === null || !Number.isFinite(other) || !draws) return undefined;
  if (draws.length !== of.length)
    throw new RangeError(`${layer} has ${draws.length} draws, ${first.layer} ${of.length}`);
  const paired = draws.map((drawn, r) => of[r] - drawn);
  const known = paired.filter(Number.isFinite);
  if (known.length < Math.max(2, paired.length / 2)) return undefined;
  const rounding = ROUNDING * Math.max(Math.abs(value), Math.abs(other));
  const flat = (x: number) => (Math.abs(x) <= rounding ? 0 : x);
  return { d: flat(value - other), se: flat(deviation(known)), draws: paired };
}

/** Standard deviation, ddof 1. */
function deviation(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  const centre = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - centre) ** 2;
  return Math.sqrt(squares / (values.length - 1));
}

/** The 95th percentile of the largest studentised deviation among the pairs; 0 if none varies. */
function maxT(differences: readonly Difference[]): number {
  const varying = differences.filter(({ se }) => se > 0);
  const resamples = Math.max(0, ...varying.map(({ draws }) => draws.length));
  const largest = new Float64Array(resamples).fill(-1);
  for (const { d, se, draws } of varying) {
    for (let r = 0; r < resamples; r++) {
      const t = Math.abs(draws[r] - d) / se;
      if (t > largest[r]) largest[r] = t;
    }
  }
  const known = largest.filter((t) => t >= 0);
  return known.length === 0 ? 0 : percentile(known, LEVEL);
}
