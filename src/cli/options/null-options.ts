import type { Command } from 'commander';
import { didYouMean } from '../../errors/closest-names.js';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { FloorRequest } from '../../scoring/floor/measure-floors.js';

/** What `--null` and `--null-runs` say. */
export interface NullOptions {
  readonly null: string[];
  readonly nullRuns?: string;
}

const known = ['rows', 'labels'] as const;

/** Runs that p ≤ .05 takes, and the most. */
const LEAST_RUNS = 19;
const MOST_RUNS = 9999;

/** Gives a command the options of floors. @param several reads values that are repeated or separated by commas */
export const addNullOptions = (
  command: Command,
  several: (value: string, before: string[]) => string[],
): Command =>
  command
    .option(
      '--null <nulls>',
      'floor of each score: the whole pipeline on permuted rows, labels',
      several,
      [],
    )
    .option('--null-runs <n>', 'runs of each null (default 19; 99 draw a 95 % floor)');

/**
 * The floors that a command was asked for; undefined without `--null`.
 * @throws VentralError `bad-usage`
 */
export function floorRequest(command: string, options: NullOptions): FloorRequest | undefined {
  if (options.null.length === 0) {
    if (options.nullRuns === undefined) return undefined;
    throw new VentralError('bad-usage', `${command}: --null-runs applies to --null: give it, too`);
  }
  const nulls = [...new Set(options.null)].map((name) => {
    const found = known.find((each) => each === name);
    if (found) return found;
    throw new VentralError(
      'bad-usage',
      `${command} --null: expected ${known.join(' or ')}, found ${quoted(name)}${didYouMean(name, known)}`,
      { field: '--null', expected: known.join(', '), found: name },
    );
  });
  return { nulls, runs: runsOf(command, options.nullRuns) };
}

function runsOf(command: string, given: string | undefined): number {
  const runs = given === undefined ? LEAST_RUNS : Number(given);
  if (Number.isInteger(runs) && runs >= LEAST_RUNS && runs <= MOST_RUNS) return runs;
  const expected = `a whole number from ${LEAST_RUNS} to ${MOST_RUNS}`;
  throw new VentralError(
    'bad-usage',
    `${command} --null-runs: expected ${expected} (fewer than ${LEAST_RUNS} cannot reach p = .05), found ${quoted(given ?? '')}`,
    { field: '--null-runs', expected, found: given },
  );
}
