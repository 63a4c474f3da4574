import { varianceOf } from '../../metrics/resampling/two-factor-draws.js';
import { studentQuantile } from '../../numerics/statistics/max-t.js';
import { mean, percentile } from '../../numerics/statistics/statistics.js';
import { lessDraws, NO_SPREAD } from '../draws/score-difference.js';
import { type ScoreDraws, spreadOf } from '../draws/score-draws.js';

/** A layer that may be chosen, with the draws behind its interval. */
export interface TieCandidate {
  readonly layer: string;
  /** null if the score is not defined: such a layer is neither chosen nor tied. */
  readonly value: number | null;
  /** The same draws for every layer, in the same order; NaN if a draw gave none. */
  readonly draws?: ScoreDraws | undefined;
}

/** The layer of the highest value, and those tied with it, in the given order. */
export interface BestAndTied {
  readonly layer: string;
  readonly tied: readonly string[];
}

/** Familywise level of the simultaneous intervals, in percent. */
const LEVEL = 95;

/**
 * The best layer, the first in order among equals, and the layers tied with it: those whose
 * simultaneous 95 % interval of the difference from the best contains 0 (max-T over candidates).
 *
 * For candidate k with value v_k: d_k = v_best − v_k with its draws D_k; se_k the corrected standard error of docs/statistics.md;
 * q the 95th percentile over draws of max_k |D_k(r) − mean D_k| / sd_k, D_k and sd_k over draws of all factors; k is tied where
 * |d_k| ≤ q′ · se_k, q′ the quantile of Student's t where q is one of the normal distribution: few units make q liberal. A draw
 * that is NaN for either layer is left out of that pair. A candidate with fewer than half of its draws is not tied. Where se_k
 * is 0 (up to rounding) k is out of the maximum, and tied exactly where d_k is 0 as well.
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
 * The differences first − second of pairs, with intervals d ± q′ · se that hold for all of them together
 * (max-T, as in {@link bestAndTied}); undefined for a pair without values, without draws, or with fewer
 * than half of them.
 * @throws RangeError where the two have not equally many draws
 */
export function simultaneousDifferences(
  pairs: readonly (readonly [TieCandidate, TieCandidate])[],
): (SimultaneousDifference | undefined)[] {
  const differences = pairs.map(([first, second]) => difference(first, second));
  const known = differences.filter((each) => each !== undefined);
  const quantile = maxT(known);
  return differences.map((each) => {
    if (!each) return undefined;
    const half = each.se === 0 ? 0 : studentQuantile(quantile, each.degrees) * each.se;
    return {
      difference: each.d,
      ci: [each.d - half, each.d + half] as const,
      beyond: Math.abs(each.d) > half,
    };
  });
}

interface DrawnDifference {
  /** v_first − v_second, and 0 if that is a rounding error. */
  readonly d: number;
  readonly se: number;
  readonly degrees: number;
  /** D(r). */
  readonly draws: Float32Array;
}

function difference(first: TieCandidate, second: TieCandidate): DrawnDifference | undefined {
  const { value, draws: of } = first;
  const { layer, value: other, draws } = second;
  if (value === null || !Number.isFinite(value) || !of) return undefined;
  if (other === null || !Number.isFinite(other) || !draws) return undefined;
  if (draws.both.length !== of.both.length)
    throw new RangeError(
      `${layer} has ${draws.both.length} draws, ${first.layer} ${of.both.length}`,
    );
  const paired = lessDraws(of, draws);
  const spread = spreadOf(paired);
  if (!spread) return undefined;
  const rounding = NO_SPREAD * Math.max(Math.abs(value), Math.abs(other));
  const flat = (x: number) => (Math.abs(x) <= rounding ? 0 : x);
  return {
    d: flat(value - other),
    se: flat(Math.sqrt(spread.variance)),
    degrees: spread.degrees,
    draws: paired.both,
  };
}

/** The 95th percentile of the largest studentised deviation among the pairs; 0 if none varies. */
function maxT(differences: readonly DrawnDifference[]): number {
  const varying = differences.filter(({ se }) => se > 0);
  const count = Math.max(0, ...varying.map(({ draws }) => draws.length));
  const largest = new Float64Array(count).fill(-1);
  for (const { draws } of varying) {
    const centre = mean(draws.filter(Number.isFinite));
    const sd = Math.sqrt(varianceOf(draws));
    for (let r = 0; r < count; r++) {
      const t = Math.abs(draws[r] - centre) / sd;
      if (t > largest[r]) largest[r] = t;
    }
  }
  const known = largest.filter((t) => t >= 0);
  return known.length === 0 ? 0 : percentile(known, LEVEL);
}
