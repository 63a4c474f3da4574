import type { Provider } from '../../runtime/provider.js';
import type { Database, Queries } from '../database/database.js';

/** Jobs, and the parts of jobs that are cut. */
export type QueueName = 'jobs' | 'parts';

/** Contents of a ticket: a job, and the part of it. */
export interface Ticket {
  readonly job: string;
  readonly part?: number;
}

/** Where a ticket stands, and who may take it. */
export interface TicketTerms {
  readonly priority: number;
  /** What the worker must have; every worker will do unless said. */
  readonly provider?: Provider | null | undefined;
}

/** A ticket that a worker took. */
export interface QueueEntry {
  readonly id: string;
  readonly name: QueueName;
  /** Counts how often the ticket was taken; heartbeats of earlier holders are ignored. */
  readonly takes: number;
  readonly data: Ticket;
}

interface TicketRow {
  id: string;
  job: string;
  part: number | null;
  takes: number;
}

/** A worker that was not heard of for so long is taken for dead. */
export const HEARTBEAT_SECONDS = 15;
/**
 * The same beside an embedded database: its one process has all workers, and is more often suspended, as with a
 * laptop that is closed, than lost without a new start, which recovers the jobs.
 */
const EMBEDDED_SECONDS = 60;

/**
 * The queue of jobs, a table of tickets: they are sent, taken and given back in the transactions of their jobs. A
 * worker holds a ticket under a lease that its heartbeats renew; once the lease has run out, the next worker takes
 * the ticket.
 */
export class JobQueue {
  readonly #database: Database;
  readonly #lease: string;

  constructor(database: Database) {
    this.#database = database;
    this.#lease = `now() + interval '${database.shared ? HEARTBEAT_SECONDS : EMBEDDED_SECONDS} seconds'`;
  }

  /** @returns the id of the ticket */
  async send(
    queries: Queries,
    name: QueueName,
    { job, part }: Ticket,
    { priority, provider }: TicketTerms,
  ): Promise<string> {
    const [{ id }] = await queries.query<{ id: string }>(
      'insert into tickets (queue, job, part, priority, provider) values ($1, $2, $3, $4, $5) returning id',
      [name, job, part ?? null, priority, provider ?? null],
    );
    return id;
  }

  /**
   * Claims the ticket of the highest priority, the oldest of several; undefined if none waits.
   * @param providers what the worker has: tickets that need another one are left
   */
  async take(
    queries: Queries,
    name: QueueName,
    providers: readonly Provider[],
  ): Promise<QueueEntry | undefined> {
    const [row] = await queries.query<TicketRow>(
      `update tickets set takes = takes + 1, lease = ${this.#lease} where id = (
         select id from tickets where queue = $1 and (lease is null or lease < now())
         and ${isFor('$2')}
         order by priority desc, seq limit 1 for update skip locked
       ) returning id, job, part, takes`,
      [name, providers],
    );
    if (!row) return undefined;
    const { id, job, part, takes } = row;
    return { id, name, takes, data: part === null ? { job } : { job, part } };
  }

  /** Writes the holder's heartbeat. @returns false if it has lost the ticket */
  async beat({ id, takes }: QueueEntry): Promise<boolean> {
    const held = await this.#database.query(
      `update tickets set lease = ${this.#lease} where id = $1 and takes = $2 and lease is not null returning id`,
      [id, takes],
    );
    return held.length > 0;
  }

  /** Takes a ticket out of the queue for good, wherever it is. */
  async done(queries: Queries, id: string): Promise<void> {
    await queries.query('delete from tickets where id = $1', [id]);
  }

  /** Gives a taken ticket back, so that the next worker gets it. */
  async giveBack(queries: Queries, id: string): Promise<void> {
    await queries.query('update tickets set lease = null where id = $1', [id]);
  }
}

/**
 * SQL condition: workers with these providers take the job or its ticket.
 * @param providers a parameter, such as `$2`
 */
export function isFor(providers: string): string {
  return `(provider is null or provider = any(${providers}::text[]))`;
}

/** SQL condition: the ticket of a job waits or is held. */
export const TICKET_LIVES = 'exists (select from tickets where tickets.id = jobs.entry)';
