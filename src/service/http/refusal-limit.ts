import { setTimeout as sleep } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';
import type { Principal } from '../../store/records/principal.js';

/** Burst of refusals for an address, and the refill per second. */
const BURST = 300;
const PER_SECOND = 5;
/** Maximum number of tracked addresses; the least recently refused is evicted first. */
const MOST_ADDRESSES = 10_000;

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** A token bucket of refused credentials for each address, IPv6 by /64. */
export class RefusalLimit {
  readonly #buckets = new Map<string, Bucket>();

  /** Counts a refusal. @returns 0 if the address may have it, else the seconds that it has to wait */
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

/** Milliseconds between two refusals of one owner or address, and the longest that one waits. */
const APART_MS = 10;

const LONGEST_MS = 1000;

/** Maximum number of tracked owners and addresses; the least recently refused is evicted first. */
const MOST = 10_000;

/**
 * Spaces out refusals with Retry-After and refusals for a missing key. A single one is sent immediately; a client
 * that repeats requests in a loop, on any number of connections, cannot keep the service busy.
 */
export class RefusalPace {
  /** When the next one may be sent, by `performance.now()`. */
  readonly #next = new Map<string, number>();

  /** Resolves when a refusal of this request may be sent. */
  async wait(
    request: Request,
    response: Response<unknown, { principal?: Principal }>,
  ): Promise<void> {
    const owner = response.locals.principal?.owner;
    const who = owner ?? `address ${ipKeyGenerator(request.ip ?? '', 64)}`;
    const now = performance.now();
    const at = Math.min(Math.max(now, this.#next.get(who) ?? 0), now + LONGEST_MS);
    this.#next.delete(who);
    this.#next.set(who, at + APART_MS);
    const [oldest] = this.#next.keys();
    if (this.#next.size > MOST) this.#next.delete(oldest);
    if (at > now) await sleep(at - now, undefined, { ref: false });
  }
}
