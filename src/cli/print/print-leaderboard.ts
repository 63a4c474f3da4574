import type { components } from '../../api/schema.js';
import { reasonWords } from '../../figure/rank-reasons.js';
import { type FactName, facts, factText } from '../../report/fact-words.js';
import type { Io } from '../terminal/io.js';
import { type PlainCell, printRows } from './print-rows.js';

type Board = components['schemas']['Leaderboard'];
type History = components['schemas']['RankHistory'];
type Correlations = components['schemas']['BenchmarkCorrelations'];

/** Averages that are columns, under the names of real benchmarks. */
const averages = ['average', 'neural', 'V1', 'V2', 'V4', 'IT', 'behavior'];

/** The table of a leaderboard: rank, model, what was asked of its card, averages. */
export function printLeaderboard(
  { columns, items, models, total }: Board,
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
  const rows = items.map(({ rank, rankShared, name, weights, metadata, averages: of, scores }) => [
    ...[`${rankShared ? '=' : ''}${rank ?? '–'}`, name, weights ?? ''],
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

const digits = (value: number | null) => (value === null ? '–' : value.toFixed(3));

/** A rank over time with the reasons of each change. */
export function printRankHistory({ points }: History, io: Io): void {
  const rows = points.map((point) => ({ ...point, why: reasonWords(point).join('; ') }));
  printRows(
    ['date', 'rank', 'value', 'why'],
    rows.map(({ date, rank, of, value, why }) => [
      ...[date, rank === null ? '–' : `${rank} of ${of}`, digits(value), why],
    ]),
    io,
    {
      head: ['date', 'rank', 'of', 'value', 'why'],
      rows: rows.map(({ date, rank, of, value, why }) => [date, rank, of, value, why]),
    },
  );
}

type Correlation = Correlations['pairs'][number]['pearson'];
const correlationText = (found: Correlation) =>
  found
    ? `${found.value.toFixed(2)} [${(found.ci ?? []).map((end) => end.toFixed(2)).join(', ')}]`
    : '–';
const correlationCells = (found: Correlation) => [
  ...[found?.value ?? null, found?.ci?.[0] ?? null, found?.ci?.[1] ?? null],
];

/** Pairs of benchmarks that models have in common. */
export function printCorrelations({ pairs }: Correlations, io: Io): void {
  const common = pairs.filter(({ n }) => n > 0);
  printRows(
    ['benchmark', 'benchmark', 'models', 'Pearson', 'Spearman'],
    common.map(({ benchmarks: [first, second], n, pearson, spearman }) => [
      ...[first, second, String(n), correlationText(pearson), correlationText(spearman)],
    ]),
    io,
    {
      head: [
        ...['benchmark', 'other', 'models', 'pearson', 'pearson_low', 'pearson_high'],
        ...['spearman', 'spearman_low', 'spearman_high'],
      ],
      rows: common.map(({ benchmarks: [first, second], n, pearson, spearman }) => [
        ...[first, second, n, ...correlationCells(pearson), ...correlationCells(spearman)],
      ]),
    },
  );
}
