import { LargestDeviations } from './largest-deviations.js';
import {
  formerPlaces,
  type PairedFamily,
  type PairStatistics,
  pairStatistics,
} from './paired-family.js';

/** A family whose pairs were compared: what of it stays is not computed again. */
export interface ComparedFamily {
  readonly family: PairedFamily;
  readonly pairs: PairStatistics;
  readonly largest: LargestDeviations;
}

/**
 * Compares all pairs of a family. The numbers are the same with a former family and without.
 * @param former one of mostly the same rows, the same arrays: pairs with a new row alone are computed
 */
export function compareFamily(family: PairedFamily, former?: ComparedFamily): ComparedFamily {
  const places = former && formerPlaces(family, former.family);
  // With many new rows all at once is faster.
  const few = places && 4 * places.filter((place) => place < 0).length < places.length;
  const pairs = pairStatistics(family, few ? { pairs: former.pairs, places } : undefined);
  const largest = new LargestDeviations(
    family,
    pairs,
    few ? { largest: former.largest, places } : undefined,
  );
  return { family, pairs, largest };
}
