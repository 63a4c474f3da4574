import type { Provider } from '../../runtime/provider.js';
import type { MapPart } from '../../scoring/map/layer-map-types.js';
import type { Score } from '../../scoring/measure/score.js';
import type { Database, Queries } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import { appendEvent, type EventStore } from './event-store.js';
import { findJob, logged } from './find-job.js';
import type { Job, JobEnd, JobProgress, TrainingRun } from './job.js';
import { endJob, type Held, hasAllScores, writeMap, writeScores } from './job-end.js';
import { type JobQueue, type QueueEntry, TICKET_LIVES, type TicketTerms } from './job-queue.js';
import type { JobRow } from './job-rows.js';
import { type TrainingMetric, writeMetric } from './training-store.js';

/** A job that a worker took, and the ticket that it holds. */
export interface JobClaim {
  readonly job: Job;
  readonly entry: QueueEntry;
}

/** Why a worker gives a job back. */
export interface GivenBack {
  /** A message for the submitter of the job. */
  readonly reason: string;
  /** Whether it counts among the times that the job may fail a worker. */
  readonly fault: boolean;
}

const LOST = 'The worker of the job was lost';

/**
 * The worker's side of jobs. Writes of a worker are fenced by the number of its attempt: after the job has ended
 * or was reclaimed, nothing is written.
 */
export class JobAttempts {
  readonly #database: Database;
  readonly #queue: JobQueue;
  readonly #events: EventStore;

  constructor(database: Database, queue: JobQueue, events: EventStore) {
    this.#database = database;
    this.#queue = queue;
    this.#events = events;
  }

  /**
   * Takes the next job, and counts the attempt; undefined if none waits. One that was running before
   * was lost by its worker, which counts as a fault.
   * @param worker id of the worker, null for none that is registered
   * @param providers what it has, beside the CPU
   */
  async claim(
    worker: string | null = null,
    providers: readonly Provider[] = [],
  ): Promise<JobClaim | undefined> {
    for (;;) {
      const claim = await this.#database
        .transaction(async (queries) => {
          const entry = await this.#queue.take(queries, 'jobs', providers);
          return entry && begin(queries, this.#queue, entry, worker);
        })
        .catch((error) => {
          if (error !== busy) throw error;
          return undefined;
        });
      if (claim === 'void') continue;
      if (claim) this.#events.announce(claim.job.id);
      return claim;
    }
  }

  /** Writes the heartbeat of a worker's claims. @returns the ids of jobs that it has lost */
  async beat(claims: readonly JobClaim[]): Promise<ReadonlySet<string>> {
    for (const { entry } of claims) await this.#queue.beat(entry);
    return this.over(claims);
  }

  /** The ids of jobs that a worker has lost: cancelled or reclaimed. */
  async over(claims: readonly JobClaim[]): Promise<ReadonlySet<string>> {
    const held = await this.#database.query<{ id: string }>(
      `select id from jobs join unnest($1::text[], $2::int[]) as mine (job, attempt)
       on mine.job = jobs.id and mine.attempt = jobs.attempt where state = 'running'`,
      [claims.map(({ job }) => job.id), claims.map(({ job }) => job.attempt)],
    );
    const ids = new Set(claims.map(({ job }) => job.id));
    for (const { id } of held) ids.delete(id);
    return ids;
  }

  /**
   * @param told whether it becomes an event, and the words of a line of log, if any
   * @returns false if the attempt is over
   */
  setProgress(
    id: string,
    attempt: number,
    progress: JobProgress,
    told: { readonly event: boolean; readonly line?: string },
  ): Promise<boolean> {
    return this.#write(id, attempt, async (queries) => {
      const words = told.line ? [told.line] : [];
      const log = told.line ? `, log = ${logged('$3')}` : '';
      await queries.query(`update jobs set progress = $2${log} where id = $1`, [
        ...[id, jsonText(progress)],
        ...words,
      ]);
      if (told.event) await appendEvent(queries, id, 'progress', progress);
    });
  }

  /** Stores one result of a running job, with its draws. @returns false if the attempt is over */
  addScore(id: string, attempt: number, score: Score, bytes?: Uint8Array): Promise<boolean> {
    const draws = bytes && new Map([[score.benchmark, bytes]]);
    return this.#write(id, attempt, (queries, job) => writeScores(queries, job, [score], draws));
  }

  /** Stores a partial map. @returns false if the attempt is over */
  addMapPart(id: string, attempt: number, part: MapPart): Promise<boolean> {
    return this.#write(id, attempt, (queries) => appendEvent(queries, id, 'result', part));
  }

  /**
   * Stores events of a training that are new: a resumed attempt repeats some. A new checkpoint shows progress and
   * resets the faults of the job.
   * @throws VentralError `storage-exceeded`
   * @returns false where the attempt is over
   */
  addMetric(id: string, attempt: number, metric: TrainingMetric): Promise<boolean> {
    return this.#write(id, attempt, (queries) => writeMetric(queries, id, metric));
  }

  /** Stores the dependencies of a training. @returns false if the attempt is over */
  setRun(id: string, attempt: number, run: TrainingRun): Promise<boolean> {
    return this.#write(id, attempt, (queries) =>
      queries.query('update jobs set run = $2 where id = $1', [id, jsonText(run)]),
    );
  }

  /**
   * Writes results and the job's end in one transaction, if the attempt still holds.
   * @returns the ended job, or undefined if the results came too late and nothing was written
   */
  async finish(id: string, attempt: number, end: JobEnd): Promise<Job | undefined> {
    const written = await this.#write(id, attempt, async (queries, job) => {
      const whole = await writeEnd(queries, job, end);
      const state = whole && end.failures.length === 0 ? 'succeeded' : 'failed';
      await endJob(queries, id, { state, failures: end.failures, usage: end.usage });
      await this.#queue.done(queries, job.entry);
    });
    return written ? findJob(this.#database, id) : undefined;
  }

  /** Gives a job back to the queue. @returns false if the attempt is over */
  async giveBack(id: string, attempt: number, why: GivenBack): Promise<boolean> {
    return this.#write(id, attempt, (queries, job) => giveBack(queries, this.#queue, job, why));
  }

  /** Reclaims the jobs of a dead worker. */
  async giveBackOf(worker: string): Promise<void> {
    const running = await this.#database.query<JobRow>(
      `select id, attempt from jobs where worker = $1 and state = 'running'`,
      [worker],
    );
    for (const { id, attempt } of running)
      await this.giveBack(id, attempt, { reason: LOST, fault: true });
  }

  /**
   * Ensures that every open job has a ticket, for example after a restore.
   * @param alone no other worker is running, so that the worker of every running job is dead
   */
  async recover(alone: boolean): Promise<void> {
    const open = await this.#database.query<{ id: string }>(
      `select id from jobs where state in ('queued', 'running')
       and (not ${TICKET_LIVES} or (state = 'running' and $1)) order by seq`,
      [alone],
    );
    for (const { id } of open)
      await this.#database.transaction((queries) => requeue(queries, this.#queue, id, alone));
  }

  async #write(
    id: string,
    attempt: number,
    work: (queries: Queries, job: Held) => Promise<unknown>,
  ): Promise<boolean> {
    const held = await this.#database.transaction(async (queries) => {
      const [job] = await queries.query<Held>(
        `select id, benchmarks, keys, entry from jobs where id = $1 and attempt = $2 and state = 'running' for update`,
        [id, attempt],
      );
      if (job) await work(queries, job);
      return job !== undefined;
    });
    if (held) this.#events.announce(id);
    return held;
  }
}

