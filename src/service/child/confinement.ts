import { execFile } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { enclose } from './enclosure.js';
import type { Confinement, Namespaces, Privileges, RootPrograms } from './mechanisms.js';
import { syscallFilter } from './syscall-filter.js';

/** Nice value of children, out of 19. */
export const NICE = 10;
/** That of children that make way for everything else. */
export const LEAST = 19;
/**
 * User id of children of root: beyond the users of a system and of the containers of systemd
 * (systemd.io/UIDS-GIDS), so that it is unused.
 */
const CHILD_USER = 0x70000000;

/**
 * Far longer than a node process takes to start on a busy machine. A mechanism not detected in time is never
 * used.
 */
const PROBE_MS = 60_000;

const probed = new Map<number, Promise<Confinement>>();

/**
 * Finds out once for each file system what can be taken away, by doing it.
 * @param temporary folder of unfinished work, in the file system of what children write
 */
export async function confinement(temporary: string = tmpdir()): Promise<Confinement> {
  const { dev } = await stat(temporary);
  let found = probed.get(dev);
  if (!found) {
    found = probe(temporary);
    probed.set(dev, found);
    found.catch(() => probed.delete(dev));
  }
  return found;
}

/** Whether a command cannot reach a network: it has one of its own, or no sockets. */
export const isOffline = ({ namespaces, privileges }: Confinement): boolean =>
  namespaces !== undefined || privileges?.filter !== undefined;

async function probe(temporary: string): Promise<Confinement> {
  const nothing = { limiter: undefined, later: [], namespaces: undefined, privileges: undefined };
  if (process.platform !== 'linux') return nothing;
  const nice = programPath('nice');
  const own = {
    limiter: innerProgram('prlimit'),
    later: nice ? [nice, '-n', String(NICE)] : [],
    privileges: await probePrivileges(temporary),
  };
  for (const namespaces of namespaceCandidates(own.privileges)) {
    const found = { ...own, namespaces };
    if (await works(found, temporary)) return found;
  }
  const without = { ...own, namespaces: undefined };
  if (await works(without, temporary)) return without;
  return { ...without, privileges: undefined };
}

/**
 * In order of strength: root creates namespaces directly, others within a user namespace, where the system grants
 * one (unshare(1), user_namespaces(7)). Root's children run as another user where the file system maps owners
 * (mount_setattr(2)), else as root without privileges. Only a network namespace remains where no file system can
 * be mounted.
 */
function namespaceCandidates(privileges: Privileges | undefined): Namespaces[] {
  const unshare = programPath('unshare');
  if (!unshare) return [];
  const asRoot = process.getuid?.() === 0;
  const all = ['--mount', '--pid', '--net', '--ipc', '--fork', '--kill-child', '--'];
  const root = privileges && rootPrograms();
  const way = (words: string[], user?: number): Namespaces => ({
    words: [unshare, ...words],
    root: words.includes('--mount') ? root : undefined,
    user,
  });
  const apart = [
    ...(asRoot ? [way(all, CHILD_USER), way(all)] : []),
    way(['--user', '--map-root-user', ...all]),
  ];
  return [
    ...(root ? apart : []),
    ...(asRoot ? [way(['--net', '--'])] : []),
    way(['--user', '--map-current-user', '--net', '--']),
    way(['--user', '--map-root-user', '--net', '--']),
  ];
}

function rootPrograms(): RootPrograms | undefined {
  const sh = programPath('sh');
  const [mount, umount] = ['mount', 'umount'].map((name) => innerProgram(name));
  const pivot = programPath('pivot_root', administration);
  return sh && mount && umount && pivot ? { sh, mount, umount, pivot } : undefined;
}

async function probePrivileges(temporary: string): Promise<Privileges | undefined> {
  const program = innerProgram('setpriv');
  const nothing = programPath('true');
  if (!program || !nothing) return undefined;
  const takes = (...words: string[]) => succeeds([program, ...words, nothing]);
  if (!(await takes('--nnp'))) return undefined;
  const landlock = [
    ...['--nnp', '--landlock-access', 'fs'],
    ...['--landlock-rule', 'path-beneath:execute,read-file,read-dir:/'],
  ];
  const folder = await mkdtemp(join(temporary, 'filter-'));
  try {
    const filter = syscallFilter();
    const path = join(folder, 'filter');
    if (filter) await writeFile(path, filter);
    return {
      program,
      capabilities:
        process.getuid?.() === 0 && (await takes('--bounding-set=-all', '--inh-caps=-all')),
      landlock: await takes(...landlock),
      filter: filter && (await takes('--nnp', '--seccomp-filter', path)) ? filter : undefined,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether node runs in a confinement, can read and write its files, and cannot see others. */
async function works(found: Confinement, temporary: string): Promise<boolean> {
  const folder = await mkdtemp(join(temporary, 'probe-'));
  try {
    const [given, hidden] = [join(folder, 'given'), join(folder, 'hidden')];
    for (const path of [given, hidden]) await writeFile(path, 'x', { mode: 0o600 });
    const { words, own } = await enclose(found, {
      folder,
      command: [process.execPath, '-e', LOOK, given, hidden],
      script: process.execPath,
      paths: { reads: [given], writes: [] },
    });
    const [program, ...rest] = words;
    const { stdout } = await promisify(execFile)(program, rest, {
      timeout: PROBE_MS,
      env: {},
      cwd: own,
    });
    const { interfaces, hides } = JSON.parse(stdout) as { interfaces: number; hides: boolean };
    const apart = found.namespaces?.root !== undefined || found.privileges?.landlock === true;
    return (interfaces === 0 || !isOffline(found)) && (hides || !apart);
  } catch {
    return false;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const LOOK = `const { readFileSync, writeFileSync } = require('node:fs');
const able = (act) => { try { return act(); } catch { return undefined; } };
const [given, hidden] = process.argv.slice(1);
readFileSync(given);
writeFileSync('written', 'x');
const interfaces = able(() => Object.keys(require('node:os').networkInterfaces()).length) ?? 0;
console.log(JSON.stringify({ interfaces, hides: able(() => readFileSync(hidden)) === undefined }));`;

async function succeeds([program, ...words]: readonly string[]): Promise<boolean> {
  return promisify(execFile)(program, words, { timeout: PROBE_MS, env: {} }).then(
    () => true,
    () => false,
  );
}

/** Where administrators' programs are, which the PATH of others does not name. */
const administration = ['/usr/sbin', '/sbin'];

/** A program that runs within the root folder of a command, where links to it may not be. */
function innerProgram(name: string, more: readonly string[] = []): string | undefined {
  const path = programPath(name, more);
  return path && realpathSync(path);
}

function programPath(name: string, more: readonly string[] = []): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), ...more]
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
