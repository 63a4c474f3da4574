import { compareCodePoints, type Id } from '../../data/ids.js';
import { digestOf } from '../../formats/digest.js';
import type { Places } from '../../metrics/resampling/pooled-draws.js';
import { type Draws, drawsWithin, type Times } from '../../metrics/resampling/two-factor-draws.js';
import { RandomState } from '../../numerics/random/random-state.js';

/** What is drawn: images (stimuli), recorded neuroids, people or animals, units of a layer. */
export type Factor = 'images' | 'neuroids' | 'subjects' | 'units';

/** Draws behind every interval. */
export const DRAWS = 1000;
/** Raised whenever the same units give other draws of a score: scores are paired within a version. */
export const DRAWS_VERSION = 2;
/** Raised whenever the same units are drawn in another way. */
const UNITS_VERSION = 1;
/**
 * How far a draw of the images of one test set, or of halves of the repetitions, goes from the sample: half of a bootstrap, stretched to
 * it. With six images a whole one doubles the standard error; with a quarter the median over neuroids is too rough. Where several
 * splits test images, these take each other's places instead (docs/statistics.md).
 */
export const IMAGE_STEP = 1 / 2;
/** Subjects below which nothing is said about others, where images can be drawn. */
export const LEAST_SUBJECTS = 5;

/** A factor by its numbers, as it is kept with the draws. */
export interface CountedUnits {
  readonly of: Factor;
  readonly count: number;
  /** Groups within which they are drawn: animals, objects, conditions. */
  readonly strata: number;
  /** Digest of their names and groups. */
  readonly digest: string;
}

/** Units that are drawn, in ascending order of their names. */
export interface DrawnUnits extends CountedUnits {
  /** The same in every run, whatever the model. */
  readonly draws: Draws;
  /** How drawn ones take the places of others. */
  readonly places: Places;
  /** Where a unit stands. */
  position(id: Id): number;
}

/** Sets the order of drawn units apart from their draws. */
const PLACES = 1;
/** Numbers of draws that are kept rather than drawn again. */
const KEPT = 4e6;

/**
 * The units of a factor. Their draws are seeded by the digest of their names and groups, so that every model gets the same,
 * and benchmarks that share their images share the draws of them.
 * @param groups of each unit; where no group has two members they are drawn from all
 */
export function drawnUnits(
  of: Factor,
  ids: readonly Id[],
  groups?: readonly unknown[],
): DrawnUnits {
  const groupOf = new Map(ids.map((id, i) => [String(id), groups ? String(groups[i]) : '']));
  const names = [...groupOf.keys()].sort(compareCodePoints);
  const grouped = groupsOf(names.map((name) => groupOf.get(name)));
  const strata = grouped.length < names.length ? grouped : [[...names.keys()]];
  const digest = digestOf({
    version: UNITS_VERSION,
    of,
    names,
    ...(strata.length > 1 ? { groups: names.map((name) => groupOf.get(name)) } : {}),
  });
  const at = new Map(names.map((name, i) => [name, i]));
  const seed = seedOf(digest);
  return {
    of,
    count: names.length,
    strata: strata.length,
    digest,
    draws: kept(drawsWithin(strata, DRAWS, () => new RandomState(seed))),
    places: { groups: strata, random: () => new RandomState([...seed, PLACES]) },
    position: (id) => at.get(String(id)) as number,
  };
}

/** Positions by equal labels, in order of first appearance. */
function groupsOf(labels: readonly unknown[]): number[][] {
  const groups = new Map<unknown, number[]>();
  labels.forEach((label, i) => {
    const group = groups.get(label);
    if (group) group.push(i);
    else groups.set(label, [i]);
  });
  return [...groups.values()];
}

/** The first 256 bits of a digest, as eight words. */
function seedOf(digest: string): number[] {
  const hex = digest.slice('sha256:'.length);
  return Array.from({ length: 8 }, (_, i) => Number.parseInt(hex.slice(8 * i, 8 * i + 8), 16));
}

/** Draws of few units are kept once they were made. */
function kept(draws: Draws): Draws {
  if (draws.draws * draws.units > KEPT) return draws;
  let known: readonly Times[] | undefined;
  return {
    ...draws,
    *[Symbol.iterator]() {
      known ??= Array.from(draws, (times) => times.slice());
      yield* known;
    },
  };
}

/** The draws of units in another order of them. */
export function drawsInOrder({ draws, position }: DrawnUnits, ids: readonly Id[]): Draws {
  const places = ids.map(position);
  return {
    draws: draws.draws,
    units: ids.length,
    *[Symbol.iterator]() {
      const ordered = new Uint16Array(ids.length);
      for (const times of draws) {
        for (let i = 0; i < places.length; i++) ordered[i] = times[places[i]];
        yield ordered;
      }
    },
  };
}

/** How many degrees of freedom the draws of a factor have. */
export const freedomOf = ({ count, strata }: CountedUnits): number => count - strata;
