import type { RequestHandler, Response } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';
import type { Principal } from '../../store/records/principal.js';

/**
 * Starts one request of each owner per turn of the event loop. Otherwise many requests of one owner would all
 * start before the next of another.
 */
export class FairTurns {
  /** Who waits, by owner; an owner stays here until a turn in which nothing of it waits. */
  readonly #lines = new Map<string, Set<() => void>>();

  /**
   * Resolves when the owner may start a request: immediately if it has started none in this turn.
   */
  begin(owner: string): Promise<void> {
    const line = this.#lines.get(owner);
    if (line) return new Promise((resolve) => line.add(resolve));
    if (this.#lines.size === 0) setImmediate(() => this.#turn());
    this.#lines.set(owner, new Set());
    return Promise.resolve();
  }

  #turn(): void {
    for (const [owner, line] of this.#lines) {
      const [first] = line;
      if (!first) this.#lines.delete(owner);
      else {
        line.delete(first);
        first();
      }
    }
    if (this.#lines.size > 0) setImmediate(() => this.#turn());
  }
}

/**
 * Has requests take their turns. Stands behind authentication: who needs no key has turns by address, IPv6 by
 * /64. Who left meanwhile is passed over.
 */
export function fairTurns(): RequestHandler {
  const turns = new FairTurns();
  return async (request, response: Response<unknown, { principal?: Principal }>, next) => {
    const owner = response.locals.principal?.owner;
    await turns.begin(owner ?? `address ${ipKeyGenerator(request.ip ?? '', 64)}`);
    if (!response.closed) next();
  };
}
