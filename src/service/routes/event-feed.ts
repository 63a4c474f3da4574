import { setImmediate as turn } from 'node:timers/promises';
import type { EventStore, EventText } from '../../store/jobs/event-store.js';

/**
 * The events of jobs for many readers: readers at the same position share one query, and those of one job share
 * one poll.
 */
export class EventFeed {
  readonly #events: EventStore;
  readonly #pages = new Map<string, Promise<EventText[]>>();
  readonly #news = new Map<string, Promise<unknown>>();

  constructor(events: EventStore) {
    this.#events = events;
  }

  /**
   * The existing and future events of a job after a number, until its last event or until the signal aborts. A
   * page is read when the previous one has been consumed.
   */
  async *follow(job: string, after: number, signal: AbortSignal): AsyncGenerator<EventText> {
    for (let last = after; !signal.aborted; ) {
      const news = this.#nextNews(job);
      const page = await this.after(job, last);
      for (const event of page) {
        if (signal.aborted) return;
        yield event;
        last = event.id;
        if (event.type === 'end') return;
      }
      // News come within half a second or so, be it that there are none; then the signal is looked at.
      if (page.length === 0) await news;
    }
  }

  /** The next page of events after a number. */
  after(job: string, id: number): Promise<EventText[]> {
    return shared(this.#pages, `${job} ${id}`, async () => {
      const page = await this.#events.texts(job, id);
      // The embedded database answers without a turn of the event loop.
      await turn();
      return page;
    });
  }

  #nextNews(job: string): Promise<unknown> {
    return shared(this.#news, job, () => this.#events.news(job, never).come);
  }
}

const never = new AbortController().signal;

/** Work that is under way for a key already is waited for, not done again. */
function shared<T>(
  underway: Map<string, Promise<T>>,
  key: string,
  work: () => Promise<T>,
): Promise<T> {
  const known = underway.get(key);
  if (known) return known;
  const mine = work().finally(() => underway.delete(key));
  underway.set(key, mine);
  return mine;
}
