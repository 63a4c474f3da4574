import { setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { VentralError } from '../errors/ventral-error.js';
import type { ChildMessage, ChildProgress, PlainError } from './child.js';

/** What a child does with its task. */
export type ChildJob<Task> = (
  task: Task,
  progress: (progress: ChildProgress) => void,
) => Promise<unknown>;

/**
 * The child's side of `runChild`: starts the watchdog before anything else, takes one task, answers with
 * its result or its error, and ends.
 * @param load resolves to the work; it is loaded after the watchdog runs
 */
export function serveParent<Task>(load: () => Promise<ChildJob<Task>>): void {
  startWatchdog(Number(process.argv[2]));
  process.once('disconnect', () => process.exit(1));
  try {
    setPriority(10);
  } catch {
    // Priority is a courtesy.
  }
  process.once('message', async ({ task }: { task: Task }) => {
    try {
      const work = await load();
      answer({
        kind: 'result',
        result: await work(task, (progress) => send({ kind: 'progress', ...progress })),
      });
    } catch (error) {
      answer({ kind: 'error', error: plainError(VentralError.from(error)) });
    }
  });
}

/** An error without its cause and class, for another process. */
export function plainError(error: VentralError): PlainError {
  const { cause: _cause, ...details } = error.details;
  return { code: error.code, message: error.message, details };
}

/**
 * Inference holds the event loop, so a thread of its own looks whether the parent is still there: an
 * orphan has another parent.
 */
function startWatchdog(parent: number): void {
  const code = `const { workerData } = require('node:worker_threads');
    const look = () => { if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL'); };
    look();
    setInterval(look, 100);`;
  new Worker(code, { eval: true, workerData: parent }).unref();
}

function send(message: ChildMessage): void {
  if (process.connected) process.send?.(message);
}

function answer(message: ChildMessage): void {
  process.send?.(message, () => process.exit(0));
}
