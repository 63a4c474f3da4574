import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

const main = join(resolve(import.meta.dirname, '..', '..'), 'dist', 'program', 'cli', 'main.js');

/** What a command printed and how it ended. */
export interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts the built `ventral` command with a home of the test's own. */
export function startVentral(
  home: string,
  words: readonly string[],
  more: Readonly<Record<string, string>> = {},
): ChildProcess {
  const environment = { ...process.env, VENTRAL_HOME: home, NO_COLOR: '1', ...more };
  return spawn(process.execPath, [main, ...words], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs the built `ventral` command to its end. */
export const runVentral = (home: string, ...words: readonly string[]): Promise<Ran> =>
  endOf(startVentral(home, words));

/** What a process printed, once it has ended. */
export async function endOf(child: ChildProcess): Promise<Ran> {
  let [out, err] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  const status = await new Promise<number | null>((done) => child.once('close', done));
  return { status, out, err };
}
