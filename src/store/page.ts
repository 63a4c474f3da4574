import { VentralError } from '../errors/ventral-error.js';

/** What a list asks for: newest first, after a cursor. */
export interface PageRequest {
  readonly limit: number;
  readonly cursor?: string;
}

/** One page of a list; `next` is null on the last one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** The sequence number that a page starts below. Throws `invalid-request` for a cursor that is not ours. */
export function startOf(request: PageRequest): number {
  if (request.cursor === undefined) return Number.MAX_SAFE_INTEGER;
  const seq = Number(Buffer.from(request.cursor, 'base64url').toString('latin1'));
  if (!Number.isSafeInteger(seq) || seq < 1) {
    throw new VentralError('invalid-request', 'cursor: expected `next` of the page before', {
      field: '/query/cursor',
    });
  }
  return seq;
}

/** A page of `limit + 1` rows fetched in descending sequence. */
export function pageOf<R extends { seq: number }, T>(
  rows: readonly R[],
  limit: number,
  item: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const next =
    rows.length > limit
      ? Buffer.from(String(shown[limit - 1].seq), 'latin1').toString('base64url')
      : null;
  return { items: shown.map(item), next };
}
