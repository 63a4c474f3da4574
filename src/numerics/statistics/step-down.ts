import type { ComparedFamily } from './compared-family.js';
import { normalCdf } from './normal.js';
import type { PairStatistics } from './paired-family.js';
import { tQuantile } from './student-t.js';

/** Which pairs of a family differ. */
export interface Separations {
  /** What |difference| / se exceeds where a pair is separated, at the first step and at the last. */
  readonly critical: readonly [first: number, last: number];
  /** 1 where a pair is separated; square. */
  readonly apart: Uint8Array;
}

/** How a family is tested. */
export interface FamilyLevel {
  /** Share of families with a false separation. */
  readonly level: number;
  /** Degrees of freedom of the standard errors. */
  readonly degrees: number;
}

/**
 * Degrees of freedom (a hundred units) below which draws make the quantile of the largest difference too small: on boards of ten
 * equal models 8 % of 12 or 30 units had a false separation instead of 5 % (bench/equal-boards.ts).
 */
const FEW = 99;
/** Draws beyond a quantile below which it is not read from them. */
const BEYOND = 10;
/** Tails beyond this are lost to rounding. */
const LEAST = 1e-15;

/**
 * Which models differ, at a level that holds for all pairs together: max-T of studentised differences, stepping down (Westfall and
 * Young 1993; Romano and Wolf 2005). The quantile is that of Student's t which has the probability of the drawn one in the normal
 * distribution; with few units, or too few draws for the level, at least Bonferroni's of the pairs that are left (so Holm's).
 * A difference that does not vary is separated where it is not 0, one without a variance never.
 */
export function stepDown(
  { family, pairs, largest }: ComparedFamily,
  { level, degrees }: FamilyLevel,
): Separations {
  const { models, t } = pairs;
  const draws = family.both[0]?.length ?? 0;
  const coarse = degrees < FEW || level * draws < BEYOND;
  const criticalOf = (most: number) => {
    const drawn = 1 - normalCdf(largest.quantile(most, level));
    const left = pairsUpTo(pairs, most);
    const tail = coarse ? Math.min(drawn, level / (2 * left)) : drawn;
    return left === 0 ? 0 : tQuantile(1 - Math.max(tail, LEAST), degrees);
  };
  const first = criticalOf(Number.POSITIVE_INFINITY);
  let last = first;
  for (;;) {
    const next = criticalOf(last);
    if (!(next < last)) break;
    const found = pairsUpTo(pairs, last) > pairsUpTo(pairs, next);
    last = next;
    if (!found) break;
  }
  const apart = new Uint8Array(models * models);
  for (let k = 0; k < apart.length; k++) apart[k] = t[k] > last ? 1 : 0;
  return { critical: [first, last], apart };
}

/** Pairs that vary, and whose t is at most this. */
function pairsUpTo({ models, t, deviations }: PairStatistics, most: number): number {
  let count = 0;
  for (let i = 0; i < models; i++)
    for (let j = i + 1; j < models; j++) {
      const at = i * models + j;
      if (deviations[at] > 0 && t[at] <= most) count++;
    }
  return count;
}
