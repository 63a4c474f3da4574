import type { Cell } from 'cli-table3';
import { stringify } from 'csv-stringify/sync';
import type { Weights } from '../../activations/card/card.js';
import { withWeights } from '../../figure/provenance.js';
import { inkOn, type Rgb, shareOf, viridis } from '../../report/colour-scale.js';
import { duration } from '../../report/duration.js';
import {
  cellReason,
  chosenScore,
  insideFloor,
  isScore,
  type MapColumn,
  mapColumns,
  mapScores,
  markOf,
  onComponents,
} from '../../report/map-columns.js';
import {
  bytesText,
  interval,
  layersText,
  setText,
  thousands,
  threeDigits,
} from '../../report/map-text.js';
import { visibleName } from '../../report/visible-name.js';
import { generalisationLines } from '../../scoring/draws/generalisation-words.js';
import type { LayerMap, LayerRow, MapPlan } from '../../scoring/map/layer-map-types.js';
import type { TilesPlan } from '../../scoring/map/plan-tiles.js';
import type { Score } from '../../scoring/measure/score.js';
import { visibleText } from '../terminal/error-text.js';
import type { Io } from '../terminal/io.js';
import { drawTable, GAP } from './draw-table.js';
import { wrapText } from './fit-rows.js';
import { floorCells, floorColumns } from './floor-cells.js';
import { nestedTable, nestedText } from './print-nested.js';
import { type PlainCell, tsv } from './print-rows.js';

const NAME_WIDTH = 40;
/** Columns that the shortest layer name still gets, and the widths of units and depth. */
const LEAST_NAME = 12;
const UNITS_WIDTH = 9;
const DEPTH_WIDTH = 5;
/** A sign and a value, `● 0.246`. */
const CELL_WIDTH = 7;
const TIED_SHOWN = 6;
const signs = { chosen: '● ', tied: '○ ', '': '' } as const;

/**
 * Prints a layer map to stdout: on a terminal, a table with a heat scale, the choice for each benchmark and its
 * method; in a pipe, TSV with the columns of CSV, and after an empty line that of the held-out half.
 */
export function printMap(map: LayerMap, io: Io, weights?: Weights): void {
  const columns = mapColumns(map);
  if (io.columns !== undefined) printTable(map, columns, io.columns, io, weights);
  else printPlain(map, columns, io);
}

function printTable(
  map: LayerMap,
  columns: readonly MapColumn[],
  width: number,
  io: Io,
  weights: Weights | undefined,
): void {
  io.out(`${withWeights(visibleName(map.name), weights)}  ${map.model}\n`);
  for (const { title, benchmark, simulated } of columns) {
    const loud = simulated
      ? '  SIMULATED: a score on simulated data is evidence about the pipeline, never about a brain'
      : '';
    io.out(`${title.padEnd(8)} ${visibleName(benchmark)}${loud}\n`);
  }
  printHeat(map, columns, width, io);
  const heat = io.color ? '; colours run from 0 to the highest value of each column' : '';
  const runs = floorRuns(map);
  const floor = runs === 0 ? '' : `, (…) inside its floor: ${runs} runs on permuted rows reach it`;
  io.out(`● chosen, ○ tied with it${floor}${heat}\n\n`);
  for (const column of columns) io.out(`${choiceLine(map, column)}\n`);
  const reduced = onComponents(map);
  if (reduced) {
    io.out(`\nOn ${map.components?.count} principal components, as Brain-Score chooses:\n`);
    const own = mapColumns(reduced);
    printHeat(reduced, own, width, io);
    io.out('● chosen\n\n');
    for (const column of own) io.out(`${choiceLine(reduced, column, false)}\n`);
  }
  io.out(`\n${map.provenance.selection}\n`);
  for (const line of generalisationLines(mapScores(map))) io.out(`${visibleText(line)}\n`);
  if (map.holdout) printHoldout(map, columns, map.holdout, io);
  if (map.nested) io.out(nestedText(map, columns, map.nested));
}

/** Runs behind the floors of a map; 0 without floors. */
const floorRuns = (map: LayerMap): number =>
  Math.max(
    0,
    ...map.layers.flatMap(({ floors = {} }) =>
      Object.values(floors).map(({ rows }) => rows?.value.runs.length ?? 0),
    ),
  );

