import { VentralError } from '../../errors/ventral-error.js';

/** Limits of running and waiting work. */
export interface FairLimits {
  /** What waits here, as a message says it: `checks of uploads`. */
  readonly what: string;
  /** Pieces of work that run at once. */
  readonly running: number;
  /** Of these, of one owner: fewer than all, so that an owner never keeps the others out. */
  readonly runningEach: number;
  /** Pieces of work that wait. */
  readonly waiting: number;
  /** Of these, of one owner. */
  readonly waitingEach: number;
}

interface Waiting {
  readonly begin: () => void;
}

/** Seconds after which a client that found the queue full may try again. */
const RETRY_SECONDS = 5;

/**
 * A semaphore that owners share fairly: free places go round-robin to waiting owners, each owner has a maximum
 * number of places, and queues are bounded. An aborted caller leaves the queue immediately.
 */
export class FairSemaphore {
  readonly #limits: FairLimits;
  readonly #running = new Map<string, number>();
  /** Queues by owner; the most recently served owner is last. */
  readonly #lines = new Map<string, Set<Waiting>>();
  #sum = { running: 0, waiting: 0 };

  constructor(limits: FairLimits) {
    this.#limits = limits;
  }

  /**
   * Runs the work when a place is free.
   * @throws VentralError `quota-exceeded` if the owner's queue is full, `queue-full` if all queues together are,
   *   `interrupted` if the signal aborts before the work starts, and what the work throws
   */
  async run<T>(owner: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(owner, signal);
    try {
      return await work();
    } finally {
      this.#count(owner, -1);
      this.#next();
    }
  }

  #enter(owner: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(interrupted());
    if (this.#hasPlace(owner)) {
      this.#count(owner, 1);
      return Promise.resolve();
    }
    const line = this.#lines.get(owner) ?? new Set();
    this.#refuseFull(owner, line.size);
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#unqueue(owner, waiting);
        reject(interrupted());
      };
      const begin = () => {
        signal.removeEventListener('abort', leave);
        this.#unqueue(owner, waiting);
        this.#count(owner, 1);
        resolve();
      };
      const waiting: Waiting = { begin };
      line.add(waiting);
      this.#lines.set(owner, line);
      this.#sum.waiting++;
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #refuseFull(owner: string, mine: number): void {
    const { what, waiting, waitingEach } = this.#limits;
    const details = { retryAfter: RETRY_SECONDS };
    if (mine >= waitingEach) {
      const message = `${owner} has ${mine} ${what} waiting, the maximum`;
      throw new VentralError('quota-exceeded', message, details);
    }
    if (this.#sum.waiting >= waiting) {
      throw new VentralError(
        'queue-full',
        `${this.#sum.waiting} ${what} are queued already`,
        details,
      );
    }
  }

  #hasPlace(owner: string): boolean {
    const { running, runningEach } = this.#limits;
    return this.#sum.running < running && (this.#running.get(owner) ?? 0) < runningEach;
  }

  #count(owner: string, by: 1 | -1): void {
    this.#sum.running += by;
    const mine = (this.#running.get(owner) ?? 0) + by;
    if (mine === 0) this.#running.delete(owner);
    else this.#running.set(owner, mine);
  }

  #unqueue(owner: string, waiting: Waiting): void {
    const line = this.#lines.get(owner);
    if (!line?.delete(waiting)) return;
    this.#sum.waiting--;
    if (line.size === 0) this.#lines.delete(owner);
  }

  /** Gives the free place to the owner that has waited longest for its turn, and may have it. */
  #next(): void {
    for (const [owner, line] of this.#lines) {
      if (!this.#hasPlace(owner)) continue;
      const [first] = line;
      this.#lines.delete(owner);
      this.#lines.set(owner, line);
      first.begin();
      return;
    }
  }
}

const interrupted = () => new VentralError('interrupted', 'Interrupted');
