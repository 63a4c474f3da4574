import type { Id } from '../../data/ids.js';
import {
  positionsOf,
  type TwoFactorDraws,
  varianceOf,
  varianceOfDraws,
} from '../../metrics/resampling/two-factor-draws.js';
import type { UnitSizes } from '../../numerics/statistics/paired-family.js';
import { tQuantile } from '../../numerics/statistics/student-t.js';
import {
  type DrawnVariances,
  sampleVariance,
  twoFactorVariance,
} from '../../numerics/statistics/two-factor-variance.js';
import { type CountedUnits, type DrawnUnits, freedomOf } from './drawn-units.js';

/** r by split and neuroid. */
export interface ObservedValues {
  readonly splits: number;
  /** Row-major; NaN where r is undefined. */
  readonly values: Float32Array;
}

/**
 * What a score keeps of its draws, in the precision in which it is stored: an interval is the same wherever it is computed.
 */
export interface ScoreDraws {
  /** One factor, or two: neuroids or subjects, then images. */
  readonly units: readonly [CountedUnits] | readonly [CountedUnits, CountedUnits];
  /** The score under draws of all factors. */
  readonly both: Float32Array;
  /** Of two factors each alone, with the same counts. */
  readonly first?: Float32Array;
  readonly second?: Float32Array;
  readonly observed?: ObservedValues;
  /** 1 where the model was right, by image in ascending order of its name. */
  readonly right?: Uint8Array;
}

/** What an interval speaks of. */
export interface Generalisation {
  /** To other ones of these, drawn as those at hand were; everything else stays. */
  readonly to: GeneralisesTo;
  /** How many were drawn from. */
  readonly units: Readonly<Partial<Record<CountedUnits['of'], number>>>;
  /** Of Student's t. */
  readonly degrees: number;
  /** How many animals the neuroids are of: the interval does not speak of other ones. */
  readonly animals?: number;
}

type GeneralisesTo = CountedUnits['of'] | 'images and neuroids' | 'images and subjects';

/**
 * Draws over one factor; undefined where there is no second unit in any group.
 * @param ids the units in the order in which the statistic has them
 * @param value the statistic of drawn positions among these, with repeats
 */
export function oneFactorDraws(
  units: DrawnUnits,
  ids: readonly Id[],
  value: (positions: readonly number[]) => number,
): ScoreDraws | undefined {
  if (freedomOf(units) < 1) return undefined;
  const place = new Int32Array(units.count);
  ids.forEach((id, i) => {
    place[units.position(id)] = i;
  });
  const both = new Float32Array(units.draws.draws);
  let draw = 0;
  for (const times of units.draws) both[draw++] = value(positionsOf(times).map((i) => place[i]));
  return { units: [counted(units)], both };
}

/** Draws of one factor that were made elsewhere. */
export const singleDraws = (
  units: DrawnUnits,
  values: ArrayLike<number>,
): ScoreDraws | undefined =>
  freedomOf(units) < 1 ? undefined : { units: [counted(units)], both: Float32Array.from(values) };

/** Draws over two factors; a factor without a second unit in any group is left out. */
export function twoFactorDraws(
  [first, second]: readonly [DrawnUnits, DrawnUnits],
  draws: TwoFactorDraws,
): ScoreDraws | undefined {
  if (freedomOf(first) < 1) return singleDraws(second, draws.second);
  if (freedomOf(second) < 1) return singleDraws(first, draws.first);
  return {
    units: [counted(first), counted(second)],
    both: Float32Array.from(draws.both),
    first: Float32Array.from(draws.first),
    second: Float32Array.from(draws.second),
  };
}

const counted = ({ of, count, strata, digest }: DrawnUnits): CountedUnits => ({
  of,
  count,
  strata,
  digest,
});

/** Variance over samples of the units, and degrees of freedom. */
export interface Spread {
  readonly variance: number;
  readonly degrees: number;
}

/**
 * The variance of a statistic over samples of its units, from its draws: of two factors by Schütt et al. 2023, with the
 * correction for few units; within groups a factor counts by how many units a group has. Undefined where fewer than half of
 * the draws are finite.
 */
