import { createInterface } from 'node:readline/promises';
import type { Io } from './io.js';

/** Asks a question that only `y` or `yes` answers with yes; undefined where nobody is at a terminal. */
export async function confirm(question: string, io: Io): Promise<boolean | undefined> {
  if (!io.interactive || !process.stdin.isTTY) return undefined;
  const line = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => {
    line.once('close', () => resolve(''));
  });
  try {
    const answer = await Promise.race([line.question(`${question} [y/N] `), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    line.close();
  }
}
