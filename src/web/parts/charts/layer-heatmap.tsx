import { useMemo, useRef, useState } from 'preact/hooks';
import { mapFigure } from '../../../figure/map-figure.js';
import { heatFigure } from '../../../figure/map-views.js';
import type { Schemas } from '../../client/client.js';
import { csvText } from '../csv.js';
import { ExportMenu } from '../export-menu.js';
import { interval, value } from '../format.js';
import './layer-heatmap.css';
import { type BenchmarkPages, originOf } from '../benchmark-pages.js';
import { type MapColumn, mapColumns, type ShownCell, type ShownMap } from '../layer-map.js';
import { OriginChip } from '../provenance.js';
import { saveFile } from '../save.js';
import { isInside } from '../score-words.js';
import { figureItems } from './save-figure.js';

/**
 * Layers × benchmarks as a table coloured by value, each column on a scale of its own; what was chosen and
 * what is tied with it is marked, a refused cell says why below. One cell can be reached by Tab and the
 * others by the arrow keys; all numbers of a cell are in its tooltip and, under the table, beside the
 * pointer or the keyboard.
 * @param map a `LayerMap`, or as much of one as a running job has; cells that are missing are yet to come
 * @param label tells it from other maps on the page
 * @param pages of benchmarks, once they are known: where their data come from
 */
export function LayerHeatmap({
  map,
  label = MAP,
  pages,
}: {
  readonly map: ShownMap;
  readonly label?: string;
  readonly pages: BenchmarkPages | undefined;
}) {
  const grid = useRef<HTMLTableElement>(null);
  const [shown, setShown] = useState('');
  const columns = useMemo(() => mapColumns(map), [map]);
  const reasons = useMemo(() => [...new Set(columns.flatMap(reasonsOf))], [columns]);
  // Drawn when the map changes, not when the pointer moves.
  const table = useMemo(
    () => <Rows map={map} columns={columns} reasons={reasons} pages={pages} />,
    [map, pages],
  );
  const named = { ...map, name: map.name ?? 'a network' };
  const show = (event: Event) => {
    const cell = (event.target as Element).closest('td');
    if (cell) setShown(cell.title);
    return cell;
  };
  return (
    <div class="layer-heatmap">
      <Legend />
      <section class="scroll" aria-label={label}>
        <table
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: arrow keys go from cell to cell.
          role="grid"
          ref={grid}
          onPointerOver={show}
          onFocusIn={(event) => {
            const cell = show(event);
            if (cell) enterAt(grid.current, cell);
          }}
          onKeyDown={(event) => {
            const next = neighbour(event);
            if (!next) return;
            event.preventDefault();
            next.focus();
          }}
        >
          <caption>
            ◆ chosen, ○ tied with it
            {columns.some(({ floors }) => floors.size > 0) &&
              ', (…) inside its floor of permuted stimuli'}
            ; layers in network order
          </caption>
          {table}
        </table>
      </section>
      <p class="cell-shown" aria-hidden="true">
        {shown || 'Point at a cell, or move to it with the arrow keys, to see its numbers.'}
      </p>
      {reasons.length > 0 && (
        <ol class="reasons" aria-label="Why cells have no value">
          {reasons.map((reason) => (
            <li key={reason}>
              <bdi>{reason}</bdi>
            </li>
          ))}
        </ol>
      )}
      <ExportMenu
        of={label === MAP ? 'the layer map' : label}
        items={[
          { label: 'CSV', save: () => saveFile('layer-map.csv', csv(map), 'text/csv') },
          ...figureItems(() => mapFigure(named)),
          ...figureItems(() => heatFigure(named), 'Heat map'),
        ]}
      />
    </div>
  );
}

const MAP = 'Layers by benchmarks';

/** Tab comes back to the cell that was left. */
function enterAt(grid: HTMLTableElement | null, cell: HTMLTableCellElement): void {
  for (const other of grid?.querySelectorAll<HTMLElement>('td[tabindex="0"]') ?? [])
    other.tabIndex = -1;
  cell.tabIndex = 0;
}

/** The cell that a key leads to; undefined for other keys and beyond the edge. */
function neighbour({ key, target }: KeyboardEvent): HTMLElement | undefined {
  const cell = (target as Element).closest('td');
  const row = cell?.parentElement as HTMLTableRowElement | null | undefined;
  if (!cell || !row) return undefined;
  const rows = [...(row.parentElement as HTMLTableSectionElement).rows];
  const at = (line: HTMLTableRowElement | undefined, place: number) =>
    line?.querySelectorAll('td')[place];
  const [i, j] = [rows.indexOf(row), cell.cellIndex - 1];
  if (key === 'ArrowUp') return at(rows[i - 1], j);
  if (key === 'ArrowDown') return at(rows[i + 1], j);
  if (key === 'ArrowLeft') return at(row, j - 1);
  if (key === 'ArrowRight') return at(row, j + 1);
  if (key === 'Home') return at(rows[0], j);
  if (key === 'End') return at(rows.at(-1), j);
  return undefined;
}

