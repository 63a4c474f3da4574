import { differenceOfDraws, varianceOfDraws } from '../../metrics/resampling/two-factor-draws.js';
import { twoFactorVariance } from '../../numerics/statistics/two-factor-variance.js';
import { type CountedUnits, freedomOf } from './drawn-units.js';
import { independent, type PairDifference, tested } from './score-difference.js';
import { mostlyFinite, type ScoreDraws } from './score-draws.js';

/** A score that enters an average. */
export interface AveragedPart {
  readonly benchmark: string;
  readonly version: number;
  readonly weight: number;
  readonly draws: ScoreDraws;
  /** Digest of what was drawn and from which data. */
  readonly digest: string;
}

/** The draws of an average: those of its scores, weighted. Benchmarks that share units share draws of them. */
export interface AveragedDraws {
  readonly both: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Of Student's t: Welch and Satterthwaite, with equal variances of the scores. */
  readonly degrees: number;
  /** What was averaged: averages of equal keys are paired. */
  readonly key: string;
}

/**
 * The draws of an average. A factor of few units is corrected by n/(n − 1) for each score, that of both by the larger of the two.
 * @returns undefined where there is nothing to average, or the numbers of draws differ
 */
export function averagedDraws(parts: readonly AveragedPart[]): AveragedDraws | undefined {
  const length = parts[0]?.draws.both.length;
  if (length === undefined || parts.some(({ draws }) => draws.both.length !== length))
    return undefined;
  const [both, first, second] = [0, 1, 2].map(() => new Float32Array(length));
  const add = (into: Float32Array, values: Float32Array, factor: number) => {
    for (let r = 0; r < length; r++) into[r] += factor * values[r];
  };
  for (const { weight, draws } of parts) {
    const corrections = draws.units.map((units) => weight * Math.sqrt(correction(units)));
    add(both, draws.both, Math.max(...corrections));
    if (draws.first && draws.second) {
      add(first, draws.first, corrections[0]);
      add(second, draws.second, corrections[1]);
    } else add(draws.units[0].of === 'images' ? second : first, draws.both, corrections[0]);
  }
  const squares = parts.map(({ weight }) => weight ** 2);
  const sum = squares.reduce((total, square) => total + square, 0);
  const pooled = parts.reduce(
    (total, { draws }, k) => total + squares[k] ** 2 / Math.min(...draws.units.map(freedomOf)),
    0,
  );
  return {
    both,
    first,
    second,
    degrees: sum ** 2 / pooled,
    key: JSON.stringify(
      parts.map(({ benchmark, version, weight, digest }) => [benchmark, version, weight, digest]),
    ),
  };
}

const correction = (units: CountedUnits) => units.count / freedomOf(units);

/** An average with its draws, where every score has them. */
export interface DrawnAverage {
  readonly value: number | null;
  readonly ci: readonly [number, number] | null;
  readonly draws?: AveragedDraws | undefined;
}

/** The difference to − from of two averages, paired where they are of the same scores, drawn alike. */
export function averageDifference(from: DrawnAverage, to: DrawnAverage): PairDifference {
  const none = { difference: null, ci: null, paired: false, p: null } as const;
  if (from.value === null || to.value === null) return { ...none, reason: 'an average is missing' };
  const difference = to.value - from.value;
  const [a, b] = [from.draws, to.draws];
  if (a && b && a.key === b.key) {
    const drawn = differenceOfDraws(b, a);
    const variance = twoFactorVariance(varianceOfDraws(drawn));
    const known = [drawn.both, drawn.first, drawn.second].every(mostlyFinite);
    if (known && Number.isFinite(variance)) {
      const size = Math.max(Math.abs(from.value), Math.abs(to.value));
      return { ...tested(difference, { variance, degrees: a.degrees }, size), paired: true };
    }
  }
  const reason = 'the averages are of other scores, or of some without draws';
  return independent(difference, from.ci, to.ci, reason);
}
