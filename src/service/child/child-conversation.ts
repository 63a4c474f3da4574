import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { VentralError } from '../../errors/ventral-error.js';
import type { Progress } from '../../runtime/work.js';
import { type ChildMessage, ChildMessages, readMessage } from './child-messages.js';
import type { ChildLimits, ChildWork } from './child-work.js';
import { stopGroup } from './pause.js';
import { killGroup, killStarted, killTree, processTree } from './process-tree.js';

const POLL_MS = 200;
const PROGRESS_MS = 100;
/** More than a child says between two looks at it: see `tellNowAndThen`. */
const MESSAGES = 1000;
/** A process that has answered, or ended, gets this long to be gone with all that it held open. */
const PARTING_MS = 1000;
const LAST_WORDS = 2000;

type Answer = Exclude<ChildMessage, { kind: 'progress' | 'part' }>;

/**
 * The parent's side of one child: sends the task, hears progress and the answer, watches memory and
 * time, and ends the child with everything that it started.
 */
export class ChildConversation {
  /** Settles once the child is gone. */
  readonly result: Promise<unknown>;
  readonly #child: ChildProcess;
  readonly #line: Duplex;
  readonly #work: Omit<ChildWork, 'script' | 'temporary' | 'reads' | 'writes'>;
  readonly #messages = new ChildMessages();
  #deadline: number;
  #stopped: { readonly since: number; readonly goOn: () => void } | undefined;
  #answer: Answer | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #killed: VentralError | undefined;
  #words = '';
  #received = 0;
  #reportedAt = 0;
  #unreported: Progress | undefined;

  /** @param child a process that was started, with a line at descriptor 3 */
  constructor(
    child: ChildProcess,
    work: Omit<ChildWork, 'script' | 'temporary' | 'reads' | 'writes'>,
  ) {
    this.#child = child;
    this.#line = child.stdio[3] as Duplex;
    this.#work = work;
    this.#deadline = Date.now() + work.limits.seconds * 1000;
    this.result = this.#run();
  }

