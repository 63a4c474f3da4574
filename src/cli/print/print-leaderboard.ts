import type { components } from '../../api/schema.js';
import { reasonWords } from '../../figure/rank-reasons.js';
import type { Io } from '../terminal/io.js';
import { printRows } from './print-rows.js';

type Board = Pick<components['schemas']['Leaderboard'], 'columns' | 'items'>;
type History = components['schemas']['RankHistory'];
type Correlations = components['schemas']['BenchmarkCorrelations'];

/** Averages that a terminal shows: those down to regions. */
const SHOWN = /^(?:average|neural|V1|V2|V4|IT|behavior|engineering)$/;

const shortId = (id: string) => (id === 'simulated' ? 'average' : id.replace(/^simulated\./, ''));
const digits = (value: number | null) => (value === null ? '–' : value.toFixed(3));

/** Ranks and averages; a pipe gets a line for each average of each model, in full. */
export function printLeaderboard({ columns, items }: Board, io: Io): void {
  const averages = columns.filter(({ kind }) => kind === 'average').map(({ id }) => id);
  const shown = averages.filter((id) => SHOWN.test(shortId(id)));
  const averageOf = (item: Board['items'][number], id: string) => item.averages[id]?.value ?? null;
  printRows(
    ['rank', 'model', ...shown.map(shortId)],
    items.map((item) => [
      `${item.rankShared ? '=' : ''}${item.rank ?? '–'}`,
      item.name,
      ...shown.map((id) => digits(averageOf(item, id))),
    ]),
    io,
    {
      head: ['rank', 'model', 'name', 'owner', 'average', 'value', 'n', 'm'],
      rows: items.flatMap(({ rank, model, name, owner, averages: found }) =>
        averages.map((id) => {
          const { value = null, n = 0, m = 0 } = found[id] ?? {};
          return [rank, model, name, owner, id, value, n, m];
        }),
      ),
    },
  );
}

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
