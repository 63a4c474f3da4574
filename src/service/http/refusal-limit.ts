import { ipKeyGenerator } from 'express-rate-limit';

/** Refusals that an address may have at once, and those that come back to it each second. */
const BURST = 300;
const PER_SECOND = 5;
/** Addresses that are remembered; the one that was refused longest ago is forgotten first. */
const MOST_ADDRESSES = 10_000;

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** A token bucket of refused credentials for each address, IPv6 by /64. */
export class RefusalLimit {
  readonly #buckets = new Map<string, Bucket>();

  /** Counts a refusal. @returns 0 where the address may have it, else the seconds that it has to wait */
  take(address = ''): number {
    const key = ipKeyGenerator(address, 64);
    const now = performance.now() / 1000;
    const { tokens, at } = this.#buckets.get(key) ?? { tokens: BURST, at: now };
    const left = Math.min(BURST, tokens + (now - at) * PER_SECOND);
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: left < 1 ? left : left - 1, at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MOST_ADDRESSES) this.#buckets.delete(oldest);
    return left < 1 ? Math.ceil((1 - left) / PER_SECOND) : 0;
  }
}
