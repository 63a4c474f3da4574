import { differenceOfDraws } from '../../metrics/resampling/two-factor-draws.js';
import { mcNemar } from '../../numerics/statistics/mcnemar.js';
import { tTwoSided } from '../../numerics/statistics/student-t.js';
import {
  type Generalisation,
  generalisationOf,
  halfWidth,
  type ScoreDraws,
  type Spread,
  spreadOf,
} from './score-draws.js';

/** What of a score a comparison needs. */
export interface ComparedScore {
  readonly benchmark: string;
  readonly version: number;
  readonly value: number | null;
  readonly ci: readonly [number, number] | null;
  /** `draws`: digest of what was drawn and from which data; undefined of scores of earlier versions. */
  readonly provenance: { readonly draws?: string };
}

/** A score, with its draws where they were kept. */
export interface DrawnScore {
  readonly score: ComparedScore;
  readonly draws?: ScoreDraws | undefined;
}

/** The difference of two scores on one benchmark. */
export interface PairDifference {
  readonly difference: number | null;
  /** 95 %. */
  readonly ci: readonly [number, number] | null;
  /** Whether both were drawn alike; else their errors count as independent. */
  readonly paired: boolean;
  /** Of a difference as large where there is none, two-sided; of this pair alone. */
  readonly p: number | null;
  readonly generalises?: Generalisation;
  /** Of images that one alone had right, where both answers are kept. */
  readonly mcNemar?: { readonly from: number; readonly to: number; readonly p: number };
  /** Why there is no difference, no interval, or none that is paired. */
  readonly reason?: string;
}

/** A standard error this small beside the values is rounding: draws are kept in float32. */
export const NO_SPREAD = 1e-6;

const none = { difference: null, ci: null, paired: false, p: null } as const;

/**
 * The difference to − from with its interval: estimate ± t · √V, V from the drawn differences where both scores have the same
 * draws of the same data; else from the two intervals, taken as independent.
 */
export function scoreDifference(from: DrawnScore, to: DrawnScore): PairDifference {
  const [a, b] = [from.score, to.score];
  if (a.value === null || b.value === null)
    return { ...none, reason: 'a value is not a finite number' };
  const difference = b.value - a.value;
  const why = unpaired(from, to);
  if (why !== undefined) return independent(difference, a.ci, b.ci, why);
  const [own, other] = [from.draws as ScoreDraws, to.draws as ScoreDraws];
  const spread = spreadOf(lessDraws(other, own));
  if (!spread)
    return { ...none, difference, reason: 'fewer than half of the draws have a value in both' };
  return {
    ...tested(difference, spread, Math.max(Math.abs(a.value), Math.abs(b.value))),
    paired: true,
    generalises: generalisationOf(own.units, spread),
    ...rightAlone(own, other),
  };
}

/** Why two scores cannot be paired. */
function unpaired({ score: a, draws: own }: DrawnScore, { score: b, draws: other }: DrawnScore) {
  if (a.benchmark !== b.benchmark || a.version !== b.version)
    return 'the scores are of different benchmarks';
  if (!own || !other) return 'no draws were kept: score again for a paired interval';
  const alike = a.provenance.draws !== undefined && a.provenance.draws === b.provenance.draws;
  return alike && own.both.length === other.both.length
    ? undefined
    : 'the scores are of different recordings or draws';
}

/** Where values are not paired, their errors count as independent: half the width is the root of the sum of the squares of the two halves. */
export function independent(
  difference: number,
  a: ComparedScore['ci'],
  b: ComparedScore['ci'],
  reason: string,
): PairDifference {
  if (!a || !b) return { ...none, difference, reason };
  const half = Math.hypot((a[1] - a[0]) / 2, (b[1] - b[0]) / 2);
  return { ...none, difference, ci: [difference - half, difference + half], reason };
}

/** The draws of b − a, of equal draws of both. */
export const lessDraws = (
  b: ScoreDraws,
  a: ScoreDraws,
): Pick<ScoreDraws, 'units' | 'both' | 'first' | 'second'> => ({
  units: a.units,
  ...differenceOfDraws(b, a),
});

/** Interval and p of a difference; equal models have p 1. */
export function tested(
  difference: number,
  spread: Spread,
  size: number,
): Pick<PairDifference, 'difference' | 'ci' | 'p'> {
  const se = Math.sqrt(spread.variance);
  if (se <= NO_SPREAD * size)
    return {
      difference,
      ci: [difference, difference],
      p: Math.abs(difference) <= NO_SPREAD * size ? 1 : 0,
    };
  const half = halfWidth(spread);
  return {
    difference,
    ci: [difference - half, difference + half],
    p: tTwoSided(difference / se, spread.degrees),
  };
}

function rightAlone(
  { right: a }: ScoreDraws,
  { right: b }: ScoreDraws,
): Pick<PairDifference, 'mcNemar'> {
  if (!a || !b || a.length !== b.length) return {};
  const alone = (x: Uint8Array, y: Uint8Array) =>
    x.reduce((count, right, i) => count + (right === 1 && y[i] === 0 ? 1 : 0), 0);
  const [from, to] = [alone(a, b), alone(b, a)];
  return { mcNemar: { from, to, p: mcNemar(from, to).exact } };
}
