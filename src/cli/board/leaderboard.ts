import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type FactQuery, readFactFilter } from '../../leaderboard/fact-filter.js';
import { factNames, facts } from '../../report/fact-words.js';
import { globalOptions } from '../options/global-options.js';
import { namedService, reachService, type ServiceOptions } from '../options/service-option.js';
import {
  printCorrelations,
  printLeaderboard,
  printRankHistory,
} from '../print/print-leaderboard.js';
import type { Io } from '../terminal/io.js';

type Leaderboard = components['schemas']['Leaderboard'];
type History = components['schemas']['RankHistory'];
type Correlations = components['schemas']['BenchmarkCorrelations'];

const filters = ['weights', ...factNames] as const;
const formats = { csv: 'text/csv', markdown: 'text/markdown', json: 'application/json' } as const;

/** Options of `ventral leaderboard`. */
interface BoardOptions extends ServiceOptions {
  readonly at?: string;
  readonly history?: string;
  readonly column?: string;
  readonly correlations?: boolean;
  readonly set?: string;
  readonly simulated?: boolean;
  readonly search?: string;
  readonly sort?: string;
  readonly limit: string;
  readonly csv?: boolean;
  readonly markdown?: boolean;
  readonly json?: boolean;
}

/**
 * `ventral leaderboard`: the board of a service, filtered as its page is, of now or an earlier date; a rank over time, and
 * correlations of benchmarks.
 */
export function registerLeaderboard(program: Command, io: Io): void {
  const command = program
    .command('leaderboard')
    .description('show the leaderboard of a service, now or at an earlier date')
    .option(
      '--to <service>',
      'address of the service, or home (default: VENTRAL_SERVICE, else the service of the own home)',
    )
    .option('--key-file <file>', 'file that holds a key of the service (or VENTRAL_KEY)')
    .option('--at <date>', 'as it was at the end of that day (UTC), or at a date-time')
    .option('--history <model>', 'the rank of a model over time, and why it changed')
    .option('--column <id>', 'the column to rank by with --history; default: the first')
    .option('--correlations', 'how alike benchmarks order models')
    .option('--simulated', 'simulated benchmarks instead of real ones')
    .option('--set <set>', 'private or public: the set of an experiment that has both')
    .option('--search <words>', 'models with all of these words in their name')
    .option('--sort <column>', 'a column, name, or one of the filters below; - before it descends')
    .option('--limit <models>', 'most models shown, at most 200', '50');
  for (const name of filters) {
    const example = name === 'weights' ? 'trained,!random' : facts[name].example;
    command.option(
      `--${name.replace('_', '-')} <choices>`,
      `only models of these: a comma is or, ! is not (${example})`,
    );
  }
  command
    .option('--csv', 'print CSV with every column')
    .option('--markdown', 'print a table in Markdown')
    .option('--json', 'print JSON')
    .action(() => board(command, io));
}

/** @throws VentralError `bad-usage` for options that do not go together */
function checkUsage({ limit, ...options }: BoardOptions): void {
  const { at, history, column, correlations, csv, markdown } = options;
  const refuse = (sentence: string) => new VentralError('bad-usage', `leaderboard: ${sentence}`);
  const [format, other] = formatsOf(options);
  if (other) throw refuse(`--${format} and --${other} exclude each other`);
  if (history !== undefined && at !== undefined)
    throw refuse('--history has all dates: leave --at out');
  if (column !== undefined && history === undefined)
    throw refuse('--column goes with --history; --sort orders the board');
  if (correlations && (history ?? at) !== undefined)
    throw refuse('--correlations cannot be used with --history or --at');
  if ((correlations || history !== undefined) && (csv || markdown))
    throw refuse('--csv and --markdown print the board alone: leave them out');
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > 200)
    throw new VentralError(
      'bad-usage',
      `--limit: expected a number from 1 to 200, found "${limit}"`,
    );
}

const formatsOf = (options: Pick<BoardOptions, keyof typeof formats>) =>
  (Object.keys(formats) as (keyof typeof formats)[]).filter((name) => options[name]);

async function board(command: Command, io: Io): Promise<void> {
  const options = command.optsWithGlobals<BoardOptions & Record<string, unknown>>();
  checkUsage(options);
  const [format] = formatsOf(options);
  const { set, simulated, history: model, column } = options;
  const warn = (line: string) => io.err(line);
  const { home } = globalOptions(command);
  const service = await reachService(namedService(options) ?? 'home', options, home, warn);
  const { accepted, askService, callService } = await import(
    '../../service/access/service-client.js'
  );
  if (options.correlations || model !== undefined) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ set, model, column, simulated }))
      if (value !== undefined) query.set(name, String(value));
    const path = model === undefined ? '/benchmarks/correlations' : '/leaderboard/history';
    const { body } = await callService(await service(), 'GET', `/v1${path}?${query}`);
    if (format === 'json') io.out(`${JSON.stringify(body, null, 2)}\n`);
    else if (model === undefined) printCorrelations(body as Correlations, io);
    else printRankHistory(body as History, io);
    return;
  }
  const { query, shown } = queryOf(options);
  const headers = { Accept: formats[format ?? 'json'] };
  const response = await askService(await service(), 'GET', `/v1/leaderboard?${query}`, {
    headers,
  });
  const body = await text(response);
  if (response.statusCode !== 200) accepted(response.statusCode ?? 0, body);
  if (format !== undefined)
    return io.out(format === 'json' ? `${JSON.stringify(JSON.parse(body), null, 2)}\n` : body);
  const found = JSON.parse(body) as Leaderboard;
  printLeaderboard(found, shown, io);
  if (found.reconstructed)
    io.err(
      'ventral: changes were not recorded yet at that date: names, visibilities and versions are those known later\n',
    );
}

/**
 * The query, and the facts that are columns: those that are filtered or sorted by.
 * @throws VentralError `invalid-request` with the name of a filter that cannot be read
 */
function queryOf(options: BoardOptions & Record<string, unknown>) {
  const query = new URLSearchParams({ limit: options.limit });
  if (options.simulated) query.set('simulated', 'true');
  for (const name of ['search', 'sort', 'at', 'set'] as const) {
    const value = options[name];
    if (value !== undefined) query.set(name, value);
  }
  for (const name of filters) {
    const value = options[name === 'training_data' ? 'trainingData' : name];
    if (value !== undefined) query.set(name, String(value));
  }
  readFactFilter(Object.fromEntries(query) as FactQuery);
  const by = options.sort?.replace(/^-/, '');
  return { query, shown: factNames.filter((name) => query.has(name) || name === by) };
}
