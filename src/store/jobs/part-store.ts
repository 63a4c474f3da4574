import type { Provider } from '../../runtime/provider.js';
import type { Database } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import type { EventStore } from './event-store.js';
import { findJob, logged } from './find-job.js';
import type { Job } from './job.js';
import type { JobQueue, QueueEntry, TicketTerms } from './job-queue.js';

/** A part of a job that a worker took, and the ticket that it holds. */
export interface PartClaim {
  readonly job: Job;
  /** From 0. */
  readonly part: number;
  readonly of: number;
  /** Threads that all parts of the job are computed with. */
  readonly threads: number;
  readonly entry: QueueEntry;
}

/** How a part ended. */
export interface PartEnd {
  readonly state: 'done' | 'failed';
  /** Environment of its numbers, if it has any. */
  readonly runtime?: unknown;
  /** Why it has none. */
  readonly reason?: string;
}

/** A part that has ended. */
export interface EndedPart extends PartEnd {
  readonly part: number;
}

/** A measurement under the key of all that it depends on. */
export interface KeptCell {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** SQL condition: the job has not ended. */
const OPEN = `exists (select from jobs where jobs.id = $1 and jobs.state in ('queued', 'running'))`;

/** Split jobs, their parts, and the results of parts until the job has ended. */
export class PartStore {
  readonly #database: Database;
  readonly #queue: JobQueue;
  readonly #events: EventStore;

  constructor(database: Database, queue: JobQueue, events: EventStore) {
    this.#database = database;
    this.#queue = queue;
    this.#events = events;
  }

  /**
   * Cuts a running job, unless an earlier attempt did.
   * @returns whether it is cut, and the threads of all its parts
   */
  async cut(
    { id, attempt }: Job,
    of: number,
    threads: number,
  ): Promise<{ readonly cut: boolean; readonly threads: number }> {
    return this.#database.transaction(async (queries) => {
      const [job] = await queries.query<TicketTerms & { threads: number | null }>(
        `select priority, provider, threads from jobs where id = $1 and attempt = $2 and state = 'running' for update`,
        [id, attempt],
      );
      if (job?.threads) return { cut: true, threads: job.threads };
      if (!job || of < 2) return { cut: false, threads };
      await queries.query(`update jobs set threads = $2, log = ${logged('$3')} where id = $1`, [
        ...[id, threads, `Split into ${of} parts`],
      ]);
      for (let part = 0; part < of; part++) {
        await queries.query(
          `insert into parts (job, part, task, state) values ($1, $2, $3, 'open')`,
          [id, part, jsonText({ of })],
        );
        await this.#queue.send(queries, 'parts', { job: id, part }, job);
      }
      return { cut: true, threads };
    });
  }

  /** Claims the next part of any job; undefined if none waits. @param providers what the worker has, beside the CPU */
  async claim(providers: readonly Provider[] = []): Promise<PartClaim | undefined> {
    for (;;) {
      const claim = await this.#database.transaction(async (queries) => {
        const entry = await this.#queue.take(queries, 'parts', providers);
        if (!entry) return undefined;
        const { job: id, part } = entry.data;
        const [row] = await queries.query<{ task: { of: number }; threads: number }>(
          `select task, (select threads from jobs where id = $1) as threads from parts
           where job = $1 and part = $2 and state = 'open' and ${OPEN}`,
          [id, part],
        );
        const job = row && (await findJob(queries, id));
        if (job) return { job, part: part as number, of: row.task.of, threads: row.threads, entry };
        await this.#queue.done(queries, entry.id);
        return 'void';
      });
      if (claim !== 'void') return claim;
    }
  }

  /**
   * Writes the heartbeat of a part. @returns false if the part was reclaimed or the job has ended
   */
  async beat({ entry, job }: PartClaim): Promise<boolean> {
    return (await this.#queue.beat(entry)) && (await this.isOpen(job.id));
  }

  async isOpen(job: string): Promise<boolean> {
    const [row] = await this.#database.query<{ open: boolean }>(`select ${OPEN} as open`, [job]);
    return row.open;
  }

  /** Stores the results of a part; does nothing if the job has ended. */
  async keep(job: string, { key, bytes }: KeptCell): Promise<void> {
    await this.#database.query(
      `insert into cells (job, key, bytes) select $1, $2, $3 where ${OPEN} on conflict (job, key) do nothing`,
      [job, key, bytes],
    );
  }

  /** Ends a part. A failed part is not retried: the joining worker computes what is missing. */
  async end({ job, part, entry }: PartClaim, { state, runtime, reason }: PartEnd): Promise<void> {
    await this.#database.transaction(async (queries) => {
      await queries.query(
        'update parts set state = $3, runtime = $4, reason = $5 where job = $1 and part = $2',
        [job.id, part, state, jsonText(runtime), reason ?? null],
      );
      const words = `Part ${part + 1} is ${state}${reason ? `: ${reason}` : ''}`;
      await queries.query(`update jobs set log = ${logged('$2')} where id = $1`, [job.id, words]);
      await this.#queue.done(queries, entry.id);
    });
    this.#events.announce(job.id);
  }

  async giveBack({ entry }: PartClaim): Promise<void> {
    await this.#database.transaction((queries) => this.#queue.giveBack(queries, entry.id));
  }

  /** How many parts of a job have not ended. */
  async left(job: string): Promise<number> {
    const [{ left }] = await this.#database.query<{ left: number }>(
      `select count(*)::int as left from parts where job = $1 and state = 'open'`,
      [job],
    );
    return left;
  }

  async ended(job: string): Promise<EndedPart[]> {
    return this.#database.query<EndedPart & Record<string, unknown>>(
      `select part, state, runtime, reason from parts where job = $1 and state <> 'open' order by part`,
      [job],
    );
  }

  async cells(job: string): Promise<KeptCell[]> {
    return this.#database.query<KeptCell & Record<string, unknown>>(
      'select key, bytes from cells where job = $1',
      [job],
    );
  }
}
