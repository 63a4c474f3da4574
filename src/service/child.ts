import { type ChildProcess, fork } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import type { ErrorCode } from '../errors/codes.js';
import { type ErrorDetails, VentralError } from '../errors/ventral-error.js';
import { packageRoot } from '../formats/package-root.js';

/** How much a child may use. */
export interface ChildLimits {
  /** Bytes of resident memory at which it is killed. */
  readonly memory: number;
  readonly seconds: number;
}

/** A piece of work for a child process. */
export interface ChildWork {
  /** Compiled module of `src/service` that does it, such as `score-child.js`. */
  readonly script: string;
  /** Sent to it as JSON. */
  readonly task: unknown;
  /** Folder in which the child gets an empty one of its own. */
  readonly temporary: string;
  readonly limits: ChildLimits;
  readonly signal?: AbortSignal;
  readonly progress?: (progress: ChildProgress) => void;
}

/** How far the work is. */
export interface ChildProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/** What a child says to its parent. */
export type ChildMessage =
  | ({ readonly kind: 'progress' } & ChildProgress)
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'error'; readonly error: PlainError };

/** A VentralError as it crosses between processes. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Omit<ErrorDetails, 'cause'>;
}

const allowed = [
  'PATH',
  'LANG',
  'LC_ALL',
  'TZ',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'SystemRoot',
];
const POLL = 200;
const HEADROOM = 2 ** 30;

/**
 * Runs untrusted work in a process of its own (design §8): an environment from an allow-list, an empty
 * private folder, a limit on its data segment where `prlimit` is there, a watch on its resident memory,
 * a deadline, and lower priority. The child ends itself when this process is gone (see `serveParent`).
 * Resolves to its result; throws what it threw, `memory-exceeded`, `deadline-exceeded`, `process-died`,
 * or `interrupted` where the signal ended it.
 */
export async function runChild<T>(work: ChildWork): Promise<T> {
  const folder = await mkdtemp(join(work.temporary, 'child-'));
  try {
    work.signal?.throwIfAborted();
    return (await converse(start(work, folder), work)) as T;
  } catch (error) {
    throw work.signal?.aborted
      ? new VentralError('interrupted', 'Interrupted', { cause: error })
      : error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function start(work: ChildWork, folder: string): ChildProcess {
  const environment: NodeJS.ProcessEnv = { TMPDIR: folder };
  for (const name of allowed)
    if (process.env[name] !== undefined) environment[name] = process.env[name];
  const limiter = prlimit();
  const node = limiter
    ? { execPath: limiter, execArgv: [`--data=${work.limits.memory + HEADROOM}`, process.execPath] }
    : { execArgv: [] };
  return fork(resolve(packageRoot, 'dist', 'src', 'service', work.script), [String(process.pid)], {
    ...node,
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

function prlimit(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'prlimit'))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function converse(child: ChildProcess, work: ChildWork): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let answer: Exclude<ChildMessage, { kind: 'progress' }> | undefined;
    let killed: VentralError | undefined;
    let words = '';
    const kill = (error: VentralError) => {
      killed ??= error;
      child.kill('SIGKILL');
    };
    const abort = () => kill(new VentralError('interrupted', 'Interrupted'));
    const watch = watchChild(child, work.limits, kill);
    work.signal?.addEventListener('abort', abort, { once: true });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-2000);
    });
    child.on('message', (message: ChildMessage) => {
      if (message.kind !== 'progress') answer = message;
      else work.progress?.({ stage: message.stage, done: message.done, total: message.total });
    });
    child.once('error', (cause) => {
      killed ??= new VentralError(
        'process-died',
        `The process could not be started: ${cause.message}`,
        { cause },
      );
    });
    child.once('close', (code, signal) => {
      clearInterval(watch);
      work.signal?.removeEventListener('abort', abort);
      if (answer?.kind === 'result') resolve(answer.result);
      else reject(killed ?? (answer ? rebuilt(answer.error) : died(code, signal, words)));
    });
    child.send({ task: work.task }, () => {
      // A child that died before it could read is told of by its close.
    });
  });
}

function watchChild(
  child: ChildProcess,
  limits: ChildLimits,
  kill: (error: VentralError) => void,
): NodeJS.Timeout {
  const deadline = Date.now() + limits.seconds * 1000;
  return setInterval(() => {
    if (Date.now() > deadline) {
      kill(
        new VentralError('deadline-exceeded', `The work was ended after ${limits.seconds} seconds`),
      );
    }
    const resident = residentBytes(child.pid);
    if (resident > limits.memory) {
      const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
      kill(
        new VentralError(
          'memory-exceeded',
          `The work held ${mebibytes(resident)} of memory, it may hold ${mebibytes(limits.memory)}: give more with --max-memory`,
        ),
      );
    }
  }, POLL);
}

/** Resident memory by /proc/PID/status (proc(5)); 0 where the system does not tell. */
function residentBytes(pid: number | undefined): number {
  try {
    return (
      Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) *
      1024
    );
  } catch {
    return 0;
  }
}

const rebuilt = ({ code, message, details }: PlainError) =>
  new VentralError(code, message, details);

function died(code: number | null, signal: NodeJS.Signals | null, words: string): VentralError {
  const how = signal ? `by signal ${signal}` : `with status ${code}`;
  const memory = /bad_alloc|out of memory|Cannot allocate|allocation failed/i.test(words);
  if (memory)
    return new VentralError(
      'memory-exceeded',
      'The work needs more memory than it may use: give more with --max-memory',
      { cause: new Error(words) },
    );
  return new VentralError('process-died', `The process that did the work ended ${how}`, {
    cause: new Error(words),
  });
}
