import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { residentBytes } from './resident-bytes.js';
import { Finding } from './target.js';

/** What a reader is asked, or a command line. */
export type Asked =
  | { readonly reader: string; readonly path: string }
  | { readonly words: readonly string[] };

export interface ReaderAnswer {
  /** `ok`, or the code of the error that a reader threw. */
  readonly code?: string;
  readonly message?: string;
  /** How a command ended. */
  readonly status?: number;
  readonly out?: string;
  readonly err?: string;
}

/** A file of a few megabytes may not need more. */
const MOST_MEMORY = 2.5 * 2 ** 30;
const HEAP_MEBIBYTES = 1024;

/** A process that reads hostile files: one that dies, hangs or grows is a finding, and is replaced. */
export class ReaderProcess {
  #child: ChildProcess | undefined;
  #words = '';
  /** Most bytes that it held between cases. */
  peak = 0;

  async ask(asked: Asked | 'collect', seconds: number): Promise<ReaderAnswer> {
    const child = this.#child ?? (await this.#start());
    const watch = setInterval(() => {
      this.peak = Math.max(this.peak, residentBytes(child.pid));
      if (residentBytes(child.pid) > MOST_MEMORY) fail(`holds ${residentBytes(child.pid)} bytes`);
    }, 50);
    let fail: (why: string) => void = () => {};
    try {
      return await new Promise((resolve, reject) => {
        fail = (why) => {
          child.kill('SIGKILL');
          // The next case must not wait on one that is dying.
          if (this.#child === child) this.#child = undefined;
          reject(new Finding(`the reader ${why}\n${this.#words}`));
        };
        const deadline = setTimeout(() => fail(`found no end in ${seconds} s`), seconds * 1000);
        const ended = (status: number | null, signal: string | null) =>
          fail(`died (${signal ?? status})`);
        child.once('exit', ended);
        child.once('message', ({ answer }: { answer: ReaderAnswer }) => {
          clearTimeout(deadline);
          child.off('exit', ended);
          resolve(answer);
        });
        child.send({ asked });
      });
    } finally {
      clearInterval(watch);
    }
  }

  /** Bytes that it holds once garbage is gone. */
  async collected(): Promise<number> {
    for (let times = 0; times < 3; times++) await this.ask('collect', 10);
    return residentBytes(this.#child?.pid);
  }

  async #start(): Promise<ChildProcess> {
    this.#words = '';
    const child = fork(join(import.meta.dirname, 'reader-child.mjs'), {
      execArgv: ['--expose-gc', `--max-old-space-size=${HEAP_MEBIBYTES}`],
      env: { ...process.env, NO_COLOR: '1', VENTRAL_HOME: undefined },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-3000);
    });
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    await once(child, 'message');
    this.#child = child;
    return child;
  }

  end(): void {
    this.#child?.kill('SIGKILL');
  }
}