function Legend() {
  return (
    <p class="legend">
      <span>0 or lowest</span>
      <span class="swatches" aria-hidden="true">
        {Array.from({ length: 9 }, (_, step) => (
          <i key={step} class={`q${step}`} />
        ))}
      </span>
      <span>highest of the column</span>
    </p>
  );
}

interface Table {
  readonly map: ShownMap;
  readonly columns: readonly MapColumn[];
  readonly reasons: readonly string[];
  readonly pages: BenchmarkPages | undefined;
}

function Rows({ map, columns, reasons, pages }: Table) {
  return (
    <>
      <thead>
        <tr>
          <th scope="col">Layer</th>
          {columns.map(({ benchmark, title, simulated }) => (
            <th scope="col" key={benchmark} title={benchmark}>
              <bdi>{title}</bdi>
              <OriginChip origin={originOf({ benchmark, simulated }, pages)} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {map.layers.map((row, i) => (
          <tr key={row.layer}>
            <th scope="row" title={layerTitle(row)}>
              <bdi class="layer">{row.layer}</bdi>
            </th>
            {columns.map((column, j) => (
              <Cell
                key={column.benchmark}
                layer={row.layer}
                column={column}
                reasons={reasons}
                first={i === 0 && j === 0}
              />
            ))}
          </tr>
        ))}
      </tbody>
    </>
  );
}

interface CellProps {
  readonly layer: string;
  readonly column: MapColumn;
  readonly reasons: readonly string[];
  readonly first: boolean;
}

function Cell({ layer, column, reasons, first }: CellProps) {
  const cell = column.cells.get(layer);
  const mark = column.markOf(layer);
  const floor = column.floors.get(layer);
  const inside = floor !== undefined && isInside(floor);
  const title = `${layer}, ${column.title}: ${cellText(cell)}${floorText(floor)}${mark && `, ${MARKS[mark].words}`}`;
  const common = { title, tabIndex: first ? 0 : -1 };
  if (!cell)
    return (
      <td {...common} class="pending">
        …
      </td>
    );
  if (cell.value === null)
    return (
      <td {...common} class="refused">
        – <sup>{reasons.indexOf(cell.reason) + 1}</sup>
      </td>
    );
  return (
    <td {...common} class={`q${column.step(cell.value)}${mark && ` mark-${mark}`}`}>
      {mark && <span aria-hidden="true">{MARKS[mark].sign} </span>}
      {inside ? `(${value(cell.value)})` : value(cell.value)}
    </td>
  );
}

const MARKS = {
  chosen: { sign: '◆', words: 'the chosen layer' },
  tied: { sign: '○', words: 'tied with the chosen layer' },
};

function cellText(cell: ShownCell | undefined): string {
  if (!cell) return 'not computed yet';
  if (cell.value === null) return cell.reason;
  const { ci, raw, ceiling } = cell.score;
  return [
    `value ${value(cell.value)}`,
    ...(ci ? [`95 % interval ${interval(ci)}`] : []),
    `raw ${value(raw.value)}`,
    ceiling ? `ceiling ${value(ceiling.value)}` : 'no ceiling',
  ].join(', ');
}

const floorText = (floor: Schemas['Floor'] | undefined) =>
  floor
    ? `, ${isInside(floor) ? 'inside' : 'above'} its floor: permuted stimuli reach ${value(floor.value.floor)}`
    : '';

function layerTitle({ layer, aliases, units, depth }: ShownMap['layers'][number]): string {
  return [
    layer,
    ...(aliases?.length ? [`also ${aliases.join(', ')}`] : []),
    ...(units == null ? [] : [`${units.toLocaleString()} units`]),
    ...(depth == null ? [] : [`depth ${depth}`]),
  ].join('\n');
}

const reasonsOf = ({ cells }: MapColumn) =>
  [...cells.values()].flatMap((cell) => (cell.value === null ? [cell.reason] : []));

function csv(map: ShownMap): string {
  const columns = mapColumns(map);
  const floored = columns.some(({ floors }) => floors.size > 0);
  const rows = columns.flatMap((column) =>
    map.layers.flatMap(({ layer, depth, units }) => {
      const cell = column.cells.get(layer);
      if (!cell) return [];
      const score: Partial<Schemas['Score']> = cell.value === null ? {} : cell.score;
      const [low, high] = score.ci ?? [];
      const numbers = [cell.value, low, high, score.raw?.value, score.ceiling?.value];
      const reason = cell.value === null ? cell.reason : '';
      const floor = floored ? [column.floors.get(layer)?.value.floor] : [];
      const words = [column.markOf(layer), reason];
      return [[column.benchmark, layer, depth, units, ...numbers, ...words, ...floor]];
    }),
  );
  const head = 'benchmark layer depth units value ci_low ci_high raw ceiling mark reason';
  return csvText([[...head.split(' '), ...(floored ? ['floor'] : [])], ...rows]);
}
