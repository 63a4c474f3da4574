import { randomUUID } from 'node:crypto';
import type { PgBoss } from 'pg-boss';
import type { Database, Queries } from '../database/database.js';

/** Jobs, and the parts of jobs that are cut. */
export type QueueName = 'jobs' | 'parts';

/** Contents of a ticket: a job, and the part of it. */
export interface Ticket {
  readonly job: string;
  readonly part?: number;
}

/** A ticket that a worker took. */
export interface QueueEntry {
  readonly id: string;
  readonly name: QueueName;
  /** Counts how often the ticket was returned or lost; messages of earlier holders are ignored. */
  readonly retryCount: number;
  readonly data: Ticket;
}

/** A worker that was not heard of for so long is taken for dead; pg-boss knows no less than ten. */
export const HEARTBEAT_SECONDS = 15;
/** The maximum of pg-boss; the deadline of the process limits a job. */
const LONGEST_SECONDS = 24 * 3600 - 1;
const YEARS_SECONDS = 10 * 365 * 24 * 3600;
/** How often a job is tried is counted in its own row. */
const RETRIES = 100_000;
const options = {
  heartbeatSeconds: HEARTBEAT_SECONDS,
  expireInSeconds: LONGEST_SECONDS,
  retentionSeconds: YEARS_SECONDS,
  deleteAfterSeconds: 60,
  retryLimit: RETRIES,
};

/**
 * The queue of pg-boss in the database of the jobs (schema `pgboss`): tickets are sent, taken and given
 * back in the transactions of their jobs. Tickets of a lost worker return when its heartbeat is overdue.
 */
export class JobQueue {
  readonly #boss: PgBoss;

  private constructor(boss: PgBoss) {
    this.#boss = boss;
  }

  /** Creates the schema if it is missing. Must not be called inside a transaction. */
  static async open(database: Database): Promise<JobQueue> {
    // A command that has no job to queue does without.
    const { PgBoss } = await import('pg-boss');
    const seconds = database.shared ? 5 : 60;
    const boss = new PgBoss({
      db: executor(database),
      schedule: false,
      registerInstance: false,
      openTelemetry: { enabled: false },
      superviseIntervalSeconds: seconds,
      monitorIntervalSeconds: seconds,
      maintenanceIntervalSeconds: 3600,
      reindex: false,
      monitorVacuum: false,
    });
    // Failed maintenance, for example after a lost connection, is repeated in the next pass.
    boss.on('error', () => {});
    await boss.start();
    for (const name of ['jobs', 'parts'] as const) await makeQueue(boss, database, name);
    return new JobQueue(boss);
  }

  /** @returns the id of the ticket */
  async send(queries: Queries, name: QueueName, ticket: Ticket, priority: number): Promise<string> {
    const id = await this.#boss.send(name, ticket, { priority, db: executor(queries) });
    return id as string;
  }

  /** Claims the ticket of the highest priority; undefined if none waits. */
  async take(queries: Queries, name: QueueName): Promise<QueueEntry | undefined> {
    const [found] = await this.#boss.fetch<Ticket>(name, { db: executor(queries) });
    if (!found) return undefined;
    const { id, data, retryCount } = found as typeof found & { readonly retryCount: number };
    return { id, name, data, retryCount };
  }

  /** Writes the holder's heartbeat. @returns false if it has lost the ticket */
  async beat(entry: QueueEntry): Promise<boolean> {
    const { affected } = (await this.#boss.touch(entry.name, entry)) as { affected: number };
    return affected > 0;
  }

  /** Takes a ticket out of the queue for good, wherever it is. */
  async done(queries: Queries, name: QueueName, id: string): Promise<void> {
    await this.#boss.complete(name, id, null, { db: executor(queries), includeQueued: true });
  }

  /** Gives a taken ticket back, so that the next worker gets it. */
  async giveBack(queries: Queries, name: QueueName, id: string): Promise<void> {
    await this.#boss.fail(name, id, null, { db: executor(queries) });
  }

  async close(): Promise<void> {
    await this.#boss.stop({ close: false, graceful: false });
  }
}

/** SQL condition: the ticket of a job waits or is held. */
export const TICKET_LIVES = `exists (select from pgboss.job as ticket
    where ticket.name = 'jobs' and ticket.id = jobs.entry and ticket.state < 'completed')`;

async function makeQueue(boss: PgBoss, database: Database, name: QueueName): Promise<void> {
  const there = await database.query('select 1 from pgboss.queue where name = $1', [name]);
  if (there.length === 0) await boss.createQueue(name, options);
  // Loads the queue settings now: inside a transaction of the embedded database that would fail.
  await boss.touch(name, randomUUID());
}

/** What pg-boss sends its statements to: the database, or one transaction of it. */
function executor(target: Database | Queries) {
  return {
    async executeSql(sql: string, values: unknown[] = []) {
      const whole = values.length === 0 && 'script' in target;
      return { rows: whole ? await target.script(sql) : await target.query(sql, values) };
    },
  };
}
