import { useEffect, useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import type { Item } from '../../parts/board-column.js';
import { boardQuery, leavesOpen } from './view.js';

/** The leaderboard of a query, as far as it was read. */
export interface Board extends Omit<Schemas['Leaderboard'], 'next' | 'items'> {
  readonly query: string;
  readonly simulated: boolean;
  /** By place; undefined where a row was not read yet. */
  readonly items: readonly (Item | undefined)[];
}

/** Rows by their places, the last one not among them. */
export interface RowRange {
  readonly first: number;
  readonly last: number;
}

/** Rows requested at first, where the reader is, and of what was passed over on the way there. */
const FIRST_ROWS = 50;
const SEEN_ROWS = 60;
const MORE_ROWS = 200;
/** Refresh interval of a visible board: jobs end meanwhile. */
const REFRESH_MS = 10_000;
/** The same while its groups are computed. */
const SOON_MS = 2000;

/** What the document came with: the answer to its own address. Used once. */
let fromDocument = readDocument();

function readDocument(): Board | undefined {
  const block = document.getElementById('leaderboard');
  if (!block?.textContent) return undefined;
  return {
    ...(JSON.parse(block.textContent) as Schemas['Leaderboard']),
    query: boardQuery(new URLSearchParams(location.search)),
    simulated: block.dataset.simulated === 'true',
  };
}

interface State {
  /** The last one that was read. */
  readonly board: Board | undefined;
  readonly failed: { readonly query: string; readonly error: Error } | undefined;
}

/**
 * The leaderboard of a query: first what the document came with, else a page of the service, then the rows
 * that the reader comes to, and a short one now and then again. While another one is asked for the
 * last one stays.
 * @param query of `GET /leaderboard`
 * @param wanted rows that are seen: they are read first, and then those before them
 */
export function useBoard(query: string, wanted: RowRange) {
  const [{ board, failed }, setState] = useState<State>(() => {
    const first = fromDocument;
    fromDocument = undefined;
    return { board: first?.query === query ? first : undefined, failed: undefined };
  });
  const current = board?.query === query ? board : undefined;
  const missing = current && missingRows(current, wanted);
  const read = (load: (signal: AbortSignal) => Promise<Board>) => {
    const ending = new AbortController();
    load(ending.signal).then(
      (board) => ending.signal.aborted || setState({ board, failed: undefined }),
      (error) => ending.signal.aborted || setState({ board: current, failed: { query, error } }),
    );
    return () => ending.abort();
  };
  useEffect(() => (current ? undefined : read((signal) => firstPage(query, signal))), [query]);
  useEffect(() => {
    if (!current || !missing) return;
    return read(async (signal) => {
      const { limit, offset } = missing;
      const { items } = await ask(query, signal, limit, current.simulated, offset);
      return { ...current, items: withRows(current.items, offset, items) };
    });
  }, [missing?.offset, missing?.limit]);
  useEffect(() => {
    // Rows that the reader has scrolled to must not move.
    if (!current || current.items.length > FIRST_ROWS) return;
    let leave = () => {};
    const settled = !current.groups || current.groups.state === 'current';
    // A board of an earlier date stays as it was.
    if (settled && new URLSearchParams(query).has('at')) return;
    const timer = setInterval(
      () => {
        if (!document.hidden) leave = read((signal) => firstPage(query, signal));
      },
      settled ? REFRESH_MS : SOON_MS,
    );
    return () => {
      clearInterval(timer);
      leave();
    };
  }, [current]);
  const error = failed?.query === query ? failed.error : undefined;
  return { board, error, loading: current === undefined && error === undefined };
}

/** Where rows are to be read next: where the reader is, else what was passed over on the way there. */
function missingRows({ items, models }: Board, { first, last }: RowRange) {
  const end = Math.min(last, models);
  const hole = (from: number) => {
    for (let at = from; at < end; at++) if (!items[at]) return at;
    return undefined;
  };
  const seen = hole(first);
  if (seen !== undefined) return { offset: seen, limit: SEEN_ROWS };
  const passed = hole(0);
  return passed === undefined ? undefined : { offset: passed, limit: MORE_ROWS };
}

function withRows(items: Board['items'], offset: number, rows: readonly Item[]): Board['items'] {
  const next = [...items];
  for (const [i, row] of rows.entries()) next[offset + i] = row;
  return next;
}

/** A new service has only simulated scores: they are shown by default. */
async function firstPage(query: string, signal: AbortSignal): Promise<Board> {
  const wanted = new URLSearchParams(query).get('simulated') === 'true';
  const board = await ask(query, signal, FIRST_ROWS, wanted);
  if (board.models > 0 || !leavesOpen(query)) return board;
  const simulated = await ask(query, signal, FIRST_ROWS, true);
  return simulated.models > 0 ? simulated : board;
}

async function ask(
  query: string,
  signal: AbortSignal,
  limit: number,
  simulated: boolean,
  offset = 0,
): Promise<Board & { readonly items: readonly Item[] }> {
  const whole = new URLSearchParams(query);
  whole.set('simulated', String(simulated));
  whole.set('limit', String(limit));
  if (offset > 0) whole.set('offset', String(offset));
  const page = await answer(
    client.GET('/leaderboard', { signal, querySerializer: () => whole.toString() }),
  );
  return { ...page, query, simulated };
}
