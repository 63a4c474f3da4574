import { readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** A folder for scratch files that belongs to one run. */
export interface ScratchFolder {
  readonly path: string;
  remove(): Promise<void>;
}

const PLACE = 'ventral.scratch';

/** Has this process, and threads that it starts from now on, keep scratch in a folder in place of HOME/tmp. */
export function keepScratchIn(folder: string): void {
  setEnvironmentData(PLACE, folder);
}

/**
 * Makes a folder under HOME/tmp (or another of the home, from which it can be renamed into place), named
 * after host and process, and takes away those that processes of this host left there when they were killed.
 */
export async function makeScratchFolder(home: string, ...folder: string[]): Promise<ScratchFolder> {
  const place = getEnvironmentData(PLACE) as string | undefined;
  const root = folder.length > 0 ? join(home, ...folder) : (place ?? join(home, 'tmp'));
  await mkdir(root, { recursive: true });
  await sweepScratch(root, ABANDONED_MS);
  const path = await mkdtemp(join(root, `scratch-${hostname()}-${pidNamespace()}.${process.pid}-`));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A day: longer than any job takes. */
const ABANDONED_MS = 24 * 3600 * 1000;

/**
 * Takes away the scratch folders under a folder that processes of this host left there when they were killed. Those
 * of processes that cannot be seen from here are left there until they are old.
 */
export async function sweepScratch(root: string, abandonedMs: number): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    const owner = /^scratch-(.+)-(?:(\d*)\.)?(\d+)-[^-]+$/.exec(name);
    if (!owner || owner[1] !== hostname()) continue;
    const path = join(root, name);
    const seen = (owner[2] ?? pidNamespace()) === pidNamespace();
    const left = seen ? !isAlive(Number(owner[3])) : await isOlder(path, abandonedMs);
    if (left) await rm(path, { recursive: true, force: true });
  }
}

/** PID namespace, within which pids are meaningful; empty if the system has none. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
  } catch {
    return '';
  }
}

const isOlder = (path: string, ms: number): Promise<boolean> =>
  stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs > ms,
    () => false,
  );

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is alive, with another user.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
