import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { bootId } from '../files/process-identity.js';

/** A lock that the kernel keeps, for all containers of a machine, until the process is gone, however it ends. */
export interface FileLock {
  /** Identifies the lock: equal for all processes that lock the same file under the same kernel. */
  readonly id: string;
  release(): void;
}

/** `busy`: another process has it. `unavailable`: this system or file system has no such locks. */
export type LockOutcome = FileLock | 'busy' | 'unavailable';

/**
 * Locks a file, creating it if it is missing; never waits. The flock(2) lock belongs to the open file, which this
 * process keeps: flock(1) only places the lock on the given descriptor, and exits.
 */
export async function lockFile(path: string): Promise<LockOutcome> {
  const descriptor = openSync(path, 'a', 0o600);
  try {
    const outcome = await place(descriptor);
    const mine = fstatSync(descriptor);
    const there = await stat(path).catch(() => undefined);
    // Removed or replaced since it was opened: a lock on it would exclude nobody.
    const outdated = there?.ino !== mine.ino || there.dev !== mine.dev;
    if (outcome !== 'placed' || outdated) {
      closeSync(descriptor);
      return outcome === 'unavailable' ? outcome : 'busy';
    }
    const id = `${bootId()} ${mine.dev}:${mine.ino}`;
    return { id, release: () => closeSync(descriptor) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

async function place(descriptor: number): Promise<'placed' | 'busy' | 'unavailable'> {
  const child = spawn('flock', ['-n', '-x', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
  });
  try {
    const [status] = await once(child, 'close');
    if (status === 0) return 'placed';
    return status === 1 ? 'busy' : 'unavailable';
  } catch (error) {
    if (!['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return 'unavailable';
  }
}
