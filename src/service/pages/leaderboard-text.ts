import { stringify } from 'csv-stringify/sync';
import type { components } from '../../api/schema.js';
import { featuresWord, withWeights } from '../../report/provenance-words.js';
import { visibleName } from '../../report/visible-name.js';

type Leaderboard = components['schemas']['Leaderboard'];
type Column = Leaderboard['columns'][number];
type Item = Leaderboard['items'][number];
type Cell = string | number | boolean | null;

/**
 * A page of a leaderboard as CSV: each number of the JSON in its own column. Text that a spreadsheet
 * would take for a formula is prefixed with an apostrophe.
 */
export function leaderboardCsv({ columns, items }: Leaderboard): string {
  const header = [
    ...[
      'rank',
      'model',
      'name',
      'owner',
      'visibility',
      'weights',
      'features',
      'tied',
      'tied_with_best',
    ],
    ...['group_rank', 'rank_low', 'rank_high', 'letters', 'paired'],
    ...['parameters', 'family', 'training_data', 'date', 'licence'],
  ];
  const rows = items.map((item) => [
    ...[item.rank, item.model, item.name, item.owner, item.visibility, item.weights, item.features],
    ...[item.tied?.total ?? null, item.tied?.withBest ?? null],
    ...groupCells(item),
    ...metadataCells(item),
    ...columns.flatMap((column) => csvCells(column, item)),
  ]);
  return stringify([[...header, ...columns.flatMap(csvHeader)], ...rows], {
    escape_formulas: true,
    cast: { boolean: String },
  });
}

function groupCells({ group }: Item): Cell[] {
  const { rank = null, ranks, letters = null, paired = null } = group ?? {};
  return [rank, ...ends(ranks), letters, paired];
}

function metadataCells({ metadata }: Item): Cell[] {
  const { parameters, family, trainingData, date, licence } = metadata;
  return [parameters, family, trainingData && (trainingData.join(', ') || 'none'), date, licence];
}

const titleOf = (column: Column) => (column.kind === 'formula' ? column.formula : column.id);

function csvHeader(column: Column): string[] {
  const of = {
    average: ['n', 'm'],
    benchmark: ['error', 'selection', 'brought'],
    formula: [],
  }[column.kind];
  const title = titleOf(column);
  return [title, ...['ci_low', 'ci_high', ...of].map((part) => `${title} ${part}`)];
}

function csvCells(column: Column, item: Item): Cell[] {
  if (column.kind === 'average') {
    const { value = null, ci, n = 0, m = 0 } = item.averages[column.id] ?? {};
    return [value, ...ends(ci), n, m];
  }
  if (column.kind === 'benchmark') {
    const score = item.scores[column.id];
    const { value = null, ci, error = null, selection = null, brought = null } = score ?? {};
    return [value, ...ends(ci), error, selection, brought];
  }
  const { value = null, ci } = formulaOf(column, item) ?? {};
  return [value, ...ends(ci)];
}

const formulaOf = ({ id }: Column, { formulas }: Item): Item['formulas'][number] | undefined =>
  formulas[Number(id.replace('column.', ''))];

const ends = (ci: readonly number[] | null | undefined): [Cell, Cell] => [
  ci?.[0] ?? null,
  ci?.[1] ?? null,
];

/** A page of a leaderboard as a table in Markdown: values with their intervals, and n of m of averages. */
export function leaderboardMarkdown({ columns, items, groups }: Leaderboard): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const grouped = items.some(({ group }) => group);
  // On every page, also where its models have no places yet: pages are put together.
  const by = groups ? [`Rank by ${escaped(groups.column)}`] : [];
  const head = ['Rank', ...by, 'Model', ...columns.map((column) => escaped(headingOf(column)))];
  const rows = items.map((item) => [
    item.rank === null ? '' : String(item.rank),
    ...by.map(() => groupText(item)),
    escaped(
      item.features ? `${item.name} (${featuresWord})` : withWeights(item.name, item.weights),
    ),
    ...columns.map((column) => markdownCell(column, item)),
  ]);
  const any = (mark: 'selection' | 'brought') =>
    items.some(({ scores }) => Object.values(scores).some((one) => one[mark]));
  const notes = [
    ...(grouped && groups ? [groupNote(groups)] : []),
    ...(items.some(({ group }) => group?.paired === false) ? [UNPAIRED] : []),
    ...(any('selection') ? ['† The layer was chosen on stimuli of this benchmark.'] : []),
    ...(any('brought') ? ['‡ Computed elsewhere and submitted with a receipt.'] : []),
  ];
  return [
    line(head),
    line(head.map(() => '---')),
    ...rows.map(line),
    ...notes.flatMap((note) => ['', note]),
    '',
  ].join('\n');
}

const UNPAIRED =
  '\\* Errors are assumed to be independent: no resamples shared with other models were stored.';

function groupText({ group }: Item): string {
  if (!group) return '';
  const { rank, ranks, letters, paired } = group;
  return [`${rank} (${ranks.join('–')})`, letters, paired ? null : '\\*'].filter(Boolean).join(' ');
}

/** What the places in brackets say. */
const groupNote = ({ level, compared, state }: NonNullable<Leaderboard['groups']>) =>
  `In brackets: ${Math.round(100 * level)} % intervals of the ranks, simultaneous over all pairs of ${compared} models. Models that share a letter cannot be told apart.${state === 'stale' ? ' From earlier scores; an update is being computed.' : ''}`;

/** Uploads by their names, as readers know them; CSV has their ids, which are unique. */
const headingOf = (column: Column) =>
  column.kind === 'benchmark' ? `${column.title}${originOf(column)}` : titleOf(column);

const originOf = ({ origin }: Extract<Column, { kind: 'benchmark' }>) =>
  origin === 'uploaded' ? ' (uploaded)' : '';

function markdownCell(column: Column, item: Item): string {
  if (column.kind === 'average') {
    const average = item.averages[column.id];
    return average ? `${estimateText(average)} (${average.n} of ${average.m})`.trim() : '';
  }
  if (column.kind === 'formula') return estimateText(formulaOf(column, item));
  const score = item.scores[column.id];
  if (!score) return '';
  return `${estimateText(score)}${score.selection ? ' †' : ''}${score.brought ? ' ‡' : ''}`;
}

const decimals = (value: number) => value.toFixed(3);

function estimateText(of: Item['formulas'][number] | undefined): string {
  if (!of || of.value === null) return '';
  return of.ci
    ? `${decimals(of.value)} \\[${of.ci.map(decimals).join(', ')}\\]`
    : decimals(of.value);
}

/** Text that Markdown shows as it is. */
const escaped = (text: string) =>
  visibleName(text).replaceAll(/[\\`*_{}[\]<>#|~&!^$]/g, (character) => `\\${character}`);
