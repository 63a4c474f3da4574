import { ink, type Point, type Shape, type Tip } from '../drawing.js';
import type { HeatPanel } from '../figure.js';
import { heatColour } from '../heat-colours.js';
import { block, lozengeSign, signAt } from '../signs.js';
import { textWidth, wrapText } from '../text-width.js';

const NAME = 6;
const LINE = 7;
const SPACE = 4;
/** Names of columns longer than this are broken over lines; they read upward. */
const LONGEST = 110;
/** A column narrower than its number does not show it. */
const NUMBER = 16;
const WIDEST = 60;

/** How many columns have room for their names, `columns` or fewer. */
export function heatColumns(panel: HeatPanel, width: number): number {
  const room = width - rowsWidth(panel, width);
  return Math.max(1, Math.floor(room / Math.max(12, ...panel.columns.map(nameWidth))));
}

const nameWidth = (column: HeatPanel['columns'][number]): number =>
  LINE * headLines(column).length + 2;

/** The name, and where its data are from. */
const headLines = ({ name, simulated }: HeatPanel['columns'][number]): string[] => [
  ...wrapText(name, NAME, LONGEST),
  ...(simulated ? ['simulated'] : []),
];

const rowsWidth = ({ rows }: HeatPanel, width: number): number =>
  Math.min(Math.max(0, ...rows.map((row) => textWidth(row, NAME))) + SPACE, 0.45 * width);

/** Rows by columns, coloured from 0 (or the lowest) to the highest of a column; a cross has no value. */
export function heatPanel(panel: HeatPanel, { width }: { readonly width: number }) {
  const left = rowsWidth(panel, width);
  const heads = panel.columns.map(headLines);
  const top =
    Math.max(0, ...heads.flat().map((line) => textWidth(line, NAME))) + (heads.length > 0 ? 5 : 0);
  const widest = Math.max(WIDEST, ...panel.columns.map(nameWidth));
  const each = Math.min(widest, (width - left) / Math.max(1, panel.columns.length));
  const labels = panel.rows.map((row) => wrapText(row, NAME, left - SPACE));
  const tops = [top];
  for (const [i, lines] of labels.entries()) tops.push(tops[i] + LINE * lines.length + 1.4);
  const edges = (column: number) => [left + each * column, left + each * (column + 1)] as const;
  const shapes: (Shape | Tip)[] = [
    ...labels.flatMap((lines, row) =>
      lines.map(
        (text, i): Shape => ({
          ...{ kind: 'text', at: [left - SPACE, tops[row] + 5.8 + LINE * i], text, size: NAME },
          ...{ fill: ink.text, anchor: 'end' },
        }),
      ),
    ),
    ...heads.flatMap((lines, column) => headShapes(lines, edges(column), top)),
    ...panel.columns.flatMap(({ cells, name }, column) => {
      const colour = scaleOf(cells.map(({ value }) => value));
      return cells.flatMap((cell, row): (Shape | Tip)[] => {
        const [start, end] = edges(column);
        const across: Point = [start, end];
        const down: Point = [tops[row], tops[row + 1]];
        const middle: Point = [(start + end) / 2, (down[0] + down[1]) / 2];
        const text = `${panel.rows[row]}, ${name}: ${cell.value === null ? 'no value' : cell.value.toFixed(3)}${cell.mark ? `, ${cell.mark}` : ''}`;
        return [...cellShapes(cell, colour, across, down), { kind: 'tip', at: middle, text }];
      });
    }),
  ];
  return { shapes, height: tops[tops.length - 1] + 2 };
}

function headShapes(
  lines: readonly string[],
  [start, end]: readonly [number, number],
  top: number,
): Shape[] {
  const from = (start + end - LINE * lines.length) / 2;
  return lines.map((text, i) => ({
    ...{ kind: 'text', at: [from + LINE * i + 5.4, top - 3], text, size: NAME, upward: true },
    fill: text === 'simulated' && i === lines.length - 1 && i > 0 ? ink.simulated : ink.text,
  }));
}

function scaleOf(values: readonly (number | null)[]): (value: number) => number {
  const known = values.filter((value) => value !== null);
  const [low, high] = [Math.min(0, ...known), Math.max(0, ...known)];
  return (value) => (high > low ? (value - low) / (high - low) : 0);
}

function cellShapes(
  { value, mark }: HeatPanel['columns'][number]['cells'][number],
  share: (value: number) => number,
  [start, end]: Point,
  [top, bottom]: Point,
): Shape[] {
  const middle = (top + bottom) / 2;
  const edge = [[start, end] as const, [top, bottom] as const] as const;
  if (value === null)
    return [
      { ...block(...edge, ink.ground), stroke: ink.rule },
      ...signAt('missing', [(start + end) / 2, middle]),
    ];
  const { fill, words } = heatColour(share(value));
  const cell: Shape = { ...block(...edge, fill), stroke: ink.ground };
  const number = value.toFixed(2).replace('-', '−');
  const inside = end - start >= Math.max(NUMBER, textWidth(number, NAME) + 2);
  const marked = mark === 'chosen' || mark === 'tied';
  const text: Shape = {
    ...{ kind: 'text', at: [end - 2, middle + 2.2], text: number, size: NAME, fill: words },
    anchor: 'end',
  };
  return [
    cell,
    ...(inside ? [text] : []),
    ...(marked ? markShapes(mark, words, { start, end, middle, alone: !inside }) : []),
  ];
}

interface MarkPlace {
  readonly start: number;
  readonly end: number;
  readonly middle: number;
  /** Whether the cell shows no number. */
  readonly alone: boolean;
}

/** A lozenge of what was chosen, a ring of what is tied with it: before the number, or in its place. */
function markShapes(
  mark: 'chosen' | 'tied',
  colour: string,
  { start, end, middle, alone }: MarkPlace,
): Shape[] {
  if (!alone && end - start < 24) {
    // No room beside the number: a line under it.
    const points: Point[] = [
      [start + 2, middle + 3.4],
      [end - 2, middle + 3.4],
    ];
    const dash = mark === 'tied' ? { dash: [1, 1] as const } : {};
    return [{ kind: 'line', points, stroke: colour, width: 0.75, ...dash }];
  }
  const at: Point = [alone ? (start + end) / 2 : start + 3.5, middle];
  return lozengeSign(mark === 'chosen', at, colour);
}
