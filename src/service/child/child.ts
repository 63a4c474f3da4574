import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { programFile } from '../../formats/package-root.js';
import { traced } from '../../runtime/traced.js';
import { ChildConversation } from './child-conversation.js';
import type { ChildWork } from './child-work.js';
import { confinement, LEAST, NICE } from './confinement.js';
import { enclose } from './enclosure.js';
import { gpuVariables } from './gpu-paths.js';

export type { ChildMessage, PlainError } from './child-messages.js';

/** Variables that a child sees, beside TMPDIR. */
const allowed = [
  'PATH',
  'LANG',
  'LC_ALL',
  'TZ',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'SystemRoot',
];
/** What node maps and never touches counts in the data segment too. */
const HEADROOM = 2 ** 30;
/** The largest that there is (proc(5)): where the system lacks memory, a child goes before the service. */
const OOM_SCORE = '1000';

/**
 * Runs untrusted work in a separate process (design §8): no network and a limit on its data segment where the
 * system allows (see `confinement`), an environment from an allow-list, an empty private folder, a watch on the
 * resident memory of all its processes, a deadline, lower priority. The child exits when this process has died
 * (see `serveParent`), together with its own children. Resolves to its result; throws what it threw,
 * `memory-exceeded`, `deadline-exceeded`, `process-crashed` (a signal of the processor or an abort),
 * `process-died` (any other end without an answer, or an answer that is none), or `interrupted` where the signal
 * ended it.
 */
export async function runChild<T>(work: ChildWork): Promise<T> {
  return traced('ventral.child', { script: work.script }, () => inFolder<T>(work));
}

async function inFolder<T>(work: ChildWork): Promise<T> {
  const folder = await mkdtemp(join(work.temporary, 'child-'));
  try {
    const child = await launch(work, folder);
    return (await new ChildConversation(child, work).result) as T;
  } catch (error) {
    throw work.signal?.aborted
      ? new VentralError('interrupted', 'Interrupted', { cause: error })
      : error;
  } finally {
    // Leftovers are swept at the next start; a failed removal must not lose the answer.
    await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
}

async function launch(work: ChildWork, folder: string): Promise<ChildProcess> {
  const confined = await confinement(work.temporary);
  work.signal?.throwIfAborted();
  const script = resolve(programFile('service/work'), work.script);
  const nice = work.pause ? LEAST : NICE;
  const later = confined.later.map((word) => (word === String(NICE) ? String(nice) : word));
  const { words, own } = await enclose(
    { ...confined, later },
    {
      folder,
      limit: work.limits.memory + HEADROOM,
      command: [process.execPath, script, String(process.pid)],
      script,
      paths: work,
    },
  );
  work.signal?.throwIfAborted();
  const environment: NodeJS.ProcessEnv = { TMPDIR: own };
  // Otherwise NVIDIA's libraries may compute float32 in TF32.
  if (work.devices) environment.NVIDIA_TF32_OVERRIDE = '0';
  for (const name of work.devices ? [...allowed, ...gpuVariables] : allowed)
    if (process.env[name] !== undefined) environment[name] = process.env[name];
  const child = spawn(words[0], words.slice(1), {
    cwd: own,
    env: environment,
    // It leads its own process group, which is killed as a whole.
    detached: true,
    // One pipe for task and answer, and a silent one that closes when this process has died.
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  if (child.pid === undefined) {
    const [cause] = (await once(child, 'error')) as [Error];
    const short = VentralError.from(cause);
    if (short.code === 'not-ready') throw short;
    const message = `The process could not be started: ${cause.message}`;
    throw new VentralError('process-died', message, { cause });
  }
  stepBack(child.pid, nice, confined.later.length > 0);
  // It may be gone before it reads.
  child.stdio[4]?.on('error', () => {});
  return child;
}

/** Sets the priority right after the start, so that later threads inherit it. */
function stepBack(pid: number, nice: number, began: boolean): void {
  const attempts = [
    () => !began && setPriority(pid, nice),
    () => writeFileSync(`/proc/${pid}/oom_score_adj`, OOM_SCORE),
    // Where sessions share the processor by autogroups (sched(7)), that of the session counts.
    () => writeFileSync(`/proc/${pid}/autogroup`, String(nice)),
  ];
  for (const attempt of attempts)
    try {
      attempt();
    } catch {
      // Priority is a courtesy.
    }
}