/** @returns whether the job lacks nothing */
async function writeEnd(queries: Queries, job: Held, end: JobEnd): Promise<boolean> {
  if (end.kind === 'score') {
    await writeScores(queries, job, end.scores, end.draws);
    return hasAllScores(queries, job);
  }
  if (end.kind === 'layer-map') {
    await writeMap(queries, job, end.map);
    return end.map !== null;
  }
  await queries.query('update jobs set network = $2 where id = $1', [job.id, end.network]);
  return true;
}

/** Another transaction has locked the job: the ticket stays until the next poll. */
const busy = Symbol('busy');

/** `void` where the ticket was for nothing. */
async function begin(
  queries: Queries,
  queue: JobQueue,
  entry: QueueEntry,
  worker: string | null,
): Promise<JobClaim | 'void'> {
  const { job: id } = entry.data;
  // Not awaited: the holder of the row may be waiting for the ticket.
  const [row] = await queries.query<{ state: string; entry: string; attempt: number }>(
    'select state, entry, attempt from jobs where id = $1 for update skip locked',
    [id],
  );
  if (!row && (await queries.query('select from jobs where id = $1', [id])).length > 0) throw busy;
  if (!row || row.entry !== entry.id || !['queued', 'running'].includes(row.state)) {
    await queue.done(queries, entry.id);
    return 'void';
  }
  const lost = row.state === 'running';
  const words = `${lost ? `${LOST}. ` : ''}Attempt ${row.attempt + 1} starts`;
  await queries.query(
    `update jobs set state = 'running', attempt = attempt + 1, faults = faults + $2::int, worker = $3,
     started_at = coalesce(started_at, now()), progress = null, reason = case when $2::int > 0 then $4 else reason end,
     log = ${logged('$5')} where id = $1`,
    [id, Number(lost), worker, LOST, words],
  );
  const state = { state: 'running', attempt: row.attempt + 1, ...(lost ? { reason: LOST } : {}) };
  await appendEvent(queries, id, 'state', state);
  return { job: (await findJob(queries, id)) as Job, entry };
}

async function giveBack(
  queries: Queries,
  queue: JobQueue,
  { id, entry }: Pick<Held, 'id' | 'entry'>,
  { reason, fault }: GivenBack,
): Promise<void> {
  await markQueued(queries, id, { reason, fault });
  await queue.giveBack(queries, entry);
}

async function markQueued(
  queries: Queries,
  id: string,
  { reason, fault }: GivenBack,
): Promise<void> {
  const [{ attempt }] = await queries.query<{ attempt: number }>(
    `update jobs set state = 'queued', worker = null, progress = null, reason = $2, faults = faults + $3::int,
     log = ${logged('$2')} where id = $1 returning attempt`,
    [id, reason, Number(fault)],
  );
  await appendEvent(queries, id, 'state', { state: 'queued', attempt, reason });
}

async function requeue(
  queries: Queries,
  queue: JobQueue,
  id: string,
  alone: boolean,
): Promise<void> {
  const [row] = await queries.query<JobRow & { lives: boolean }>(
    `select id, state, entry, priority, provider, ${TICKET_LIVES} as lives from jobs
     where id = $1 and state in ('queued', 'running') for update`,
    [id],
  );
  if (!row || (row.lives && !(alone && row.state === 'running'))) return;
  const why = { reason: LOST, fault: true };
  if (row.lives) return giveBack(queries, queue, row, why);
  if (row.state === 'running') await markQueued(queries, id, why);
  await enqueue(queries, queue, row);
}

/** Sends the ticket of a job. */
export async function enqueue(
  queries: Queries,
  queue: JobQueue,
  { id, priority, provider }: Pick<JobRow, 'id'> & TicketTerms,
): Promise<void> {
  const entry = await queue.send(queries, 'jobs', { job: id }, { priority, provider });
  await queries.query('update jobs set entry = $2 where id = $1', [id, entry]);
}
