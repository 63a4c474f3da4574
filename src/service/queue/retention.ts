import type { Logger } from 'pino';
import type { Database } from '../../store/database/database.js';
import { type Keeping, OldJobs } from '../../store/jobs/old-jobs.js';

/** How often it is looked for what has become old. */
const LOOK_MS = 3_600_000;

/** Removes what is kept for a limited time, at the start of a service and every hour. */
export class Retention {
  readonly #old: OldJobs;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  /** @param keeping without a number in it, nothing is ever removed */
  constructor(database: Database, log: Logger, keeping: Keeping) {
    this.#old = new OldJobs(database, keeping);
    this.#log = log;
    if (Object.values(keeping).every((seconds) => seconds === undefined)) return;
    const look = () => {
      this.#looking = this.#looking.then(() => this.#look());
    };
    look();
    this.#timer = setInterval(look, LOOK_MS).unref();
  }

  /** Resolves when nothing is being removed. */
  stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#timer);
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    try {
      const removed = await this.#old.remove(signal);
      if (removed.draws + removed.progress > 0)
        this.#log.info(removed, 'Removed what is kept for a limited time');
    } catch (error) {
      this.#log.warn({ err: error }, 'Removing what is kept for a limited time failed');
    }
  }
}
