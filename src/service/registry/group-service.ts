import { setTimeout as pause } from 'node:timers/promises';
import type { components } from '../../api/schema.js';
import type { ModelGroups } from '../../scoring/draws/model-groups.js';
import type { HomeStore } from '../../store/home-store.js';
import type { ServiceContext } from './context.js';
import {
  type GroupedColumn,
  type GroupedRow,
  type GroupedRows,
  groupedRows,
  storedRows,
} from './group-draws.js';
import { GroupSums } from './group-sums.js';
import { GroupThread } from './group-thread.js';

/** Groups as far as they are known. */
export interface KnownGroups {
  /** `stale`: of earlier scores, while those of the present ones are computed; `pending`: none yet. */
  readonly state: components['schemas']['LeaderboardGroups']['state'];
  readonly groups: ModelGroups | undefined;
}

/** Models up to which groups are found at once: 500 pairs take some milliseconds. */
const FEW = 32;
/** How long an answer waits for its groups. */
const WAIT_MS = 1000;
/** How often draws are read that other boards pushed out meanwhile. */
const TRIES = 3;
/** Boards whose draws are read, or that wait for the thread. */
const MOST_WAITING = 16;
/** Boards whose groups are kept. */
const KEPT = 32;

/**
 * Groups of the models of a board under a column; those of large boards are summed and compared in a thread of their own. Those
 * of unchanged scores are kept; where scores changed, the former ones are served as `stale` until the new ones are there.
 */
export class GroupService {
  readonly #store: HomeStore;
  readonly #closing: AbortSignal;
  readonly #log: ServiceContext['log'];
  readonly #here = new GroupSums();
  readonly #thread: GroupThread;
  /** Of each board, by column. */
  readonly #rows = new WeakMap<GroupedColumn['board'], Map<string, Promise<GroupedRows>>>();
  /** By digest of all that enters. */
  readonly #found = new Map<string, ModelGroups>();
  /** The last ones of a view: whose, of which column and by which rules. */
  readonly #last = new Map<string, ModelGroups>();
  readonly #running = new Map<string, Promise<ModelGroups | undefined>>();

  /** `closing` ends the thread. */
  constructor({ store, closing, log }: Pick<ServiceContext, 'store' | 'closing' | 'log'>) {
    this.#store = store;
    this.#closing = closing;
    this.#log = log;
    this.#thread = new GroupThread(closing);
  }

  /**
   * The groups of a column.
   * @param view what is asked for, and by whom: groups of an earlier state are served to the same view alone
   * @param patience milliseconds to wait for them
   */
  async read(view: string, column: GroupedColumn, patience = WAIT_MS): Promise<KnownGroups> {
    const { rows, key } = await this.#rowsOf(column);
    const found = this.#found.get(key) ?? (await within(patience, this.#once(key, column, rows)));
    const groups = found ?? this.#last.get(view);
    if (found) keep(this.#last, view, found);
    return { state: found ? 'current' : groups ? 'stale' : 'pending', groups };
  }

  /** Rows of a board that is there already are found once. */
  #rowsOf(column: GroupedColumn): Promise<GroupedRows> {
    const { board, node } = column;
    const known = this.#rows.get(board) ?? new Map<string, Promise<GroupedRows>>();
    this.#rows.set(board, known);
    const rows = known.get(node) ?? groupedRows(column);
    known.set(node, rows);
    return rows;
  }

  #once(
    key: string,
    column: GroupedColumn,
    rows: readonly GroupedRow[],
  ): Promise<ModelGroups | undefined> {
    const running = this.#running.get(key);
    if (running) return running;
    if (this.#running.size >= MOST_WAITING) return Promise.resolve(undefined);
    const started = this.#compute(column, rows)
      .then((groups) => {
        keep(this.#found, key, groups);
        return groups;
      })
      // A score may have gone away meanwhile: the next request tries again.
      .catch((error: unknown) => {
        if (!this.#closing.aborted) this.#log.warn({ err: error }, 'Groups of models not found');
        return undefined;
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }

  async #compute(column: GroupedColumn, rows: readonly GroupedRow[]): Promise<ModelGroups> {
    const sums = rows.length <= FEW ? this.#here : this.#thread;
    const models = rows.map(({ row, value, se, key }) => ({ id: row.model.id, value, se, key }));
    for (let tried = 0; tried < TRIES; tried++) {
      const keys = new Set(await sums.lacking(models.map(({ key }) => key)));
      for await (const read of storedRows(this.#store, column, { rows, keys }))
        await sums.add(read);
      const groups = await sums.groups(models);
      if (groups) return groups;
    }
    throw new Error('other boards took the room of the draws');
  }
}

/** What comes of it soon enough. */
async function within<T>(patience: number, running: Promise<T>): Promise<T | undefined> {
  const waited = new AbortController();
  const late = pause(patience, undefined, { signal: waited.signal }).catch(() => undefined);
  try {
    return await Promise.race([running, late]);
  } finally {
    waited.abort();
  }
}

function keep(kept: Map<string, ModelGroups>, key: string, groups: ModelGroups): void {
  kept.delete(key);
  kept.set(key, groups);
  const [oldest] = kept.keys();
  if (kept.size > KEPT) kept.delete(oldest);
}