function printHeat(map: LayerMap, columns: readonly MapColumn[], width: number, io: Io): void {
  const notes = new Map<string, number>();
  const tables = parts(columns, width).map((part) =>
    heatTable(map, part, { notes, color: io.color, width }),
  );
  io.out(tables.join('\n'));
  for (const [reason, note] of notes) io.out(`[${note}] ${visibleName(reason)}\n`);
}

function printPlain(map: LayerMap, columns: readonly MapColumn[], io: Io): void {
  io.out(tsv(tableOf(map, columns)));
  const { holdout, nested } = map;
  if (nested) io.out(`\n${tsv(nestedTable(map, columns, nested))}`);
  if (!holdout) return;
  const held = columns.filter(({ benchmark }) => benchmark in holdout);
  const head = ['benchmark', 'held_out_layer', 'value', 'ci_low', 'ci_high', 'reason'];
  io.out(`\n${tsv({ head, rows: held.map((column) => heldValues(column, holdout)) })}`);
}

/** Value of a cell with the sign of its choice; '' without a value. */
function valueText(map: LayerMap, row: LayerRow, { benchmark }: MapColumn): string {
  const cell = row.cells[benchmark];
  if (!isScore(cell) || cell.value === null) return '';
  const value = threeDigits(cell.value);
  const own = insideFloor(row, benchmark) ? `(${value})` : value;
  return `${signs[markOf(map, benchmark, row.layer)]}${own}`;
}

const FIXED_WIDTH = UNITS_WIDTH + DEPTH_WIDTH + 2 * GAP;

const widthOfCells = (columns: readonly MapColumn[]) =>
  Math.max(CELL_WIDTH, ...columns.map(({ title }) => title.length)) + GAP;

/** The columns in as many tables as a terminal of that width needs. */
function parts(columns: readonly MapColumn[], width: number): MapColumn[][] {
  const room = width - LEAST_NAME - FIXED_WIDTH;
  const most = Math.max(1, Math.floor(room / widthOfCells(columns)));
  return Array.from({ length: Math.ceil(columns.length / most) }, (_, i) =>
    columns.slice(i * most, (i + 1) * most),
  );
}

interface HeatStyle {
  readonly notes: Map<string, number>;
  readonly color: boolean;
  readonly width: number;
}

function heatTable(
  map: LayerMap,
  columns: readonly MapColumn[],
  { notes, color, width }: HeatStyle,
): string {
  const room = width - FIXED_WIDTH - widthOfCells(columns) * columns.length;
  const rows = map.layers.map((row) => [
    wrapText(visibleName(row.layer, NAME_WIDTH), Math.max(LEAST_NAME, room)),
    row.units === null ? '–' : thousands(row.units),
    String(row.depth ?? '–'),
    ...heatCells(map, row, columns, notes, color),
  ]);
  return drawTable(['layer', 'units', 'depth', ...columns.map(({ title }) => title)], rows, {
    aligns: ['left', 'right', 'right', ...columns.map(() => 'right' as const)],
    compact: true,
  });
}

/** Cells of a row; neighbours that were refused for one reason share a wide cell, which shows it if it fits. */
function heatCells(
  map: LayerMap,
  row: LayerRow,
  columns: readonly MapColumn[],
  notes: Map<string, number>,
  color: boolean,
): Cell[] {
  const cells: Cell[] = [];
  for (let j = 0; j < columns.length; ) {
    const column = columns[j];
    const text = valueText(map, row, column);
    if (text !== '') {
      const value = (row.cells[column.benchmark] as Score).value ?? 0;
      const padded = text.padStart(CELL_WIDTH);
      cells.push(color ? painted(padded, viridis(shareOf(value, column.domain))) : padded);
      j++;
      continue;
    }
    const reason = cellReason(row.cells[column.benchmark]);
    const next = columns.findIndex(
      ({ benchmark }, k) =>
        k > j &&
        (valueText(map, row, columns[k]) !== '' || cellReason(row.cells[benchmark]) !== reason),
    );
    const colSpan = (next < 0 ? columns.length : next) - j;
    cells.push({ content: refusal(reason, colSpan, notes), colSpan, hAlign: 'center' });
    j += colSpan;
  }
  return cells;
}

function refusal(reason: string, span: number, notes: Map<string, number>): string {
  const shown = visibleName(reason);
  if (shown.length <= span * (CELL_WIDTH + GAP) - GAP) return shown;
  const note = notes.get(reason) ?? notes.size + 1;
  notes.set(reason, note);
  return `[${note}]`;
}

