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
 * Counts the seconds that children of an owner ran without a result: files that fail their check, or whose
 * client leaves, cost as much as good ones and are in no other quota. A leaky bucket an owner: what an
 * hour may hold runs out within an hour. It is the time of this host that is counted, so that every
 * service counts for itself, from its start on. Admins are not counted.
 */
export class FailedWork {
  readonly #most: number;
  readonly #levels = new Map<string, Level>();

  /** @param most seconds an hour of one owner */
  constructor(most: number = GENEROUS_FAILED_SECONDS) {
    this.#most = most;
  }

  /** @throws VentralError `quota-exceeded` for an owner whose work has failed for as long as it may */
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
