import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A command that was run, with the memory of its processes. */
export interface FollowedRun {
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
  /** Most MiB resident in the process and its descendants at once, looked at every 20 ms. */
  readonly treeMiB: number;
  /** Most MiB resident in the process that was started. */
  readonly mainMiB: number;
  /** Processes that were alive when the tree was largest. */
  readonly processes: number;
}

const EVERY_MS = 20;
const PAGE = 4096;

/**
 * Runs a program to its end. Pages that processes share (the program itself) count in each of them.
 * @throws Error where it ends with another status than 0
 */
export async function followed(program: string, words: readonly string[]): Promise<FollowedRun> {
  const started = performance.now();
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const { pid } = child;
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
    });
  let most = { tree: 0, processes: 0 };
  let main = 0;
  let pids: readonly number[] = [];
  const look = setInterval(() => {
    const sizes = pids.map(residentBytes);
    const tree = sizes.reduce((sum, bytes) => sum + bytes, 0);
    main = Math.max(main, sizes[0] ?? 0);
    if (tree > most.tree) most = { tree, processes: sizes.length };
  }, EVERY_MS);
  const count = setInterval(() => {
    if (pid !== undefined) pids = treeOf(pid);
  }, 10 * EVERY_MS);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => {
    clearInterval(look);
    clearInterval(count);
  });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${text.stderr.slice(-2000)}`);
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
  return {
    ...text,
    seconds: (performance.now() - started) / 1000,
    ...{ treeMiB: mib(most.tree), mainMiB: mib(main), processes: most.processes },
  };
}

/** A process and its descendants, itself first. */
function treeOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? parentOf(name) : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const below = (each: number): number[] => [each, ...(children.get(each) ?? []).flatMap(below)];
  return below(pid);
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE;
  } catch {
    return 0;
  }
}
