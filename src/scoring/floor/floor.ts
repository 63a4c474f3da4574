import { mean } from '../../numerics/statistics/statistics.js';

/** What a floor is made by. */
export type NullName = 'rows' | 'labels' | 'random-weights';

/** The floor of one number of a score. */
export interface FloorPart {
  /** The number in each run, in their order; null where it is no finite number. */
  readonly runs: readonly (number | null)[];
  readonly mean: number | null;
  /**
   * The floor: of nulls the least value that has p ≤ .05 above it, null below 19 runs; of random weights the mean.
   */
  readonly floor: number | null;
  /** The score's number less the floor. */
  readonly above: number | null;
  /** (1 + runs at least as high) / (1 + runs), of nulls alone: a run without a number counts as high. */
  readonly p?: number | null;
}

/** What one null says of a score. */
export interface Floor {
  readonly null: NullName;
  readonly seed: number;
  readonly value: FloorPart;
  /** raw² of noise is above 0, raw is not. */
  readonly raw: FloorPart;
  /** Why the score cannot be trusted: with labels that mean nothing it stays above chance. */
  readonly leak?: string;
}

/** Runs that p ≤ .05 takes, and seeds of random weights where nobody says how many. */
export const LEAST_RUNS = 19;
export const LEAST_SEEDS = 5;

/** A score with its floors, where they were asked for. */
export type Floored<T> = T & { readonly floors?: Floors };

/** The floors of a score, by their nulls. */
export type Floors = Readonly<Partial<Record<NullName, Floor>>>;

/** Value and raw value of a run. */
export type NullRun = readonly [value: number | null, raw: number | null];

/** The share of runs that may reach what lies above a floor. */
const ONE_IN = 20;

/** The floor that some runs give a score. */
export function floorOf(
  name: NullName,
  observed: NullRun,
  runs: readonly NullRun[],
  seed: number,
): Floor {
  const part = (at: 0 | 1): FloorPart => {
    const numbers = runs.map((run) => run[at]);
    const own = observed[at];
    const sound = numbers.filter((number) => number !== null);
    const average = sound.length > 0 ? mean(sound) : null;
    const floor = name === 'random-weights' ? average : highestAllowed(numbers);
    const above = own === null || floor === null ? null : own - floor;
    const found = { runs: numbers, mean: average, floor, above };
    return name === 'random-weights' ? found : { ...found, p: probability(own, numbers) };
  };
  return { null: name, seed, value: part(0), raw: part(1) };
}

const high = (number: number | null) => number ?? Number.POSITIVE_INFINITY;

function highestAllowed(numbers: readonly (number | null)[]): number | null {
  const allowed = Math.floor((numbers.length + 1) / ONE_IN);
  if (allowed === 0) return null;
  const floor = numbers.map(high).toSorted((a, b) => b - a)[allowed - 1];
  return Number.isFinite(floor) ? floor : null;
}

function probability(own: number | null, numbers: readonly (number | null)[]): number | null {
  if (own === null) return null;
  return (1 + numbers.filter((number) => high(number) >= own).length) / (numbers.length + 1);
}

/** Whether a value lies above its floor. */
export const clears = ({ above }: FloorPart): boolean => above !== null && above > 0;

/**
 * The floor of permuted labels with what it says of a leak: labels that mean nothing give chance, unless those of
 * test images reach the fit. It is told where at most 1 run in 20 is as low as chance.
 * @param chance raw value of a fit that knows nothing, at most
 * @param shared pictures that are in more than one stimulus set
 */
export function withLeak(floor: Floor, chance: number | undefined, shared: number): Floor {
  const { runs, mean: average } = floor.raw;
  if (chance === undefined || average === null) return floor;
  const low = runs.filter((number) => number === null || number <= chance).length;
  if (low > runs.length / ONE_IN) return floor;
  const why =
    shared > 0
      ? `${shared} images are both in what is fitted and in what is tested`
      : 'look for copies of an image on both sides of the splits';
  const leak = `with permuted labels raw is still ${average.toFixed(3)} (mean of ${runs.length} runs, ${runs.length - low} above chance, ${Number(chance.toFixed(3))}): labels of test images reach the fit; ${why}`;
  return { ...floor, leak };
}
