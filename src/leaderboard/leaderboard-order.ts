/** Something that is sorted: by its key, then by its name, then by its id. */
export interface Sortable {
  readonly id: string;
  readonly name: string;
  /** null is last in either direction. */
  readonly key: number | string | null;
}

/** Start of a page: after the row of this id, or after its sort position if it is gone. */
export type RowPlace = Sortable;

const compare = <T extends number | string>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0);

/** Compares two rows; a total order, independent of the input order. */
export function rowOrder(descending: boolean): (a: Sortable, b: Sortable) => number {
  const direction = descending ? -1 : 1;
  return (a, b) => {
    if (a.key === null || b.key === null) {
      if (a.key !== b.key) return a.key === null ? 1 : -1;
    } else if (a.key !== b.key) {
      return direction * compare(a.key as string, b.key as string);
    }
    return compare(a.name, b.name) || compare(a.id, b.id);
  };
}

/** One page of sorted rows, after a place or after so many rows; `more` says whether others follow. */
export function pageAfter<R extends Sortable>(
  sorted: readonly R[],
  descending: boolean,
  limit: number,
  after: RowPlace | number = 0,
): { readonly rows: readonly R[]; readonly more: boolean } {
  const start = typeof after === 'number' ? after : startAfter(sorted, rowOrder(descending), after);
  return { rows: sorted.slice(start, start + limit), more: start + limit < sorted.length };
}

function startAfter<R extends Sortable>(
  sorted: readonly R[],
  order: (a: Sortable, b: Sortable) => number,
  after: RowPlace,
): number {
  const there = sorted.findIndex(({ id }) => id === after.id);
  if (there >= 0) return there + 1;
  const beyond = sorted.findIndex((row) => order(row, after) > 0);
  return beyond === -1 ? sorted.length : beyond;
}
