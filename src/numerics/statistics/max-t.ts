import { stdDdof1 } from './bootstrap-error.js';
import { normalCdf } from './normal.js';
import { percentile } from './statistics.js';
import { tQuantile } from './student-t.js';

/** Scores of models and their draws, which are the same for all of them. */
export interface DrawnScores {
  readonly values: Float64Array;
  /** draw × model; NaN where a draw gives none. */
  readonly draws: Float64Array;
  /** Factor on the observed standard errors alone, where their variance is corrected and that of a draw is not. */
  readonly scale?: number;
}

/** The difference of two models. */
export interface PairTest {
  readonly models: readonly [i: number, j: number];
  readonly difference: number;
  /** Standard deviation of the drawn differences. */
  readonly se: number;
  /** Of this pair alone. */
  readonly unadjusted: number;
  /** Adjusted for all pairs at once. */
  readonly singleStep: number;
  /** Adjusted by stepping down from the largest difference. */
  readonly stepDown: number;
  /** Half width of its simultaneous interval. */
  readonly half: number;
}

/** Pairs of models, tested together. */
export interface FamilyTest {
  readonly pairs: readonly PairTest[];
  /** What |difference|/se exceeds where a pair is separated; 0 without a pair that varies. */
  readonly quantile: number;
  /** The quantile of each step: pairs that are separated leave, until none does. */
  readonly steps: readonly number[];
  /** Separated at the quantile of all pairs. */
  readonly singleStep: readonly (readonly [i: number, j: number])[];
  /** Separated at some step. */
  readonly stepDown: readonly (readonly [i: number, j: number])[];
}

/** Tails beyond this are lost to rounding. */
const FARTHEST = 8;

/**
 * The quantile of Student's t distribution that has the probability of a quantile of the normal one: the quantile of a largest
 * difference, for a standard error that was estimated from few units.
 */
export const studentQuantile = (quantile: number, degrees: number): number =>
  quantile === 0 ? 0 : tQuantile(normalCdf(Math.min(quantile, FARTHEST)), degrees);

/** A standard error this small beside the values is rounding. */
const ROUNDING = 1e-12;

interface Drawn {
  readonly pair: readonly [number, number];
  readonly difference: number;
  readonly se: number;
  /** |difference| in standard errors; Infinity or 0 where nothing varies. */
  readonly t: number;
  /** |drawn difference − difference| in standard errors, by draw; empty where nothing varies. */
  readonly away: Float64Array;
}

/**
 * Which models differ, at a level that holds for all pairs together: the distribution of the largest studentised
 * difference over pairs, from common draws (Westfall and Young 1993; stepping down: Romano and Wolf 2005). A pair whose
 * draws do not vary is left out of the largest, and separated where its values differ. Few units make it liberal
 * (docs/statistics.md).
 * @param level share of families with a false separation
 */
export function maxT(scores: DrawnScores, level = 0.05): FamilyTest {
  const drawn = drawnPairs(scores);
  const varying = drawn.filter(({ away }) => away.length > 0);
  const draws = scores.values.length > 0 ? scores.draws.length / scores.values.length : 0;
  const largest = (of: readonly Drawn[]) => largestByDraw(of, draws);
  const quantileOf = (of: readonly Drawn[]) => {
    const finite = largest(of).filter(Number.isFinite);
    return finite.length > 0 ? percentile(finite, 100 * (1 - level)) : 0;
  };
  const steps: number[] = [];
  const apart = new Set(drawn.filter(({ away, t }) => away.length === 0 && t > 0));
  const first = new Set<Drawn>(apart);
  for (let left = varying; left.length > 0; ) {
    const q = quantileOf(left);
    steps.push(q);
    const found = left.filter(({ t }) => t > q);
    for (const each of found) apart.add(each);
    if (steps.length === 1) for (const each of found) first.add(each);
    if (found.length === 0) break;
    left = left.filter((each) => !apart.has(each));
  }
  const quantile = steps[0] ?? 0;
  const adjusted = stepDownOf(varying, draws);
  const all = largest(varying).filter(Number.isFinite);
  const { scale = 1 } = scores;
  const pairs = drawn.map((each): PairTest => {
    const { pair: models, difference, se, t, away } = each;
    const certain = t > 0 ? 0 : 1;
    return {
      models,
      difference,
      se,
      unadjusted: away.length > 0 ? exceeding(away.filter(Number.isFinite), t) : certain,
      singleStep: away.length > 0 ? exceeding(all, t) : certain,
      stepDown: adjusted.get(each) ?? certain,
      half: quantile * scale * se,
    };
  });
  const separated = (of: ReadonlySet<Drawn>) =>
    drawn.filter((each) => of.has(each)).map(({ pair }) => pair);
  return { pairs, quantile, steps, singleStep: separated(first), stepDown: separated(apart) };
}

function drawnPairs({ values, draws, scale = 1 }: DrawnScores): Drawn[] {
  const models = values.length;
  const count = models > 0 ? draws.length / models : 0;
  const pairs: Drawn[] = [];
  for (let i = 0; i < models; i++) {
    for (let j = i + 1; j < models; j++) {
      const difference = values[i] - values[j];
      const drawn = new Float64Array(count);
      for (let r = 0; r < count; r++) drawn[r] = draws[r * models + i] - draws[r * models + j];
      const sd = stdDdof1(drawn.filter(Number.isFinite));
      const varies = sd > ROUNDING * Math.max(Math.abs(values[i]), Math.abs(values[j]));
      const se = varies ? sd : 0;
      const certain = difference === 0 ? 0 : Number.POSITIVE_INFINITY;
      pairs.push({
        pair: [i, j],
        difference,
        se,
        t: varies ? Math.abs(difference) / (scale * se) : certain,
        away: varies ? drawn.map((each) => Math.abs(each - difference) / se) : new Float64Array(0),
      });
    }
  }
  return pairs;
}

/** Of each draw the largest over pairs that have it; NaN where none has. */
function largestByDraw(pairs: readonly Drawn[], draws: number): Float64Array {
  const largest = new Float64Array(draws).fill(Number.NaN);
  for (const { away } of pairs) raise(largest, away);
  return largest;
}

function raise(largest: Float64Array, away: Float64Array): void {
  for (let r = 0; r < largest.length; r++)
    if (!(away[r] <= largest[r]) && !Number.isNaN(away[r])) largest[r] = away[r];
}

/** Share of draws that reach a value, itself counted among them: never 0 (Phipson and Smyth 2010). */
function exceeding(draws: Float64Array, t: number): number {
  let reached = 1;
  for (const each of draws) if (each >= t) reached++;
  return reached / (draws.length + 1);
}

/** From the smallest difference up, the largest over the pairs that are left; p never falls on the way down. */
function stepDownOf(pairs: readonly Drawn[], draws: number): Map<Drawn, number> {
  const ascending = pairs.toSorted((a, b) => a.t - b.t);
  const largest = new Float64Array(draws).fill(Number.NaN);
  const own = ascending.map(({ away, t }) => {
    raise(largest, away);
    return exceeding(largest.filter(Number.isFinite), t);
  });
  const adjusted = new Map<Drawn, number>();
  let floor = 0;
  for (let k = ascending.length - 1; k >= 0; k--) {
    floor = Math.max(floor, own[k]);
    adjusted.set(ascending[k], floor);
  }
  return adjusted;
}
