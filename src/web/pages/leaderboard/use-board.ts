import { useEffect, useState } from 'preact/hooks';
import { answer, client, type Schemas } from '../../client/client.js';
import { boardQuery, leavesOpen } from './view.js';

/** The leaderboard of a query, as far as it was read. */
export interface Board extends Omit<Schemas['Leaderboard'], 'next'> {
  readonly query: string;
  readonly simulated: boolean;
  /** Where the rows continue; null if all are here. */
  readonly next: string | null;
}

/** Rows requested at first, and when the reader scrolls. */
const FIRST_ROWS = 50;
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
 * The leaderboard of a query: first what the document came with, else a page of the service, then as
 * many rows as the reader comes to, and a short one now and then again. While another one is asked for the
 * last one stays.
 * @param query of `GET /leaderboard`
 * @param wanted rows that should be there
 */
export function useBoard(query: string, wanted: number) {
  const [{ board, failed }, setState] = useState<State>(() => {
    const first = fromDocument;
    fromDocument = undefined;
    return { board: first?.query === query ? first : undefined, failed: undefined };
  });
  const current = board?.query === query ? board : undefined;
  const following =
    current && current.items.length < Math.min(wanted, current.models) ? current.next : null;
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
    if (!current || following === null) return;
    return read(async (signal) => {
      const { items, next } = await ask(query, signal, MORE_ROWS, current.simulated, following);
      return { ...current, items: [...current.items, ...items], next };
    });
  }, [following]);
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
  cursor?: string,
): Promise<Board> {
  const whole = new URLSearchParams(query);
  whole.set('simulated', String(simulated));
  whole.set('limit', String(limit));
  if (cursor !== undefined) whole.set('cursor', cursor);
  const page = await answer(
    client.GET('/leaderboard', { signal, querySerializer: () => whole.toString() }),
  );
  return { ...page, query, simulated };
}
