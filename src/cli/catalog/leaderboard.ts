import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type FactName, factNames, facts, factText } from '../../figure/fact-words.js';
import { type FactQuery, readFactFilter } from '../../leaderboard/fact-filter.js';
import { globalOptions } from '../options/global-options.js';
import { namedService, reachService, type ServiceOptions } from '../options/service-option.js';
import { type PlainCell, printRows } from '../print/print-rows.js';
import type { Io } from '../terminal/io.js';

type Leaderboard = components['schemas']['Leaderboard'];

const filters = ['weights', ...factNames] as const;
const formats = { csv: 'text/csv', markdown: 'text/markdown', json: 'application/json' } as const;

/** Options of `ventral leaderboard`. */
interface BoardOptions extends ServiceOptions {
  readonly simulated?: boolean;
  readonly search?: string;
  readonly sort?: string;
  readonly limit: string;
  readonly csv?: boolean;
  readonly markdown?: boolean;
  readonly json?: boolean;
}

/** `ventral leaderboard`: the board of a service, filtered as its page is. */
export function registerLeaderboard(program: Command, io: Io): void {
  const command = program
    .command('leaderboard')
    .description('show the leaderboard of a service, filtered by what cards say of models')
    .option(
      '--to <service>',
      'address of the service, or home (default: VENTRAL_SERVICE, else the service of the own home)',
    )
    .option('--key-file <file>', 'file that holds a key of the service (or VENTRAL_KEY)')
    .option('--simulated', 'simulated benchmarks instead of real ones')
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

async function board(command: Command, io: Io): Promise<void> {
  const options = command.optsWithGlobals<BoardOptions & Record<string, unknown>>();
  const asked = Object.keys(formats) as (keyof typeof formats)[];
  const [format, ...others] = asked.filter((name) => options[name]);
  if (others.length > 0)
    throw new VentralError(
      'bad-usage',
      `leaderboard: --${format} and --${others[0]} exclude each other`,
    );
  if (!/^\d{1,3}$/.test(options.limit) || Number(options.limit) < 1 || Number(options.limit) > 200)
    throw new VentralError(
      'bad-usage',
      `--limit: expected a number from 1 to 200, found "${options.limit}"`,
    );
  const { query, shown } = queryOf(options);
  const warn = (line: string) => io.err(line);
  const service = await reachService(
    namedService(options) ?? 'home',
    options,
    globalOptions(command).home,
    warn,
  );
  const { accepted, askService } = await import('../../service/access/service-client.js');
  const headers = { Accept: formats[format ?? 'json'] };
  const response = await askService(await service(), 'GET', `/v1/leaderboard?${query}`, {
    headers,
  });
  const body = await text(response);
  if (response.statusCode !== 200) accepted(response.statusCode ?? 0, body);
  if (format === undefined) printLeaderboard(JSON.parse(body) as Leaderboard, shown, io);
  else io.out(format === 'json' ? `${JSON.stringify(JSON.parse(body), null, 2)}\n` : body);
}

/**
 * The query, and the facts that are columns: those that are filtered or sorted by.
 * @throws VentralError `invalid-request` with the name of a filter that cannot be read
 */
function queryOf(options: BoardOptions & Record<string, unknown>) {
  const query = new URLSearchParams({ limit: options.limit });
  if (options.simulated) query.set('simulated', 'true');
  for (const name of ['search', 'sort'] as const) {
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

/** Averages that are columns, under the names of real benchmarks. */
const averages = ['average', 'neural', 'V1', 'V2', 'V4', 'IT', 'behavior'];

/** The table of a leaderboard: rank, model, what was asked of its card, averages. */
export function printLeaderboard(
  { columns, items, models, total }: Leaderboard,
  shown: readonly FactName[],
  io: Io,
): void {
  const nodes = columns.flatMap((column) => {
    const title = column.id === 'simulated' ? 'average' : column.id.replace(/^simulated\./, '');
    const own = column.kind === 'average' && averages.includes(title);
    const beside = column.kind === 'benchmark' && column.parent === null;
    return own
      ? [{ id: column.id, title }]
      : beside
        ? [{ id: column.id, title: column.title }]
        : [];
  });
  const heads = [
    'rank',
    'model',
    'weights',
    ...shown.map((fact) => facts[fact].title.toLowerCase()),
  ];
  const head = [...heads, ...nodes.map(({ title }) => title)];
  const rows = items.map(({ rank, name, weights, metadata, averages: of, scores }) => [
    ...[rank === null ? '–' : String(rank), name, weights ?? ''],
    ...shown.map((fact) => factText(fact, metadata) ?? ''),
    ...nodes.map(({ id }) => (of[id] ?? scores[id])?.value?.toFixed(3) ?? '–'),
  ]);
  // A pipe gets a line for each column, with numbers in full.
  const plain = items.flatMap(({ rank, name, weights, metadata, averages: of, scores }) => {
    const told = shown.map((fact) =>
      fact === 'parameters' ? metadata.parameters : (factText(fact, metadata) ?? null),
    );
    return nodes.map(({ id, title }): PlainCell[] => [
      ...[rank, name, weights, ...told],
      ...[title, (of[id] ?? scores[id])?.value ?? null],
    ]);
  });
  const plainHead = ['rank', 'model', 'weights', ...shown, 'column', 'value'];
  printRows(head, rows, io, { head: plainHead, rows: plain });
  const of = models < total ? `${models} of ${total} models` : `${total} models`;
  io.err(`${of}${items.length < models ? `, ${items.length} shown (--limit)` : ''}\n`);
}
