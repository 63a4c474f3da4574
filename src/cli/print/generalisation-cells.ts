import type { Generalisation } from '../../scoring/draws/score-draws.js';
import type { PlainCell } from './print-rows.js';

/** What an interval speaks of as cells: to which units, how many were drawn from (`images 315, neuroids 102`), of how many animals. */
export function generalisationCells(generalises: Generalisation | undefined): PlainCell[] {
  if (!generalises) return [null, null, null];
  const { to, units, animals } = generalises;
  const drawn = Object.entries(units).map(([of, count]) => `${of} ${count}`);
  // A database gives the keys of an object in an order of its own.
  return [to, drawn.sort().join(', '), animals ?? null];
}
