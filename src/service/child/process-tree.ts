import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** A process with all that it started, and the memory that they hold together. */
export interface ProcessTree {
  readonly pids: readonly number[];
  /** Bytes of resident memory. */
  readonly resident: number;
}

/**
 * Inspects a process and its descendants: by /proc on Linux (proc(5)), by `ps` elsewhere. If both fail, the memory
 * is 0.
 */
export async function processTree(root: number): Promise<ProcessTree> {
  if (process.platform !== 'linux') return treeByPs(root);
  const pids = linuxTree(root);
  return { pids, resident: pids.reduce((sum, pid) => sum + linuxResident(pid), 0) };
}

/** Kills the living leader of a process group, its group, and those of its descendants that left it. */
export function killTree(leader: number): void {
  // After the leader has died, its descendants cannot be identified.
  const pids = process.platform === 'linux' ? linuxTree(leader) : [leader];
  for (const pid of [-leader, ...pids]) kill(pid);
}

/** Kills the descendants of a running process. */
export function killStarted(root: number): void {
  if (process.platform !== 'linux') return;
  for (const pid of linuxTree(root).slice(1)) kill(pid);
}

/** Kills the rest of a group whose leader has died. */
export function killGroup(leader: number): void {
  kill(-leader);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone.
  }
}

function linuxTree(root: number): number[] {
  const pids = [root];
  for (const pid of pids) pids.push(...linuxChildren(pid));
  return pids;
}

function linuxChildren(pid: number): number[] {
  return threadsOf(pid).flatMap((thread) =>
    textOf(`/proc/${pid}/task/${thread}/children`)
      .split(' ')
      .filter((word) => word !== '')
      .map(Number),
  );
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function linuxResident(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

/** A file of /proc; nothing where the process or thread has ended meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function treeByPs(root: number): Promise<ProcessTree> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,rss=']);
    return treeOf(root, stdout);
  } catch {
    return { pids: [root], resident: 0 };
  }
}

/** Reads what `ps -A -o pid=,ppid=,rss=` prints: kibibytes of memory in the last column (POSIX). */
export function treeOf(root: number, listing: string): ProcessTree {
  const rows = listing
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const pids = [root];
  for (const pid of pids) {
    pids.push(...rows.filter(([own, parent]) => parent === pid && own !== pid).map(([own]) => own));
  }
  const held = rows.filter(([pid]) => pids.includes(pid));
  return { pids, resident: held.reduce((sum, [, , kibibytes]) => sum + kibibytes * 1024, 0) };
}
