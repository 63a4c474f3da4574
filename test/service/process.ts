import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/formats/package-root.js';
import { type Asked, callUrl } from './running-service.js';

/** The command line, as it was built. */
export const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');

/** What a command left behind. */
export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `ventral` to its end. */
export async function ventral(...args: readonly string[]): Promise<Ended> {
  return started(spawn(process.execPath, [main, ...args])).ended;
}

/** A running process that serves. */
export interface Serving {
  readonly child: ChildProcess;
  readonly url: string;
  readonly ended: Promise<Ended>;
  call(method: string, path: string, asked?: Asked): ReturnType<typeof callUrl>;
  post(path: string, body: unknown): ReturnType<typeof callUrl>;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Ended>;
}

/** A process that works. */
export type Working = Pick<Serving, 'child' | 'ended' | 'end'>;

/** Starts `ventral worker`, or a script like it, and waits until it takes jobs. */
export async function working(databaseUrl: string, words: readonly string[]): Promise<Working> {
  const environment = { ...process.env, DATABASE_URL: databaseUrl };
  const child = spawn(process.execPath, [...words], { env: environment });
  const { ended, out } = started(child);
  await untilSaid(child, ended, out);
  return {
    child,
    ended,
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

/** `ventral worker`. */
export const work = (databaseUrl: string, home: string, ...args: readonly string[]) =>
  working(databaseUrl, [main, 'worker', '--home', home, ...args]);

async function untilSaid(
  child: ChildProcess,
  ended: Promise<Ended>,
  out: () => string,
): Promise<void> {
  while (!out().includes('\n')) {
    await Promise.race([once(child.stdout!, 'data'), ended]);
    if (child.exitCode !== null) throw new Error(`It ended: ${JSON.stringify(await ended)}`);
  }
}

/** Starts a process that prints the ready line, and waits for it. */
export function serving(script: string, ...args: readonly string[]): Promise<Serving> {
  return servingIn({}, script, ...args);
}

/** The same with more of an environment. */
export const servingIn = (
  environment: NodeJS.ProcessEnv,
  script: string,
  ...args: readonly string[]
): Promise<Serving> => servingBy([process.execPath, script, ...args], environment);

/** The same by any command. */
export async function servingBy(
  [command, ...args]: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Serving> {
  const child = spawn(command, args, { env: { ...process.env, ...environment } });
  const { ended, out } = started(child);
  await untilSaid(child, ended, out);
  const url = /^ventral is ready at (http:\/\/\S+)\n$/.exec(out())?.[1];
  if (!url) throw new Error(`It said ${out()}`);
  const call: Serving['call'] = (method, path, asked) => callUrl(`${url}${path}`, method, asked);
  return {
    child,
    url,
    ended,
    call,
    post: (path, body) =>
      call('POST', path, {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      }),
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

/** `ventral serve` on any free port. */
export const serve = (home: string, ...args: readonly string[]) =>
  serving(main, 'serve', '--home', home, '--port', '0', '--no-score-shipped', ...args);

function started(child: ChildProcess) {
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = once(child, 'close').then(
    ([status]): Ended => ({ status: status as number | null, out, err }),
  );
  return { ended, out: () => out };
}

/** Processes that a parent started for work, whether it lives or not: their first argument is its pid. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return /-child\.m?js$/.test(words.at(-3) ?? '') && words.at(-2) === String(parent);
      } catch {
        return false;
      }
    });
}

/** Processes that have a word among theirs. */
export function marked(word: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
      } catch {
        return false;
      }
    });
}
