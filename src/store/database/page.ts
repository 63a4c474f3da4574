import { setImmediate as turn } from 'node:timers/promises';
import { VentralError } from '../../errors/ventral-error.js';

/** A list request: newest first, after a cursor. */
export interface PageRequest {
  readonly limit: number;
  readonly cursor?: string;
}

/** One page of a list; `next` is null on the last one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** The sort key of pages. */
export interface PagedRow {
  readonly id: string;
  readonly created_at: Date;
}

/**
 * SQL condition: the row is behind the last one of the page before. Rows follow their sequence, but a
 * cursor holds what the row itself shows, for the sequence would tell how much others have. Where the
 * row was removed, its time finds the place.
 * @param first number of the first of two parameters, which {@link placeOf} gives
 */
export const behind = (table: string, first: number): string =>
  `${table}.seq < case when $${first}::text is null then 9223372036854775807 else coalesce(
    (select seq from ${table} where id = $${first}),
    (select max(seq) + 1 from ${table} where created_at < $${first + 1}::timestamptz + interval '1 ms'),
    0) end`;

/**
 * Id and time of the last row of the page before.
 * @throws VentralError `invalid-request` for a cursor that is not ours
 */
export function placeOf({ cursor }: PageRequest): readonly [string | null, string | null] {
  if (cursor === undefined) return [null, null];
  const words = Buffer.from(cursor, 'base64url').toString('latin1');
  const [, id, time] = /^([a-z]{3}_[0-9a-z]+) (\d{1,15})$/.exec(words) ?? [];
  if (!id || Number(time) > 8.64e15) {
    throw new VentralError('invalid-request', 'cursor: expected `next` of the previous page', {
      field: '/query/cursor',
    });
  }
  return [id, new Date(Number(time)).toISOString()];
}

/** A page of `limit + 1` rows fetched in descending sequence. */
export function pageOf<R extends PagedRow, T>(
  rows: readonly R[],
  limit: number,
  item: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next =
    last && rows.length > limit
      ? Buffer.from(`${last.id} ${last.created_at.getTime()}`, 'latin1').toString('base64url')
      : null;
  return { items: shown.map(item), next };
}

/** Bytes that the content of a row takes at most, see {@link weightOf}. */
export interface Weight {
  readonly id: string;
  readonly weight: number;
}

/** A row of a list before its content is read. */
export interface WeighedRow extends PagedRow, Weight {}

/** Characters of JSON after which a page ends, whatever the requested number of rows. */
const PAGE_WEIGHT = 2 ** 21;
/** Bytes per query: the embedded database runs in the thread of the service. */
const READ_WEIGHT = 2 ** 19;
/** What pglz makes of the most repetitive text. */
const COMPRESSION = 100;

/** SQL expression: the most bytes that a column can hold, without reading it. */
export const weightOf = (column: string): string =>
  `coalesce(pg_column_size(${column}) * case when pg_column_compression(${column}) is null then 1 else ${COMPRESSION} end, 0)`;

/** Rows whose parts in other tables are weighed in one query. */
const WEIGHED_ROWS = 50;

/**
 * Rows with their weights, some at a time: parts of a row in other tables take a while to weigh.
 * @param weigh gives the weights of rows by id, in any order; none of a row that was removed
 */
export async function weighed(
  rows: readonly PagedRow[],
  weigh: (ids: readonly string[]) => Promise<readonly Weight[]>,
): Promise<WeighedRow[]> {
  const found: WeighedRow[] = [];
  for (let at = 0; at < rows.length; at += WEIGHED_ROWS) {
    const some = rows.slice(at, at + WEIGHED_ROWS);
    const weights = await weigh(some.map(({ id }) => id));
    const byId = new Map(weights.map(({ id, weight }) => [id, weight]));
    found.push(...some.map((row) => ({ ...row, weight: byId.get(row.id) ?? 0 })));
    await turn();
  }
  return found;
}

/**
 * A page of rows that may be large: their content is read a few at a time, and the page ends early, with a `next`, where it
 * holds enough, so that no list takes the thread for long.
 * @param rows `limit + 1` rows in descending sequence
 * @param read gives the content of rows by id, in any order
 */
export async function weighedPage<R extends PagedRow, T>(
  rows: readonly WeighedRow[],
  limit: number,
  read: (ids: readonly string[]) => Promise<readonly R[]>,
  item: (row: R) => T,
): Promise<Page<T>> {
  const found: R[] = [];
  let weight = 0;
  let at = 0;
  while (at < Math.min(rows.length, limit) && weight < PAGE_WEIGHT) {
    const batch = nextBatch(rows.slice(at, limit));
    const content = new Map((await read(batch)).map((row) => [row.id, row]));
    // A row may have been removed in between.
    const now = batch.flatMap((id) => content.get(id) ?? []);
    found.push(...now);
    at += batch.length;
    // The embedded database answers without a turn of the event loop.
    await turn();
    if (rows.length > batch.length) weight += JSON.stringify(now).length;
  }
  const { next } = pageOf(rows.slice(0, at + 1), at, () => undefined);
  return { items: found.map(item), next };
}

function nextBatch(rows: readonly WeighedRow[]): string[] {
  let weight = 0;
  const end = rows.findIndex((row) => {
    weight += Number(row.weight);
    return weight > READ_WEIGHT;
  });
  return rows.slice(0, end < 0 ? rows.length : Math.max(1, end)).map(({ id }) => id);
}
