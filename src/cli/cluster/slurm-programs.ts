import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { VentralError } from '../../errors/ventral-error.js';

/** A pilot job, as squeue(1) shows it. */
export interface Pilot {
  /** Of the array and the element: `12_3`. */
  readonly id: string;
  /** In the words of Slurm: PENDING, RUNNING, COMPLETING and so on. */
  readonly state: string;
  /** Empty while it waits. */
  readonly node: string;
  /** Time that it has run. */
  readonly elapsed: string;
  /** Time until its limit. */
  readonly left: string;
  /** Why it waits; `None` otherwise. */
  readonly reason: string;
}

/** Longer than slurmctld takes where it answers at all. */
const SECONDS = 60;
/** What the programs say of a controller that does not answer. */
const unreachable = /unable to contact|connection refused|timed out|communication|zero bytes/i;
const FIELDS = '%i|%T|%N|%M|%L|%r';

/**
 * Runs a program of Slurm.
 * @param input its standard input
 * @returns what it printed
 * @throws VentralError `bad-usage` where the program is missing or refuses, `not-ready` where the controller does
 *   not answer
 */
export async function slurm(
  program: 'sbatch' | 'squeue' | 'scancel',
  words: readonly string[],
  input = '',
): Promise<string> {
  const child = spawn(program, words, { timeout: SECONDS * 1000 });
  const ended = once(child, 'close');
  // It may end before it has read everything.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const heard = Promise.all([text(child.stdout), text(child.stderr)]);
  try {
    const [status] = (await ended) as [number | null];
    const [out, err] = await heard;
    if (status === 0) return out;
    throw refused(program, status, `${err}${out}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new VentralError(
      'bad-usage',
      `There is no ${program} on this machine: run ventral slurm where jobs of Slurm are submitted`,
    );
  }
}

function refused(program: string, status: number | null, said: string): VentralError {
  const words = said.trim().replaceAll(/\s*\n\s*/g, '; ') || `it ended with status ${status}`;
  const code = status === null || unreachable.test(said) ? 'not-ready' : 'bad-usage';
  return new VentralError(code, `${program}: ${words}`);
}

/** The pilot jobs of this user under a name. */
export async function listPilots(name: string): Promise<Pilot[]> {
  const listed = await slurm('squeue', [
    ...['--me', '--array', '--noheader'],
    ...[`--name=${name}`, `--format=${FIELDS}`],
  ]);
  return listed
    .split('\n')
    .filter((line) => line.includes('|'))
    .map((line) => {
      const [id, state, node, elapsed, left, ...reason] = line.trim().split('|');
      return { id, state, node, elapsed, left, reason: reason.join('|') };
    });
}
