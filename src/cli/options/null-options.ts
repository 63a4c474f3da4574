import type { Command } from 'commander';
import { didYouMean } from '../../errors/closest-names.js';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { LEAST_RUNS, LEAST_SEEDS, type NullName } from '../../scoring/floor/floor.js';
import type { FloorRequest } from '../../scoring/floor/measure-floors.js';

/** What `--null` and `--null-runs` say. */
export interface NullOptions {
  readonly null: string[];
  readonly nullRuns?: string;
}

const nullNames: readonly NullName[] = ['rows', 'labels', 'random-weights'];

/** The most runs, and seeds of random weights. */
const MOST_RUNS = 9999;

/** How often each null is run. */
export const nullRunsOption = [
  '--null-runs <n>',
  'runs of each null (default 19, of random-weights 5; 99 draw a 95 % floor)',
] as const;

/** Gives a command the options of floors. @param several reads values that are repeated or separated by commas */
export const addNullOptions = (
  command: Command,
  several: (value: string, before: string[]) => string[],
): Command =>
  command
    .option(
      '--null <nulls>',
      'floor of each score: the whole pipeline on permuted rows or labels, or with random-weights',
      several,
      [],
    )
    .option(...nullRunsOption);

/**
 * Refuses nulls that `ventral score` cannot run.
 * @throws VentralError `bad-usage`
 */
export function checkNullUsage(
  options: NullOptions & { readonly features?: string },
  { remote }: { readonly remote: boolean },
): void {
  const asked = floorRequest('score', options);
  if (asked && remote)
    throw new VentralError(
      'bad-usage',
      'score: --null is computed here: it cannot be used with --to, --results or models of a service',
    );
  if (asked?.weights && options.features)
    throw new VentralError(
      'bad-usage',
      'score: --null random-weights draws the weights of a network: it cannot be used with --features',
    );
}

/**
 * The floors that a command was asked for; undefined without `--null`.
 * @throws VentralError `bad-usage`
 */
export function floorRequest(
  command: string,
  options: NullOptions,
  known: readonly NullName[] = nullNames,
): FloorRequest | undefined {
  if (options.null.length === 0) {
    if (options.nullRuns === undefined) return undefined;
    throw new VentralError('bad-usage', `${command}: --null-runs applies to --null: give it, too`);
  }
  const nulls = [...new Set(options.null)].map((name) => {
    const found = known.find((each) => each === name);
    if (found) return found;
    throw new VentralError(
      'bad-usage',
      `${command} --null: expected ${known.join(', ')}, found ${quoted(name)}${didYouMean(name, known)}`,
      { field: '--null', expected: known.join(', '), found: name },
    );
  });
  const exchanges = nulls.filter((name) => name !== 'random-weights');
  const least = exchanges.length > 0 ? LEAST_RUNS : LEAST_SEEDS;
  const runs = runsOf(command, options.nullRuns, least);
  return {
    ...{ nulls: exchanges, runs: runs ?? LEAST_RUNS },
    ...(exchanges.length < nulls.length ? { weights: runs ?? LEAST_SEEDS } : {}),
  };
}

function runsOf(command: string, given: string | undefined, least: number): number | undefined {
  if (given === undefined) return undefined;
  const runs = Number(given);
  if (Number.isInteger(runs) && runs >= least && runs <= MOST_RUNS) return runs;
  const expected = `a whole number from ${least} to ${MOST_RUNS}`;
  const why = least === LEAST_RUNS ? ` (fewer than ${least} cannot reach p = .05)` : '';
  throw new VentralError(
    'bad-usage',
    `${command} --null-runs: expected ${expected}${why}, found ${quoted(given)}`,
    { field: '--null-runs', expected, found: given },
  );
}
