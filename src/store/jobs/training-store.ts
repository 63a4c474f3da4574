import { setImmediate as turn } from 'node:timers/promises';
import type { TrainingEvent } from '../../training/record/training-event.js';
import type { Database, Queries } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import { requireStorage } from '../records/quota.js';
import { appendEvent } from './event-store.js';

/** A network that a training has kept; its bytes are stored as those of a model. */
export interface CheckpointRecord {
  /** Unique within its training. */
  readonly name: string;
  readonly stage: string;
  /** null for the mean of others. */
  readonly epoch: number | null;
  /** `sha256:…` of the bytes. */
  readonly digest: string;
  readonly size: number;
  readonly createdAt: Date;
}

/** An event of a training, with its checkpoint if that is new. */
export interface TrainingMetric {
  readonly event: TrainingEvent;
  readonly checkpoint?: Omit<CheckpointRecord, 'createdAt'>;
}

interface CheckpointRow {
  name: string;
  stage: string;
  epoch: number | null;
  digest: string;
  size: number;
  created_at: Date;
}

const record = ({ created_at, size, ...row }: CheckpointRow): CheckpointRecord => ({
  ...row,
  size: Number(size),
  createdAt: created_at,
});

/** Events of a training per query. */
const METRICS = 1000;

const COLUMNS = 'name, stage, epoch, digest, size, created_at';

/** Events and checkpoints of trainings. */
export class TrainingStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** In the order in which they were made. */
  async checkpoints(job: string): Promise<CheckpointRecord[]> {
    const rows = await this.#database.query<CheckpointRow & Record<string, unknown>>(
      `select ${COLUMNS} from checkpoints where job = $1 order by seq`,
      [job],
    );
    return rows.map(record);
  }

  async checkpoint(job: string, name: string): Promise<CheckpointRecord | undefined> {
    const [row] = await this.#database.query<CheckpointRow & Record<string, unknown>>(
      `select ${COLUMNS} from checkpoints where job = $1 and name = $2`,
      [job, name],
    );
    return row && record(row);
  }

  /** Removes a checkpoint; bytes that others use stay. */
  async removeCheckpoint(job: string, name: string): Promise<void> {
    await this.#database.query('delete from checkpoints where job = $1 and name = $2', [job, name]);
  }

  /**
   * @throws VentralError `storage-exceeded` where the owner of a training may not store so many bytes more, so
   *   that a checkpoint need not be copied that cannot be kept
   */
  async requireRoom(job: string, bytes: number): Promise<void> {
    await this.#database.transaction((queries) => requireJobStorage(queries, job, bytes));
  }

  /** All events of a training so far, in order. */
  metrics(job: string): Promise<TrainingEvent[]> {
    return this.#metrics<TrainingEvent>(job, 'data');
  }

  /** The same, each as the text of its JSON. */
  metricTexts(job: string): Promise<string[]> {
    return this.#metrics<string>(job, 'data::text as data');
  }

  async #metrics<T>(job: string, column: string): Promise<T[]> {
    const events: T[] = [];
    for (let last = 0; ; ) {
      const rows = await this.#database.query<{ id: number; data: T }>(
        `select id, ${column} from events where job = $1 and type = 'metric' and id > $2 order by id limit ${METRICS}`,
        [job, last],
      );
      for (const { id, data } of rows) {
        events.push(data);
        last = id;
      }
      if (rows.length < METRICS) return events;
      // The embedded database answers without a turn of the event loop.
      await turn();
    }
  }

  /** Whether this event is already stored. */
  has(job: string, event: TrainingEvent): Promise<boolean> {
    return isRecorded(this.#database, job, event);
  }
}

async function isRecorded(queries: Queries, job: string, event: TrainingEvent): Promise<boolean> {
  const rows = await queries.query(
    `select from events where job = $1 and type = 'metric' and data::text = $2::json::text limit 1`,
    [job, jsonText(event)],
  );
  return rows.length > 0;
}

/**
 * Stores events of a training once. Runs in the transaction that locks its job.
 * @throws VentralError `storage-exceeded`
 */
export async function writeMetric(
  queries: Queries,
  job: string,
  { event, checkpoint }: TrainingMetric,
): Promise<void> {
  if (checkpoint) await writeCheckpoint(queries, job, checkpoint);
  if (!(await isRecorded(queries, job, event))) await appendEvent(queries, job, 'metric', event);
  await requireJobStorage(queries, job);
}

/** @param more bytes that are to be added */
async function requireJobStorage(queries: Queries, job: string, more = 0): Promise<void> {
  const [row] = await queries.query<{ owner: string; storage: number | null }>(
    'select owner, storage::float8 as storage from jobs where id = $1',
    [job],
  );
  if (row) await requireStorage(queries, row.owner, row.storage, more);
}

async function writeCheckpoint(
  queries: Queries,
  job: string,
  { name, stage, epoch, digest, size }: Omit<CheckpointRecord, 'createdAt'>,
): Promise<void> {
  // A run restarted on another machine may give other bytes.
  const [{ fresh }] = await queries.query<{ fresh: boolean }>(
    `insert into checkpoints (job, name, stage, epoch, digest, size) values ($1, $2, $3, $4, $5, $6)
     on conflict (job, name) do update set digest = excluded.digest, size = excluded.size
     returning xmax = 0 as fresh`,
    [job, name, stage, epoch, digest, size],
  );
  if (fresh) await queries.query('update jobs set faults = 0 where id = $1', [job]);
}