  async #run(): Promise<unknown> {
    const { signal, pause } = this.#work;
    const obey = () => this.#obey();
    const deaf = pause?.listen(obey);
    obey();
    const abort = () => this.#kill(new VentralError('interrupted', 'Interrupted'));
    const watch = setInterval(() => void this.#look(), POLL_MS);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const ended = this.#ended();
      this.#listen();
      this.#line.write(`${JSON.stringify(this.#work.task)}\n`);
      if (signal?.aborted) abort();
      const { code, by } = await ended;
      await this.#reading;
      this.#report();
      if (this.#answer?.kind === 'result') return this.#answer.result;
      throw thrown(this.#answer) ?? this.#killed ?? died(code, by, this.#words);
    } finally {
      clearInterval(watch);
      deaf?.();
      this.#goOn();
      signal?.removeEventListener('abort', abort);
    }
  }

  #listen(): void {
    // The exit of a child that died before reading is reported elsewhere.
    this.#line.on('error', () => {});
    this.#line.on('data', (chunk: Buffer) => {
      if (this.#killed) return;
      try {
        for (const line of this.#messages.lines(chunk)) this.#read(line);
      } catch (cause) {
        this.#kill(disturbed((cause as Error).message, cause));
      }
    });
    this.#child.stderr?.on('error', () => {});
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-LAST_WORDS);
    });
  }

  /** Lines are heard in their order; reading a long one gives others their turn. */
  #read(line: string): void {
    if (++this.#received > MESSAGES) throw new RangeError('too many messages');
    this.#reading = this.#reading
      .then(async () => {
        if (!this.#killed) this.#receive(await readMessage(line));
      })
      .catch((cause) => this.#kill(disturbed(cause.message, cause)));
  }

  #receive(message: ChildMessage): void {
    if (this.#answer) return;
    if (message.kind === 'progress') {
      const { kind: _, ...progress } = message;
      this.#unreported = progress;
      if (Date.now() - this.#reportedAt >= PROGRESS_MS) this.#report();
      return;
    }
    if (message.kind === 'part') {
      this.#work.part?.(message.part);
      return;
    }
    this.#answer = message;
    killStarted(this.#child.pid as number);
    this.#line.end();
    this.#deadline = Math.min(this.#deadline, Date.now() + PARTING_MS);
  }

  /** Passes the newest progress on. */
  #report(): void {
    if (!this.#unreported) return;
    const progress = this.#unreported;
    this.#unreported = undefined;
    this.#reportedAt = Date.now();
    this.#work.progress?.(progress);
  }

  /** Stops the processes where they are to stand still, and lets them go on after. */
  #obey(): void {
    const { exitCode, signalCode, pid } = this.#child;
    const lives = exitCode === null && signalCode === null;
    if (!this.#work.pause?.on) this.#goOn();
    else if (lives) this.#stopped ??= { since: Date.now(), goOn: stopGroup(pid as number) };
  }

  #goOn(): void {
    if (!this.#stopped) return;
    this.#deadline += Date.now() - this.#stopped.since;
    this.#stopped.goOn();
    this.#stopped = undefined;
  }

  async #look(): Promise<void> {
    const { limits } = this.#work;
    this.#received = 0;
    this.#report();
    if (!this.#stopped && Date.now() > this.#deadline) return this.#kill(late(limits));
    const { resident } = await processTree(this.#child.pid as number);
    if (resident > limits.memory) this.#kill(large(resident, limits));
  }

  #kill(error: VentralError): void {
    this.#killed ??= error;
    // A reaped pid may belong to another process by now.
    const { pid, exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) killTree(pid as number);
  }

  /** Resolves when the child is gone and its last words are read. */
  #ended(): Promise<{ code: number | null; by: NodeJS.Signals | null }> {
    const child = this.#child;
    return new Promise((resolve) => {
      child.once('close', (code, by) => resolve({ code, by }));
      child.once('exit', () => {
        // Processes that it left behind may keep the pipes open.
        killGroup(child.pid as number);
        setTimeout(() => {
          this.#line.destroy();
          child.stderr?.destroy();
        }, PARTING_MS).unref();
      });
    });
  }
}

const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

const late = ({ seconds, option }: ChildLimits) =>
  new VentralError(
    'deadline-exceeded',
    `The work was stopped after ${seconds} seconds${option ? `: raise the limit of the service with ${option}` : ''}`,
  );

const large = (resident: number, { memory }: ChildLimits) =>
  new VentralError(
    'memory-exceeded',
    `The work used ${mebibytes(resident)} of memory, the limit is ${mebibytes(memory)}: raise it with --max-memory`,
  );

const disturbed = (found: string, cause: unknown) =>
  new VentralError('process-died', `The process that did the work answered with ${found}`, {
    cause,
  });

function thrown(answer: Answer | undefined): VentralError | undefined {
  if (answer?.kind !== 'error') return undefined;
  const { code, message, details } = answer.error;
  return new VentralError(code, message, details);
}

/** Signals by which the processor or the program itself ends a program that went wrong. */
const crashes: readonly (NodeJS.Signals | null)[] = [
  'SIGSEGV',
  'SIGBUS',
  'SIGILL',
  'SIGFPE',
  'SIGABRT',
  'SIGTRAP',
  'SIGSYS',
];

function died(code: number | null, signal: NodeJS.Signals | null, words: string): VentralError {
  const cause = new Error(words);
  const by = signal ?? signalOf(code);
  if (/bad_alloc|out of memory|Cannot allocate|allocation failed/i.test(words)) {
    const message = 'Memory limit exceeded: raise it with --max-memory';
    return new VentralError('memory-exceeded', message, { cause });
  }
  if (crashes.includes(by)) {
    return new VentralError('process-crashed', `The process crashed (${by})`, {
      cause,
    });
  }
  const how = by ? `by signal ${by}` : `with status ${code}`;
  return new VentralError('process-died', `The process that did the work ended ${how}`, { cause });
}

/** The signal in the exit status of a shell: 128 plus its number. */
function signalOf(code: number | null): NodeJS.Signals | null {
  const found = Object.entries(constants.signals).find(([, number]) => 128 + number === code);
  return (found?.[0] as NodeJS.Signals | undefined) ?? null;
}
