import { EventEmitter } from 'node:events';
import type { Database, Queries } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import { type Notification, nextNotification } from '../database/notification.js';
import { weightOf } from '../database/page.js';

/** What happens to a job: it changes its state, comes further, is measured (a training), gets a result, ends. */
export type JobEventType = 'state' | 'progress' | 'metric' | 'result' | 'end';

/** One thing that happened to a job. */
export interface JobEvent {
  /** From 1, without gap or repeat within a job, until old progress is removed (see old-jobs.ts). */
  readonly id: number;
  readonly type: JobEventType;
  readonly data: unknown;
  readonly at: Date;
}

/** An event whose data are the text of their JSON, as a stream sends it. */
export interface EventText extends Pick<JobEvent, 'id' | 'type'> {
  /** On one line. */
  readonly text: string;
}

/** Polling interval for events of other processes. */
const POLL_MS = 500;
const PAGE = 100;
/** Bytes of data after which a page ends: the embedded database works in the thread of the service. */
const PAGE_BYTES = 2 ** 18;

/**
 * Writes the next event of a job, in the transaction of what it tells. The row of the job is locked until
 * then, so that events become visible in the order of their numbers. Its bytes count against the quota of
 * the job's owner, those of a result twice: it is a row of its own, too.
 */
export async function appendEvent(
  queries: Queries,
  job: string,
  type: JobEventType,
  data: unknown,
): Promise<void> {
  await queries.query(
    `with numbered as (
       update jobs set last_event = last_event + 1,
         bytes = bytes + octet_length($3::text) * case when $2 = 'result' then 2 else 1 end
       where id = $1 returning last_event)
     insert into events (job, id, type, data) select $1, last_event, $2, $3::text::json from numbered`,
    [job, type, jsonText(data)],
  );
}

/** The events of jobs: rows, which any process may read, and a word within this process when there are new ones. */
export class EventStore {
  readonly #database: Database;
  readonly #news = new EventEmitter().setMaxListeners(0);

  constructor(database: Database) {
    this.#database = database;
  }

  /** The events of a job after a number, in their order. */
  async after(job: string, id: number, limit = PAGE): Promise<JobEvent[]> {
    return this.#database.query<JobEvent & Record<string, unknown>>(
      `select id, type, data, created_at as at from events where job = $1 and id > $2 order by id limit $3`,
      [job, id, limit],
    );
  }

  /** The next events of a job after a number, as text; the page ends early where they are large. */
  texts(job: string, id: number): Promise<EventText[]> {
    return this.#database.query<EventText & Record<string, unknown>>(
      `with next as (select id, ${weightOf('data')} as weight from events where job = $1 and id > $2 order by id limit ${PAGE})
       select id, type, data::text as text from events where job = $1 and id > $2 and id <= (
         select max(id) from (select id, sum(weight) over (order by id) - weight as before from next) as page
         where before < ${PAGE_BYTES}
       ) order by id`,
      [job, id],
    );
  }

  /** Notified when this process has committed events of a job. */
  announce(job: string): void {
    this.#news.emit(job);
  }

  /**
   * The existing and future events of a job after a number, until its last event or until the signal aborts.
   */
  async *follow(job: string, after: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    let last = after;
    while (!signal.aborted) {
      const news = this.news(job, signal);
      const events = await this.after(job, last);
      for (const event of events) {
        if (signal.aborted) break;
        yield event;
        last = event.id;
        if (event.type === 'end') return news.cancel();
      }
      if (events.length > 0) news.cancel();
      else await news.come;
    }
  }

  /**
   * Waits for a notification about a job's events, or until the next poll, at most this many milliseconds.
   */
  news(job: string, signal: AbortSignal, milliseconds = POLL_MS): Notification {
    return nextNotification(this.#news, job, Math.min(milliseconds, POLL_MS), signal);
  }
}
