import { untilAborted } from './until-aborted.js';

/** Runs work under equal keys one after the other, under different keys side by side. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** @throws VentralError `interrupted` where the signal aborts before the turn comes, and what the work throws */
  async run<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const turn = signal ? untilAborted(before, signal) : before;
    const mine = turn.then(work);
    // Whoever leaves the line leaves its place to the one before: the next one waits for that.
    const settled = Promise.allSettled([before, mine]);
    this.#last.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}
