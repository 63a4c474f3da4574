import { setTimeout as sleep } from 'node:timers/promises';
import type { components } from '../api/schema.js';
import { codes, type ErrorCode } from '../errors/codes.js';
import { VentralError } from '../errors/ventral-error.js';
import { livingOwner, owned } from '../store/owner-lock.js';

/** Where the service that owns a home answers, and the token that opens it to commands. */
export interface ServicePlace {
  readonly url: string;
  readonly token: string;
}

const PATIENCE_MS = 30_000;

/**
 * Opens something in a home: through the service that owns it, or, where none runs, as its owner for the
 * moment. Another command's moment is waited for, and so is a service that is starting.
 * Throws `home-owned` where that takes too long.
 * @param own opens it as the owner, after waiting at most some milliseconds for another command
 */
export async function throughOwner<T>(
  home: string,
  service: (place: ServicePlace) => T,
  own: (patience: number) => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const owner = await livingOwner(home);
    if (owner?.url) return service({ url: owner.url, token: owner.token });
    try {
      if (owner?.kind !== 'service') return await own(deadline - Date.now());
      if (Date.now() > deadline) throw owned(home, owner);
    } catch (error) {
      // A service may have taken the home in between: then it is asked.
      const taken =
        error instanceof VentralError && error.code === 'home-owned' && Date.now() < deadline;
      if (!taken) throw error;
    }
    await sleep(100);
  }
}

/** What a service answered, where it did what it was asked; throws its problem otherwise. */
export function accepted(status: number, words: string): unknown {
  if (status >= 200 && status < 300) return words ? JSON.parse(words) : undefined;
  const problem = JSON.parse(words) as components['schemas']['Problem'];
  const code = problem.type.replace('/problems/', '');
  throw new VentralError(code in codes ? (code as ErrorCode) : 'internal', problem.detail);
}

/** `not-ready`, where a service cannot be reached. */
export const unreachable = (url: string, cause: unknown): VentralError =>
  new VentralError(
    'not-ready',
    `The service at ${url} does not answer: ${(cause as Error).message}`,
    { cause },
  );
