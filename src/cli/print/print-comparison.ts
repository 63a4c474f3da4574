import { stringify } from 'csv-stringify/sync';
import { withWeights } from '../../figure/provenance.js';
import { interval, threeDigits } from '../../report/map-text.js';
import { visibleName } from '../../report/visible-name.js';
import type {
  Comparison,
  ComparisonRow,
  MapDivergence,
  ScoreDifference,
  SeriesComparison,
} from '../../scoring/compare/comparison-types.js';
import { generalisationLines } from '../../scoring/draws/generalisation-words.js';
import { visibleText } from '../terminal/error-text.js';
import type { Io } from '../terminal/io.js';
import { generalisationCells } from './generalisation-cells.js';
import { type PlainCell, printRows, tsv } from './print-rows.js';

const NAME_WIDTH = 32;
const LAYERS_SHOWN = 8;

/**
 * Prints a series to stdout, one line a row: checkpoint, epoch, benchmark, map, layer, numbers, notes; in a pipe as
 * TSV with the columns of CSV.
 */
export function printSeries({ fixed, rows }: SeriesComparison, io: Io): void {
  printScoreRows(rows, io, true);
  if (io.columns === undefined) return;
  if (fixed) {
    const layers = Object.entries(fixed.layers).map(([id, layer]) => `${id} ${layer}`);
    io.out(`fixed: the layers of ${visibleName(fixed.from)} (${visibleName(layers.join(', '))})\n`);
  }
  io.out('chosen: the highest value of each epoch’s own map, a selection\n');
}

/**
 * Prints models side by side to stdout: the scores, the differences from the first model, and the layers at
 * which its map and theirs diverge. In a pipe the three parts are TSV, each with its heading, with an empty line
 * between them; the first has the columns of CSV.
 */
export function printComparison(comparison: Comparison, io: Io): void {
  const { rows, models, differences, divergences } = comparison;
  const weights = new Map(models.map(({ checkpoint, weights }) => [checkpoint, weights]));
  const nameOf: NameOf = (checkpoint) =>
    withWeights(visibleName(checkpoint, NAME_WIDTH), weights.get(checkpoint));
  printScoreRows(rows, io, false, nameOf);
  if (io.columns !== undefined)
    for (const line of generalisationLines(rows)) io.out(`${visibleText(line)}\n`);
  const fromFirst = differences.filter(({ from }) => from === models[0].checkpoint);
  io.out('\n');
  const first = nameOf(models[0].checkpoint);
  printRows(
    ['benchmark', 'model', `difference from ${first}`, 'remarks'],
    fromFirst.map((each) => differenceRow(each, nameOf)),
    io,
    { head: differenceColumns, rows: fromFirst.map(differenceValues) },
  );
  io.out('\n');
  if (io.columns !== undefined) for (const each of divergences) io.out(`${divergenceLine(each)}\n`);
  else io.out(tsv({ head: divergenceColumns, rows: divergences.flatMap(divergenceValues) }));
}

const head = ['benchmark', 'map', 'layer', 'value', '95 % interval', 'raw', 'ceiling', 'remarks'];

/** What a checkpoint is called in a table. */
type NameOf = (checkpoint: string) => string;

const shortName: NameOf = (checkpoint) => visibleName(checkpoint, NAME_WIDTH);

function printScoreRows(
  rows: readonly ComparisonRow[],
  io: Io,
  epochs: boolean,
  nameOf = shortName,
): void {
  printRows(
    epochs ? ['checkpoint', 'epoch', ...head] : ['model', ...head],
    rows.map((row) => [
      nameOf(row.checkpoint),
      ...(epochs ? [String(row.epoch ?? '–')] : []),
      visibleName(row.benchmark, NAME_WIDTH),
      row.map,
      row.layer === null ? '–' : visibleName(row.layer, NAME_WIDTH),
      threeDigits(row.value),
      interval(row.ci),
      threeDigits(row.raw),
      threeDigits(row.ceiling),
      notesOf(row),
    ]),
    io,
    { head: columns, rows: rows.map(valuesOf) },
  );
}

function notesOf({ simulated, selection, reason }: ComparisonRow): string {
  const notes = [simulated && 'simulated', selection && 'selection', reason];
  return visibleName(notes.filter(Boolean).join(', '), 80);
}