const LEVELS = [0, 95, 135, 175, 215, 255];

/** Text on the nearest of the 216 colours that every terminal of 256 colours has. */
function painted(text: string, colour: Rgb): string {
  const near = colour.map((part) => {
    const away = LEVELS.map((level) => Math.abs(level - part));
    return away.indexOf(Math.min(...away));
  });
  const [red, green, blue] = near;
  const ink = inkOn([LEVELS[red], LEVELS[green], LEVELS[blue]])[0] === 0 ? 16 : 231;
  return `\u001b[48;5;${16 + 36 * red + 6 * green + blue}m\u001b[38;5;${ink}m${text}\u001b[0m`;
}

const tiedWith = (map: LayerMap, benchmark: string): string[] => {
  const { layer, tied } = map.chosen[benchmark];
  return tied.filter((name) => name !== layer).map((name) => visibleName(name));
};

/** @param ties whether tied layers are listed */
function choiceLine(map: LayerMap, column: MapColumn, ties = true): string {
  const { title, benchmark } = column;
  if (map.chosen[benchmark] === undefined) return `${title}: no layer has a value`;
  const score = chosenScore(map, benchmark);
  const value = threeDigits(score?.value);
  const ceiling = score?.ceiling ? threeDigits(score.ceiling.value) : 'none';
  const tied = tiedWith(map, benchmark).map((name) => visibleName(name, NAME_WIDTH));
  const more = tied.length > TIED_SHOWN ? ` and ${tied.length - TIED_SHOWN} more` : '';
  const told =
    tied.length === 0 ? 'no ties' : `tied with ${tied.slice(0, TIED_SHOWN).join(', ')}${more}`;
  const selection = score?.selection ? ', selection' : '';
  const name = visibleName(map.chosen[benchmark].layer, NAME_WIDTH);
  return `${title}: ${name}, ${value} (95 % interval ${interval(score?.ci ?? null)}${selection}), ceiling ${ceiling}${ties ? `; ${told}` : ''}`;
}

type Holdout = NonNullable<LayerMap['holdout']>;

function heldValues({ benchmark }: MapColumn, holdout: Holdout): PlainCell[] {
  const held = holdout[benchmark];
  if (!isScore(held)) return [benchmark, null, null, null, null, held.reason];
  return [benchmark, held.layer, held.value, held.ci?.[0] ?? null, held.ci?.[1] ?? null, null];
}

function printHoldout(
  map: LayerMap,
  columns: readonly MapColumn[],
  holdout: Holdout,
  io: Io,
): void {
  io.out('\nThe chosen layers on the held-out half of the stimuli:\n');
  for (const column of columns) {
    if (!(column.benchmark in holdout)) continue;
    const held = holdout[column.benchmark];
    const before = threeDigits(chosenScore(map, column.benchmark)?.value);
    io.out(
      isScore(held)
        ? `${column.title}: ${visibleName(held.layer, NAME_WIDTH)}, ${threeDigits(held.value)} (95 % interval ${interval(held.ci)}); ${before} where it was chosen\n`
        : `${column.title}: ${visibleName(held.reason)}\n`,
    );
  }
}

function tilesText({ benchmark, overStimuli, overUnits, scratch, seconds }: TilesPlan): string {
  const over = [
    overStimuli > 0
      ? `${thousands(overStimuli)} layer${overStimuli === 1 ? '' : 's'} over stimuli`
      : [],
    overUnits > 0 ? `${thousands(overUnits)} layer${overUnits === 1 ? '' : 's'} over units` : [],
  ].flat();
  return `${visibleName(benchmark)}: regressions in tiles, ${over.join(', ')}, ${bytesText(scratch)} of scratch disk, about ${duration(seconds)}`;
}

/**
 * Prints the plan of a map to stderr before the work starts; with `verbose` the units of each layer.
 */
