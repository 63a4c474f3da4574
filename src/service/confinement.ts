import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** What this system lets us take away from a process, as the command words that do it. */
export interface Confinement {
  /** Path of `prlimit`, which limits the data segment; undefined where it is not there. */
  readonly limiter: string | undefined;
  /** Words that run a command with lower priority from its first thread on; empty where there are none. */
  readonly later: readonly string[];
  /** Words that run a command without any network; undefined where the system does not allow it. */
  readonly offline: readonly string[] | undefined;
}

/** Of 19, by which children stand back. */
export const NICE = 10;

/** Longer than a node process takes to start on a busy machine. */
const PROBE_MS = 10_000;

let probed: Promise<Confinement> | undefined;

/** Finds out once what can be taken away, by doing it. */
export function confinement(): Promise<Confinement> {
  probed ??= probe();
  return probed;
}

async function probe(): Promise<Confinement> {
  if (process.platform !== 'linux') return { limiter: undefined, later: [], offline: undefined };
  const limiter = programPath('prlimit');
  const nice = programPath('nice');
  const later = nice ? [nice, '-n', String(NICE)] : [];
  const unshare = programPath('unshare');
  const ways = unshare ? waysOffline(unshare) : [];
  for (const offline of ways) {
    if (await isOffline(offline)) return { limiter, later, offline };
  }
  return { limiter, later, offline: undefined };
}

/**
 * A network namespace of its own, in which even loopback is down: root makes one, others within a user
 * namespace, where the system grants them one (unshare(1), user_namespaces(7)).
 */
function waysOffline(unshare: string): string[][] {
  const asUser = ['--map-current-user', '--map-root-user'].map((mapping) => [
    unshare,
    '--user',
    mapping,
    '--net',
    '--',
  ]);
  return process.getuid?.() === 0 ? [[unshare, '--net', '--'], ...asUser] : asUser;
}

async function isOffline(words: readonly string[]): Promise<boolean> {
  const [program, ...rest] = words;
  const ask = 'Object.keys(require("node:os").networkInterfaces()).length';
  try {
    const { stdout } = await promisify(execFile)(program, [...rest, process.execPath, '-p', ask], {
      timeout: PROBE_MS,
      env: {},
    });
    return stdout.trim() === '0';
  } catch {
    return false;
  }
}

function programPath(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