export function spreadOf({
  units,
  both,
  first,
  second,
}: Pick<ScoreDraws, 'units' | 'both' | 'first' | 'second'>): Spread | undefined {
  const drawn = [both, first, second].filter((each) => each !== undefined);
  if (!drawn.every(mostlyFinite)) return undefined;
  const variances = first && second ? varianceOfDraws({ both, first, second }) : varianceOf(both);
  return spreadOfVariances(units, variances);
}

/**
 * The same from variances of draws: of one factor, or of both and of each alone. Where one of two factors has few units and the other
 * many, its degrees of freedom count by its share of the variance (Welch and Satterthwaite): the smaller ones make intervals
 * too wide where the other factor has most of it (docs/statistics.md).
 */
export function spreadOfVariances(
  units: ScoreDraws['units'],
  drawn: DrawnVariances | number,
): Spread {
  const [one, other] = units;
  const { first, second, floor } = sizesOf(units);
  if (typeof drawn === 'number' || !other || second === undefined) {
    const variance = typeof drawn === 'number' ? drawn : drawn.both;
    return { variance: sampleVariance(variance, first), degrees: freedomOf(one) };
  }
  const least = Math.min(freedomOf(one), freedomOf(other));
  const shares = [sampleVariance(drawn.first, first), sampleVariance(drawn.second, second)];
  const pooled = shares[0] ** 2 / freedomOf(one) + shares[1] ** 2 / freedomOf(other);
  const degrees = (shares[0] + shares[1]) ** 2 / pooled;
  return {
    variance: twoFactorVariance(drawn, { first, second, floor }),
    degrees: least < FEW_DEGREES && degrees > least ? degrees : least,
  };
}

/**
 * How many units a group of each factor has, and what the variance of two is at least: of neuroids and images the mean of their two
 * shares, of subjects and images the larger, as in rsatoolbox (docs/statistics.md).
 */
export function sizesOf([one, other]: ScoreDraws['units']): UnitSizes {
  const size = ({ count, strata }: CountedUnits) => count / strata;
  const floor = one.of === 'neuroids' ? 'mean' : 'larger';
  return { first: size(one), ...(other && { second: size(other), floor }) };
}

/** Above these Student's t is within 4 % of the normal distribution. */
const FEW_DEGREES = 30;

/** Whether at least half of some draws have a value, without which they say nothing of the whole. */
export function mostlyFinite(draws: Float32Array): boolean {
  const finite = draws.reduce((count, value) => count + (Number.isFinite(value) ? 1 : 0), 0);
  return finite >= Math.max(2, draws.length / 2);
}

/** Half the width of a 95 % interval. */
export const halfWidth = ({ variance, degrees }: Spread): number =>
  tQuantile(0.975, degrees) * Math.sqrt(variance);

/** What of a score its draws decide. */
export interface Estimated {
  readonly ci: readonly [number, number] | null;
  readonly generalises?: Generalisation;
  readonly draws?: ScoreDraws;
}

/**
 * The 95 % interval of a score, estimate ± t · √V, and what it speaks of.
 * @param bounds of the score, where it is clipped
 */
export function estimated(
  value: number,
  draws: ScoreDraws | undefined,
  about: { readonly animals?: number | undefined; readonly bounds?: Bounds | undefined } = {},
): Estimated {
  const { animals, bounds: [least, most] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] } =
    about;
  const spread = draws && spreadOf(draws);
  if (!draws || !Number.isFinite(value)) return { ci: null };
  if (!spread) return { ci: null, draws };
  const half = halfWidth(spread);
  const within = (end: number) => Math.min(most, Math.max(least, end));
  return {
    ci: [within(value - half), within(value + half)],
    generalises: generalisationOf(draws.units, spread, animals),
    draws,
  };
}

/** The least and the largest value that a clipped score has. */
export type Bounds = readonly [least: number, most: number];

/** What an interval of these units speaks of. */
export function generalisationOf(
  units: readonly CountedUnits[],
  { degrees }: Pick<Spread, 'degrees'>,
  animals?: number,
): Generalisation {
  const [one, other] = units;
  const to = other ? (`${other.of} and ${one.of}` as GeneralisesTo) : one.of;
  const ofNeuroids = units.some(({ of }) => of === 'neuroids');
  return {
    to,
    units: Object.fromEntries(units.map(({ of, count }) => [of, count])),
    degrees,
    ...(ofNeuroids && animals !== undefined ? { animals } : {}),
  };
}