export function printPlan(plan: MapPlan, io: Io, { verbose }: { readonly verbose: boolean }): void {
  io.err(`${layersText(plan.layers)}\n`);
  if (verbose)
    for (const { layer, units } of plan.layers)
      io.err(`  ${visibleName(layer)}  ${thousands(units)}\n`);
  for (const set of plan.sets) {
    io.err(`${set.benchmarks.map((id) => visibleName(id)).join(', ')}: ${setText(set)}\n`);
    if (verbose && set.passes.length > 1)
      set.passes.forEach((pass, i) => {
        io.err(`  pass ${i + 1}: ${pass.map((layer) => visibleName(layer)).join(' ')}\n`);
      });
  }
  for (const each of plan.tiles ?? []) io.err(`${tilesText(each)}\n`);
  io.err(
    `memory ${bytesText(plan.memory)} beyond the network's own, scratch disk ${bytesText(plan.scratch)}\n`,
  );
}

const csvColumns = [
  'model',
  'layer',
  'aliases',
  'units',
  'depth',
  'benchmark',
  'region',
  'value',
  'ci_low',
  'ci_high',
  'raw',
  'ceiling',
  'chosen',
  'selection',
  'simulated',
  'reason',
  'inputs',
];

/**
 * A layer map as CSV, one line a cell, layers in the map's order. `chosen` is `chosen`, `tied` or empty;
 * `reason` says why there is no value; aliases are separated by spaces. A cell that a spreadsheet would
 * take for a formula is prefixed.
 */
export function mapCsv(map: LayerMap): string {
  const { head, rows } = tableOf(map, mapColumns(map));
  return stringify([head, ...rows], { escape_formulas: true });
}

/** Where layers are compared on principal components too, their rows follow, and a column says how many components. */
function tableOf(map: LayerMap, columns: readonly MapColumn[]) {
  const rows = valuesOf(map, columns);
  if (floorRuns(map) > 0) return withFloors(map, columns, rows);
  const reduced = onComponents(map);
  if (!reduced) return { head: csvColumns, rows };
  const own = valuesOf(reduced, columns).map((row) => [...row, map.components?.count ?? '']);
  return {
    head: [...csvColumns, 'components'],
    rows: [...rows.map((row) => [...row, '']), ...own],
  };
}

/** With the columns of the floor of permuted rows. */
function withFloors(
  map: LayerMap,
  columns: readonly MapColumn[],
  rows: readonly (string | number)[][],
) {
  const floors = map.layers.flatMap((row) =>
    columns.map(({ benchmark }) => floorCells(row.floors?.[benchmark]?.rows)),
  );
  return {
    head: [...csvColumns, ...floorColumns('rows')],
    rows: rows.map((row, i) => [...row, ...floors[i].map((cell) => cell ?? '')]),
  };
}

const valuesOf = (map: LayerMap, columns: readonly MapColumn[]) =>
  map.layers.flatMap((row) => columns.map((column) => csvRow(map, row, column)));

function csvRow(map: LayerMap, row: LayerRow, column: MapColumn): (string | number)[] {
  const { benchmark, region, simulated } = column;
  const cell = row.cells[benchmark];
  const score = isScore(cell) ? cell : undefined;
  return [
    map.name,
    row.layer,
    row.aliases?.join(' ') ?? '',
    row.units ?? '',
    row.depth ?? '',
    benchmark,
    region ?? '',
    score?.value ?? '',
    score?.ci?.[0] ?? '',
    score?.ci?.[1] ?? '',
    score?.raw.value ?? '',
    score?.ceiling?.value ?? '',
    markOf(map, benchmark, row.layer),
    score ? String(score.selection) : '',
    String(simulated),
    cellReason(cell),
    score?.provenance.inputs ?? '',
  ];
}

/**
 * The chosen layers as Brain-Score's `region_layer_map/<model>.json` holds them, `{"V1": "blocks.3.0", …}`.
 * The first benchmark of a region in the map decides, by the choice on principal components where the map has one; behaviour has
 * no entry there.
 */
export function regionLayerMap(map: LayerMap): Record<string, string> {
  const layers: Record<string, string> = {};
  const parts = new Set(partsChosen(map).map(({ layer }) => layer));
  for (const { region, benchmark } of mapColumns(map)) {
    const chosen = (map.components?.chosen ?? map.chosen)[benchmark];
    if (region !== null && chosen !== undefined && !parts.has(chosen.layer))
      layers[region] ??= chosen.layer;
  }
  return layers;
}

/** Rows of parts of layers that were chosen: Brain-Score records whole layers. */
export function partsChosen(map: LayerMap): LayerRow[] {
  const chosen = Object.values(map.components?.chosen ?? map.chosen).map(({ layer }) => layer);
  return map.layers.filter(({ layer, part }) => part !== undefined && chosen.includes(layer));
}