function differenceRow(each: ScoreDifference, nameOf: NameOf) {
  const { benchmark, to, difference, ci, paired, p, reason } = each;
  const sure = ci && (ci[0] > 0 || ci[1] < 0) ? 'the interval excludes 0' : '';
  const notes = [
    sure,
    p === null ? '' : `p ${p < 0.001 ? 'below 0.001' : threeDigits(p)}`,
    ci && !paired ? 'not paired' : '',
    reason ?? '',
  ];
  return [
    visibleName(benchmark, NAME_WIDTH),
    nameOf(to),
    difference === null ? '–' : `${signed(difference)} (${interval(ci)})`,
    visibleName(notes.filter(Boolean).join(', '), 120),
  ];
}

const differenceColumns = [
  ...['benchmark', 'model', 'from', 'difference', 'ci_low', 'ci_high', 'reason', 'paired', 'p'],
  ...['generalises', 'drawn', 'animals'],
];

const differenceValues = (each: ScoreDifference): PlainCell[] => {
  const { benchmark, from, to, difference, ci, reason, paired, p, generalises } = each;
  return [
    ...[benchmark, to, from, difference, ci?.[0] ?? null, ci?.[1] ?? null, reason ?? null],
    ...[paired, p, ...generalisationCells(generalises)],
  ];
};

const signed = (value: number) => `${value < 0 ? '' : '+'}${threeDigits(value)}`;

const divergenceColumns = [
  ...['benchmark', 'model', 'from', 'layer', 'layer_from', 'difference', 'ci_low', 'ci_high'],
];

/** One row a layer that diverges. */
function divergenceValues({ benchmark, from, to, layers }: MapDivergence): PlainCell[][] {
  return layers
    .filter(({ diverges }) => diverges)
    .map(({ layer, other, difference, ci }) => [
      ...[benchmark, to, from, other, layer],
      ...[difference, ci[0], ci[1]],
    ]);
}

function divergenceLine({ benchmark, from, to, by, layers }: MapDivergence): string {
  const apart = layers.filter(({ diverges }) => diverges);
  const names = [benchmark, to, from].map((name) => visibleName(name, NAME_WIDTH));
  const about = `${names[0]}: the map of ${names[1]} differs from that of ${names[2]}`;
  const matched = by === 'name' ? '' : ' (matched by relative depth)';
  if (apart.length === 0) return `${about} at none of ${layers.length} layers${matched}`;
  const largest = [...apart].sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference));
  const shown = largest.slice(0, LAYERS_SHOWN).map(({ layer, other, difference }) => {
    const pair = layer === other ? layer : `${layer} / ${other}`;
    return `${visibleName(pair, NAME_WIDTH)} ${signed(difference)}`;
  });
  const more = apart.length > LAYERS_SHOWN ? ` and ${apart.length - LAYERS_SHOWN} more` : '';
  return `${about} at ${apart.length} of ${layers.length} layers${matched}: ${shown.join(', ')}${more}`;
}

const columns = [
  'checkpoint',
  'epoch',
  'benchmark',
  'layer',
  'value',
  'ci_low',
  'ci_high',
  'raw',
  'ceiling',
  'map',
  'selection',
  'simulated',
  'reason',
  'inputs',
  'generalises',
  'drawn',
  'animals',
];

const valuesOf = (row: ComparisonRow): PlainCell[] => [
  row.checkpoint,
  row.epoch,
  row.benchmark,
  row.layer,
  row.value,
  row.ci?.[0] ?? null,
  row.ci?.[1] ?? null,
  row.raw,
  row.ceiling,
  row.map,
  row.selection,
  row.simulated,
  row.reason ?? null,
  row.inputs,
  ...generalisationCells(row.generalises),
];

/** Rows as tidy CSV. A cell that a spreadsheet would take for a formula is prefixed. */
export function comparisonCsv(rows: readonly ComparisonRow[]): string {
  const lines = rows.map((row) => valuesOf(row).map((value) => value ?? ''));
  return stringify([columns, ...lines], { escape_formulas: true, cast: { boolean: String } });
}
