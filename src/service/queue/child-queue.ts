import { runChild } from '../child/child.js';
import type { ChildWork } from '../child/child-work.js';
import type { Client } from '../http/client.js';
import type { FailedWork } from './failed-work.js';
import { type FairLimits, FairSemaphore } from './fair-semaphore.js';

/** How many children of one kind run at once, of all owners and of one. */
export type ChildPlaces = Pick<FairLimits, 'what' | 'running' | 'runningEach'>;

const WAITING = { waiting: 1000, waitingEach: 100 };

/** Runs children for clients: fairly by owner, and none any longer for a client that has left. */
export class ChildQueue {
  readonly #places: FairSemaphore;
  readonly #failed: FailedWork;

  constructor(places: ChildPlaces, failed: FailedWork) {
    this.#places = new FairSemaphore({ ...places, ...WAITING });
    this.#failed = failed;
  }

  /** @throws as {@link FairSemaphore.run} and `runChild`, and `quota-exceeded` as {@link FailedWork} */
  async run<T>({ principal, signal: client }: Client, work: ChildWork): Promise<T> {
    const signal = work.signal ? AbortSignal.any([client, work.signal]) : client;
    this.#failed.require(principal);
    return this.#places.run(principal.owner, signal, async () => {
      // What waited before it may have used the time up.
      this.#failed.require(principal);
      const begin = performance.now();
      try {
        return await runChild<T>({ ...work, signal });
      } catch (error) {
        this.#failed.charge(principal, (performance.now() - begin) / 1000);
        throw error;
      }
    });
  }
}
