import { stringify } from 'csv-stringify/sync';
import { interval, threeDigits } from '../../report/map-text.js';
import { visibleName } from '../../report/visible-name.js';
import type {
  Comparison,
  ComparisonRow,
  MapDivergence,
  ScoreDifference,
  SeriesComparison,
} from '../../scoring/compare/comparison-types.js';
import type { Io } from '../terminal/io.js';
import { printRows } from './print-rows.js';

const NAME_WIDTH = 32;
const LAYERS_SHOWN = 8;

/** Prints a series to stdout, one line a row: checkpoint, epoch, benchmark, map, layer, numbers, notes. */
export function printSeries({ fixed, rows }: SeriesComparison, io: Io): void {
  printScoreRows(rows, io, true);
  if (!io.interactive) return;
  if (fixed) {
    const layers = Object.entries(fixed.layers).map(([id, layer]) => `${id} ${layer}`);
    io.out(`fixed: the layers of ${visibleName(fixed.from)} (${visibleName(layers.join(', '))})\n`);
  }
  io.out('chosen: the highest value of each epoch’s own map, a selection\n');
}

/**
 * Prints models side by side to stdout: the scores, the differences from the first model, and the layers at
 * which its map and theirs diverge. In a pipe the three parts are tab-separated lines with an
 * empty line between them.
 */
export function printComparison(comparison: Comparison, io: Io): void {
  const { rows, models, differences, divergences } = comparison;
  printScoreRows(rows, io, false);
  const fromFirst = differences.filter(({ from }) => from === models[0].checkpoint);
  io.out('\n');
  printRows(
    ['benchmark', 'model', `difference from ${visibleName(models[0].checkpoint, NAME_WIDTH)}`, ''],
    fromFirst.map((each) => differenceRow(each, io)),
    io,
  );
  io.out('\n');
  if (io.interactive) for (const each of divergences) io.out(`${divergenceLine(each)}\n`);
  else printRows([], divergences.flatMap(divergenceRows), io);
}

const head = ['benchmark', 'map', 'layer', 'value', '95 % interval', 'raw', 'ceiling', ''];

function printScoreRows(rows: readonly ComparisonRow[], io: Io, epochs: boolean): void {
  const width = io.interactive ? NAME_WIDTH : Number.POSITIVE_INFINITY;
  printRows(
    epochs ? ['checkpoint', 'epoch', ...head] : ['model', ...head],
    rows.map((row) => [
      visibleName(row.checkpoint, width),
      ...(epochs ? [String(row.epoch ?? '–')] : []),
      visibleName(row.benchmark, width),
      row.map,
      row.layer === null ? '–' : visibleName(row.layer, width),
      threeDigits(row.value),
      interval(row.ci),
      threeDigits(row.raw),
      threeDigits(row.ceiling),
      notesOf(row),
    ]),
    io,
  );
}

function notesOf({ simulated, selection, reason }: ComparisonRow): string {
  const notes = [simulated && 'simulated', selection && 'selection', reason];
  return visibleName(notes.filter(Boolean).join(', '), 80);
}

function differenceRow({ benchmark, to, difference, ci, reason }: ScoreDifference, io: Io) {
  const width = io.interactive ? NAME_WIDTH : Number.POSITIVE_INFINITY;
  const sure = ci && (ci[0] > 0 || ci[1] < 0) ? 'the interval excludes 0' : '';
  return [
    visibleName(benchmark, width),
    visibleName(to, width),
    difference === null ? '–' : `${signed(difference)} (${interval(ci)})`,
    reason === undefined ? sure : visibleName(reason, 80),
  ];
}

const signed = (value: number) => `${value < 0 ? '' : '+'}${threeDigits(value)}`;

/** Benchmark, the two models, the two layers, difference, interval: one row a layer that diverges. */
function divergenceRows({ benchmark, from, to, layers }: MapDivergence): string[][] {
  return layers
    .filter(({ diverges }) => diverges)
    .map(({ layer, other, difference, ci }) =>
      [benchmark, from, to, layer, other, signed(difference), interval(ci)].map((word) =>
        visibleName(word),
      ),
    );
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
];

/** Rows as tidy CSV. A cell that a spreadsheet would take for a formula is prefixed. */
export function comparisonCsv(rows: readonly ComparisonRow[]): string {
  const lines = rows.map((row) => [
    row.checkpoint,
    row.epoch ?? '',
    row.benchmark,
    row.layer ?? '',
    row.value ?? '',
    row.ci?.[0] ?? '',
    row.ci?.[1] ?? '',
    row.raw ?? '',
    row.ceiling ?? '',
    row.map,
    String(row.selection),
    String(row.simulated),
    row.reason ?? '',
    row.inputs ?? '',
  ]);
  return stringify([columns, ...lines], { escape_formulas: true });
}
