import { VentralError } from '../../errors/ventral-error.js';
import type { Principal } from '../../store/records/principal.js';

/** Seconds an hour that work of one owner may take and come to nothing. */
export const GENEROUS_FAILED_SECONDS = 600;

const HOUR = 3600;
/** More owners than this are looked through for those that owe nothing any more. */
const OWNERS = 1000;

interface Level {
  readonly seconds: number;
  readonly at: number;
}

/**
 * Counts the seconds that children of an owner ran without a result: files that fail their check, or whose client
 * disconnects, cost as much as good ones and count in no other quota. One leaky bucket per owner, which drains
 * within an hour. Each service counts its own time from its start. Admins are not counted.
 */
export class FailedWork {
  readonly #most: number;
  readonly #levels = new Map<string, Level>();

  /** @param most seconds an hour of one owner */
  constructor(most: number = GENEROUS_FAILED_SECONDS) {
    this.#most = most;
  }

  /** @throws VentralError `quota-exceeded` for an owner that has used up its failed time */
  require({ role, owner }: Principal): void {
    const over = this.#level(owner) - this.#most;
    if (role === 'admin' || over < 0) return;
    throw new VentralError(
      'quota-exceeded',
      `Failed work of ${owner} took ${this.#most} seconds within the hour, the quota`,
      { retryAfter: Math.max(1, Math.ceil((over * HOUR) / Math.max(this.#most, 1))) },
    );
  }

  charge({ owner }: Principal, seconds: number): void {
    if (this.#levels.size > OWNERS)
      for (const each of this.#levels.keys())
        if (this.#level(each) === 0) this.#levels.delete(each);
    this.#levels.set(owner, { seconds: this.#level(owner) + seconds, at: performance.now() });
  }

  #level(owner: string): number {
    const { seconds, at } = this.#levels.get(owner) ?? { seconds: 0, at: 0 };
    const run = ((performance.now() - at) / 1000) * (this.#most / HOUR);
    return Math.max(0, seconds - run);
  }
}
