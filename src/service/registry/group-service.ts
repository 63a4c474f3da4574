import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Piscina } from 'piscina';
import type { components } from '../../api/schema.js';
import { packageRoot } from '../../formats/package-root.js';
import {
  type GroupedModel,
  type ModelGroups,
  modelGroups,
} from '../../scoring/draws/model-groups.js';
import type { ServiceContext } from './context.js';
import {
  GroupDraws,
  type GroupedColumn,
  type GroupedRow,
  type GroupedRows,
  groupedRows,
} from './group-draws.js';

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
const IDLE_MS = 30_000;
/** Boards whose draws are read, or that wait for the thread. */
const MOST_WAITING = 16;
/** Boards whose groups are kept. */
const KEPT = 32;

const filename = join(packageRoot, 'dist', 'src', 'service', 'registry', 'group-worker.js');

/**
 * Groups of the models of a board under a column, in a thread of their own. Those of unchanged scores are kept; where scores
 * changed, the former ones are served as `stale` until the new ones are there.
 */
export class GroupService {
  readonly #draws: GroupDraws;
  readonly #closing: AbortSignal;
  readonly #log: ServiceContext['log'];
  #pool: Promise<Piscina<readonly GroupedModel[], ModelGroups>> | undefined;
  /** Of each board, by column. */
  readonly #rows = new WeakMap<GroupedColumn['board'], Map<string, Promise<GroupedRows>>>();
  /** By digest of all that enters. */
  readonly #found = new Map<string, ModelGroups>();
  /** The last ones of a view: whose, of which column and by which rules. */
  readonly #last = new Map<string, ModelGroups>();
  readonly #running = new Map<string, Promise<ModelGroups | undefined>>();

  /** `closing` ends the thread. */
  constructor({ store, closing, log }: Pick<ServiceContext, 'store' | 'closing' | 'log'>) {
    this.#draws = new GroupDraws(store);
    this.#closing = closing;
    this.#log = log;
    closing.addEventListener('abort', () => void this.#end());
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
    const models = await this.#draws.read(column, rows);
    if (models.length <= FEW) return modelGroups(models);
    this.#closing.throwIfAborted();
    this.#pool ??= start();
    return (await this.#pool).run(models, { signal: this.#closing });
  }

  async #end(): Promise<void> {
    await (await this.#pool)?.destroy();
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

async function start(): Promise<Piscina<readonly GroupedModel[], ModelGroups>> {
  // Small boards need no thread.
  const { Piscina } = await import('piscina');
  return new Piscina<readonly GroupedModel[], ModelGroups>({
    filename,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_MS,
    env: {},
  });
}
