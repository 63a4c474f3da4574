import type { Command } from 'commander';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { globalOptions } from '../options/global-options.js';
import { namedService, reachService, type ServiceOptions } from '../options/service-option.js';
import {
  printCorrelations,
  printLeaderboard,
  printRankHistory,
} from '../print/print-leaderboard.js';
import type { Io } from '../terminal/io.js';

interface LeaderboardOptions extends ServiceOptions {
  readonly at?: string;
  readonly history?: string;
  readonly column?: string;
  readonly correlations?: boolean;
  readonly simulated?: boolean;
  readonly set?: string;
  readonly json?: boolean;
}

/** `ventral leaderboard`: the board of a service, of now or an earlier date, a rank over time, and correlations of benchmarks. */
export function registerLeaderboard(program: Command, io: Io): void {
  program
    .command('leaderboard')
    .description('show the leaderboard of a service, now or at an earlier date')
    .option('--at <date>', 'as it was at the end of that day (UTC), or at a date-time')
    .option('--history <model>', 'the rank of a model over time, and why it changed')
    .option('--column <id>', 'the column to rank by; default: the first')
    .option('--correlations', 'how alike benchmarks order models')
    .option('--simulated', 'simulated benchmarks instead of real ones')
    .option('--set <set>', 'private or public: the set of an experiment that has both')
    .option('--json', 'print JSON')
    .option(
      '--to <service>',
      'URL of the service; default: VENTRAL_SERVICE, else the one that runs in the home',
    )
    .option('--key-file <file>', 'file that holds a key of the service; default: VENTRAL_KEY')
    .action((options: LeaderboardOptions, command: Command) => leaderboard(options, command, io));
}

/** @throws VentralError `bad-usage` for options that do not go together */
function checkUsage({ at, history, column, correlations }: LeaderboardOptions): void {
  const refuse = (sentence: string) => new VentralError('bad-usage', `leaderboard: ${sentence}`);
  if (history !== undefined && at !== undefined)
    throw refuse('--history has all dates: leave --at out');
  if (correlations && (history ?? at ?? column) !== undefined)
    throw refuse('--correlations cannot be used with --history, --at or --column');
}

async function leaderboard(options: LeaderboardOptions, command: Command, io: Io): Promise<void> {
  checkUsage(options);
  const { home } = globalOptions(command);
  const { callService } = await import('../../service/access/service-client.js');
  const place = await (
    await reachService(namedService(options) ?? 'home', options, home, io.err)
  )();
  const ask = async <T>(path: string, query: Readonly<Record<string, string | undefined>>) => {
    const values = Object.entries(query).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    return (await callService(place, 'GET', `/v1${path}?${new URLSearchParams(values)}`)).body as T;
  };
  const { set, simulated, json } = options;
  const common = { set, ...(simulated ? { simulated: 'true' } : {}) };
  const print = <T>(found: T, table: (found: T, io: Io) => void) =>
    json ? io.out(`${JSON.stringify(found, null, 2)}\n`) : table(found, io);
  if (options.correlations)
    return print(await ask<Correlations>('/benchmarks/correlations', common), printCorrelations);
  if (options.history !== undefined) {
    const query = { ...common, model: options.history, column: options.column };
    return print(await ask<History>('/leaderboard/history', query), printRankHistory);
  }
  const board = await wholeBoard((cursor) =>
    ask<Board>('/leaderboard', {
      ...{ ...common, at: options.at, limit: '200', cursor },
      sort: options.column && `-${options.column}`,
    }),
  );
  print(board, printLeaderboard);
  if (board.reconstructed)
    io.err(
      'ventral: changes were not recorded yet at that date: names, visibilities and versions are those known later\n',
    );
}

type Board = components['schemas']['Leaderboard'];
type History = components['schemas']['RankHistory'];
type Correlations = components['schemas']['BenchmarkCorrelations'];

/** All pages as one. */
async function wholeBoard(page: (cursor: string | undefined) => Promise<Board>): Promise<Board> {
  const board = await page(undefined);
  const items = [...board.items];
  for (let { next } = board; next !== null; ) {
    const more = await page(next);
    items.push(...more.items);
    next = more.next;
  }
  return { ...board, items, next: null };
}
