import { setTimeout as sleep } from 'node:timers/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { livingOwner, owned } from '../../store/home/owner-lock.js';
import type { ServicePlace } from './service-client.js';

const PATIENCE_MS = 30_000;

/**
 * Opens something in a home: through the service that owns it, or, where none runs, as its owner for the
 * moment. Waits for other commands and for a service that is starting.
 * @throws VentralError `home-owned` where that takes too long, and where the service has no socket (Windows, or a
 *   ventral before this one)
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
    if (owner?.url) {
      if (!owner.socket) throw owned(home, owner);
      return service({ url: owner.url, socket: owner.socket });
    }
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
