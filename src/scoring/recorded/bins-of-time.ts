import type { Recordings } from '../../data/recordings.js';
import { selectNeuroids } from './keep-neuroids.js';

/** The recordings of each bin of time: one column a neuroid. */
export function recordingsOfBins({ timeBins = [], ...rest }: Recordings): Recordings[] {
  return timeBins.map((_, bin) =>
    selectNeuroids(
      rest,
      rest.neuroidIds.flatMap((_, column) => (column % timeBins.length === bin ? column : [])),
    ),
  );
}
