import { existsSync } from 'node:fs';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { PGlite, type Transaction } from '@electric-sql/pglite';
import { VentralError } from '../../errors/ventral-error.js';
import { syncFile } from '../files/write-whole.js';
import { type Database, type Queries, shortOr } from './database.js';
import { freeBytes, RESERVE_BYTES } from './disk-room.js';
import { DurableFiles, type WriteGuard } from './durable-files.js';
import { KeptStatements } from './kept-statements.js';
import { unpackDatabase } from './prepared-database.js';

/** Major version of the PostgreSQL inside PGlite 0.5; a data folder of another one cannot be read. */
export const EMBEDDED_POSTGRES = 18;

/**
 * PGlite's own, but for `-F`, which turns fsync off, a log that is kept short by {@link CHECKPOINT_BYTES}, and a small buffer:
 * all of it is written with zeros at the start, and what it lacks the system has in its cache.
 */
const START = [
  ...PGlite.defaultStartParams.filter((word) => word !== '-F'),
  // PGlite's fdatasync reaches nothing, whatever its folder does.
  ...[
    ...['fsync=on', 'wal_sync_method=fsync', 'max_wal_size=64MB', 'min_wal_size=32MB'],
    'shared_buffers=16MB',
  ].flatMap((setting) => ['-c', setting]),
];

/**
 * A lone backend never starts a checkpoint itself: the log would grow until the database is closed.
 */
const CHECKPOINT_BYTES = 32 * 2 ** 20;
const CHECKPOINT_MS = 20_000;

const anyWrite: WriteGuard = { mayWrite: () => {} };

/**
 * Opens the embedded PostgreSQL (PGlite) in a folder, and makes it if it is missing yet. What it
 * acknowledges is on the disk. The caller owns the home: PGlite has no lock, and two processes on one folder
 * lose rows silently; the guard is asked before each change of a file.
 * A new database is made beside its place and renamed when it is whole, so that a kill in the first
 * seconds leaves nothing half-made. While the disk has less than {@link RESERVE_BYTES} nothing is written, and
 * what would is `disk-full`.
 * @param made whether a new database is empty, or has the tables of the present schema where the build prepared one
 * @throws VentralError `home-format` where the folder cannot be opened
 */
export async function openEmbeddedDatabase(
  folder: string,
  guard: WriteGuard = anyWrite,
  made: 'empty' | 'prepared' = 'empty',
): Promise<Database> {
  if (!existsSync(folder)) await create(folder, guard, made);
  let lite: PGlite;
  try {
    await settle(folder);
    lite = await start(folder, guard);
  } catch (cause) {
    throw new VentralError(
      'home-format',
      `The database in ${folder} cannot be opened: ${(cause as Error).message}`,
      {
        file: folder,
        cause,
      },
    );
  }
  return new EmbeddedDatabase(lite, folder);
}

const start = (folder: string, guard: WriteGuard) =>
  PGlite.create({ fs: new DurableFiles(folder, guard), startParams: START });

async function create(
  folder: string,
  guard: WriteGuard,
  made: 'empty' | 'prepared',
): Promise<void> {
  const unfinished = `${folder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  guard.mayWrite();
  if (made === 'empty' || !(await unpackDatabase(unfinished))) {
    const lite = await start(unfinished, guard);
    await lite.close();
    // PGlite unpacks a new folder without a sync.
    await syncTree(unfinished);
    await markSynced(unfinished);
  }
  guard.mayWrite();
  await rename(unfinished, folder);
  await syncFile(dirname(folder));
}

/** There while all of a closed folder is on the disk. */
const mark = (folder: string) => join(folder, 'ventral.synced');

const markSynced = (folder: string) => writeFile(mark(folder), '');

/**
 * Brings a folder to the disk before its log is replayed, unless it was closed: a process that was killed leaves
 * changes that were not synced. (What a power loss leaves is what the disk has.)
 */
async function settle(folder: string): Promise<void> {
  if (!existsSync(mark(folder))) await syncTree(folder);
  await rm(mark(folder), { force: true });
}

/** Concurrent syncs of files and folders: few, for systems with few descriptors. */
const SYNCS = 8;

async function syncTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = [folder, ...entries.map((entry) => join(entry.parentPath, entry.name))];
  const sync = async () => {
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) await syncFile(path);
  };
  await Promise.all(Array.from({ length: SYNCS }, sync));
}

/** read_only_sql_transaction (PostgreSQL, Appendix A): how a low disk refuses to write. */
const READ_ONLY = '25006';

function refused(error: unknown): never {
  if ((error as { code?: string }).code !== READ_ONLY) throw shortOr(error);
  throw new VentralError(
    'disk-full',
    `The disk of the home has less than ${RESERVE_BYTES / 2 ** 20} MiB left: writing resumes when there is space again`,
    { cause: error },
  );
}

/** PGlite answers in the turn that asks: after so long, others have theirs before the next query. */
const TURN_MS = 10;

type Ask = <T extends object>(sql: string, parameters: readonly unknown[]) => Promise<T[]>;

const queriesOf = (ask: Ask): Queries => ({
  query: async <T extends object>(sql: string, parameters: readonly unknown[] = []) => {
    const since = performance.now();
    const rows = await ask<T>(sql, parameters).catch(refused);
    if (performance.now() - since > TURN_MS) await turn();
    return rows;
  },
});

const within = (transaction: Transaction): Queries =>
  queriesOf(async <T extends object>(sql: string, parameters: readonly unknown[]) => {
    const { rows } = await transaction.query<T>(sql, [...parameters]);
    return rows;
  });

class EmbeddedDatabase implements Database {
  readonly shared = false;
  readonly #lite: PGlite;
  readonly #folder: string;
  readonly #kept: KeptStatements;
  readonly #queries: Queries;
  readonly #timer: NodeJS.Timeout;
  #low = false;

  constructor(lite: PGlite, folder: string) {
    this.#lite = lite;
    this.#folder = folder;
    this.#kept = new KeptStatements(lite);
    this.#queries = queriesOf((sql, parameters) => this.#kept.query(sql, parameters));
    this.#timer = setInterval(() => void this.#shortenLog().catch(() => {}), CHECKPOINT_MS).unref();
  }

  readonly query: Queries['query'] = async (sql, parameters) => {
    await this.#look();
    return this.#queries.query(sql, parameters);
  };

  async transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    await this.#look();
    return this.#kept
      .apart(() => this.#lite.transaction((transaction) => work(within(transaction))))
      .catch(refused);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#lite.close();
    // Without the mark the next start syncs once more.
    await markSynced(this.#folder).catch(() => {});
  }

  /** Lets transactions write, or not, by the room that the disk has. */
  async #look(): Promise<void> {
    const low = freeBytes(this.#folder) < RESERVE_BYTES;
    if (low === this.#low) return;
    this.#low = low;
    await this.#lite.exec(`set default_transaction_read_only = ${low ? 'on' : 'off'}`);
  }

  async #shortenLog(): Promise<void> {
    const { rows } = await this.#lite.query<{ bytes: number }>(
      'select (pg_current_wal_lsn() - redo_lsn)::float8 as bytes from pg_control_checkpoint()',
    );
    if (rows[0].bytes > CHECKPOINT_BYTES) await this.#lite.exec('checkpoint');
  }
}
