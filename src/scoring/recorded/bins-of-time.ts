import type { Recordings } from '../../data/recordings.js';
import { selectNeuroids } from './keep-neuroids.js';

/** The recordings of one bin of time, by its position: one column a neuroid. */
export function recordingsOfBin({ timeBins = [], ...rest }: Recordings, bin: number): Recordings {
  const { length } = timeBins;
  const columns = rest.neuroidIds.flatMap((_, column) => (column % length === bin ? column : []));
  return selectNeuroids(rest, columns);
}
