import { once } from 'node:events';
import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { keepScratchIn } from '../../data/scratch-folder.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Progress } from '../../runtime/work.js';
import type { ChildMessage, PlainError } from './child-messages.js';

/** The work of a child. */
export type ChildJob<Task> = (
  task: Task,
  progress: (progress: Progress) => void,
  /** Sends a part of the result ahead. */
  part: (part: object) => void,
) => Promise<unknown>;

/** The descriptor that the parent opens for task and answer; not node's own channel, see `ChildMessages`. */
const LINE = 3;
/** The silent pipe: it closes when the parent has died. */
const LIFELINE = 4;
/** Half of what the parent passes on. */
const REPORT_MS = 50;

/**
 * The child's side of `runChild`: starts the watchdog before anything else, takes one task, answers with
 * its result or its error, and ends.
 * @param load resolves to the work; it is loaded after the watchdog runs
 */
export function serveParent<Task>(load: () => Promise<ChildJob<Task>>): void {
  const line = new Socket({ fd: LINE });
  // The parent hangs up once it has the answer, and has ended what this process started; or it is gone.
  process.exitCode = 1;
  const end = () => process.exit();
  line.once('close', end).once('error', end);
  void serve(line, load);
}

async function serve<Task>(line: Socket, load: () => Promise<ChildJob<Task>>): Promise<void> {
  const task = readLine(line);
  await startWatchdog();
  keepScratchIn(process.cwd());
  try {
    const asked = JSON.parse(await task) as Task;
    const work = await load();
    const { tell, last } = progressReporter(line);
    const result = await work(asked, tell, (part) => send(line, { kind: 'part', part }));
    last();
    answer(line, { kind: 'result', result });
  } catch (error) {
    answer(line, { kind: 'error', error: plainError(VentralError.from(error)) });
  }
}

function readLine(line: Socket): Promise<string> {
  let said = '';
  return new Promise((resolve) => {
    line.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.endsWith('\n')) resolve(said);
    });
  });
}

/** Messages of the runtime and of node when memory is exhausted. */
const noMemory =
  /bad_alloc|bad allocation|failed to allocate memory|cannot allocate memory|array buffer allocation failed|ENOMEM/i;

/**
 * An error without its cause and class, for another process. Where memory lacked it is
 * `memory-exceeded`, whoever noticed.
 */
export function plainError(error: VentralError): PlainError {
  const { cause, ...details } = error.details;
  const { message } = error;
  if (noMemory.test(message) || (cause instanceof Error && noMemory.test(cause.message))) {
    return {
      code: 'memory-exceeded',
      message: `Memory limit exceeded, raise it with --max-memory: ${message}`,
      details,
    };
  }
  return { code: error.code, message, details };
}

/**
 * Inference blocks the event loop, so a separate thread watches the parent (in a PID namespace its pid does not
 * help). Resolves when the thread is watching.
 */
async function startWatchdog(): Promise<void> {
  const code = `const { parentPort, workerData } = require('node:worker_threads');
    const { Socket } = require('node:net');
    const end = () => process.kill(process.pid, 'SIGKILL');
    new Socket({ fd: workerData }).on('error', end).on('close', end).resume();
    parentPort.postMessage('listening');`;
  const watchdog = new Worker(code, { eval: true, workerData: LIFELINE });
  await once(watchdog, 'message');
  watchdog.unref();
}

/**
 * Work may report every image; the parent gets the start of each stage, a few updates a second, and the last one.
 */
function progressReporter(line: Socket): {
  readonly tell: (progress: Progress) => void;
  readonly last: () => void;
} {
  let told = 0;
  let stage: string | undefined;
  let untold: Progress | undefined;
  const last = () => {
    if (untold) send(line, { kind: 'progress', ...untold });
    untold = undefined;
    told = Date.now();
  };
  const tell = (progress: Progress) => {
    untold = progress;
    const begins = progress.stage !== stage;
    stage = progress.stage;
    if (begins || Date.now() - told >= REPORT_MS) last();
  };
  return { tell, last };
}

function send(line: Socket, message: ChildMessage): void {
  line.write(`${JSON.stringify(message)}\n`);
}

function answer(line: Socket, message: ChildMessage): void {
  process.exitCode = 0;
  send(line, message);
}
