import { placeOn, tickTexts, valueAxis } from './axis.js';
import { ink, type Shape } from './drawing.js';
import type { FigureRow, RowsPanel } from './figure.js';
import { ceilingLine, dot, intervalLine, signAt, stampAt } from './signs.js';
import { textWidth, wrapText } from './text-width.js';

const SIZE = 7;
const LINE = 8.2;
const NOTE = 6;
/** Between a label and the axis. */
const SPACE = 5;

/** Width of the labels of rows, the space to the axis included; what is longer than `most` is broken over lines. */
export function labelWidth(panels: readonly RowsPanel[], most: number): number {
  const widest = panels.flatMap(({ rows }) =>
    rows.flatMap(({ label, note }) => [textWidth(label, SIZE), textWidth(note ?? '', NOTE)]),
  );
  return Math.min(Math.max(0, ...widest) + SPACE, most);
}

interface RowsPlace {
  readonly width: number;
  /** Whether panels beside this one have a stamp, which takes a line above the rows. */
  readonly stamped: boolean;
  /** Where the labels are: left of the panel, in its own left part, or with the first panel. */
  readonly labels: 'beside' | 'within' | 'none';
  readonly labelWidth: number;
}

/** Rows with their values, the axis below them. */
export function rowsPanel(panel: RowsPanel, place: RowsPlace) {
  const left = place.labels === 'within' ? place.labelWidth : 0;
  const top = place.stamped ? 9 : 0;
  const labels = panel.rows.map((row) => labelOf(row, place.labelWidth - SPACE));
  const tops = [top];
  for (const [i, { height }] of labels.entries()) tops.push(tops[i] + height);
  const bottom = tops[tops.length - 1] + 1;
  const numbers = panel.rows.flatMap(({ value, ci }) => [value ?? 0, ...(ci ?? [])]);
  const axis = valueAxis(numbers, Math.floor((place.width - left) / 24));
  const x = placeOn(axis, left + 2, place.width - 4);
  const y = (i: number) => (tops[i] + tops[i + 1]) / 2;
  const shapes: Shape[] = [
    ...grid(panel, { axis, x, bottom, right: place.width, left }),
    ...panel.rows.flatMap((row, i) => estimateOf(row, x, y(i), left)),
  ];
  if (place.labels !== 'none') {
    const end = place.labels === 'within' ? left - SPACE : -SPACE;
    for (const [i, { lines }] of labels.entries())
      for (const { text, size, down, fill } of lines)
        shapes.push({
          ...{ kind: 'text', at: [end, tops[i] + down], text, size, fill, anchor: 'end' },
        });
  }
  const title = wrapText(panel.valueTitle, SIZE, place.width - left);
  title.forEach((text, i) => {
    shapes.push({
      ...{ kind: 'text', at: [(left + place.width) / 2, bottom + 18 + i * 8], text, size: SIZE },
      ...{ fill: ink.text, anchor: 'middle' },
    });
  });
  return { shapes, height: bottom + 12 + title.length * 8 };
}

interface Grid {
  readonly axis: ReturnType<typeof valueAxis>;
  readonly x: (value: number) => number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** The ticks, the ceiling where the axis reaches it, and the stamp of simulated data. */
function grid(panel: RowsPanel, { axis, x, bottom, left, right }: Grid): Shape[] {
  const texts = tickTexts(axis);
  const shapes: Shape[] = axis.ticks.flatMap((tick, i): Shape[] => [
    {
      ...{ kind: 'line', stroke: tick === 0 ? ink.faint : ink.rule, width: 0.5 },
      points: [
        [x(tick), 0],
        [x(tick), bottom],
      ],
    },
    {
      ...{ kind: 'text', at: [x(tick), bottom + 8], text: texts[i], size: 6, fill: ink.text },
      anchor: 'middle',
    },
  ]);
  shapes.push({
    ...{ kind: 'line', stroke: ink.faint, width: 0.5 },
    points: [
      [left, bottom],
      [right, bottom],
    ],
  });
  if (panel.ceilings?.length && axis.high >= 1) shapes.push(ceilingLine([x(1), 0], [x(1), bottom]));
  if (panel.simulated) shapes.push(...stampAt([right - 1, 7]));
  return shapes;
}

function estimateOf(
  { value, ci, mark, floor }: FigureRow,
  x: (value: number) => number,
  y: number,
  left: number,
): Shape[] {
  if (value === null) return signAt('missing', [left + 4, y]);
  const marked = mark === 'chosen' || mark === 'tied' ? ink.curves[1] : ink.curves[0];
  const colour = floor?.inside ? ink.faint : marked;
  const at = [x(value), y] as const;
  const ground = floor?.value ?? null;
  return [
    ...(ground === null ? [] : signAt('floor', [x(ground), y])),
    ...(ci ? [intervalLine([x(ci[0]), y], [x(ci[1]), y], colour)] : []),
    ...(mark ? signAt(mark, at) : [dot(at, colour)]),
  ];
}

/** The lines of a label and its note, and how high they are together. */
function labelOf({ label, note }: FigureRow, width: number) {
  const parts = [
    ...wrapText(label, SIZE, width).map((text) => ({ text, size: SIZE, fill: ink.text })),
    ...(note === undefined ? [] : wrapText(note, NOTE, width)).map((text) => ({
      ...{ text, size: NOTE, fill: ink.faint },
    })),
  ];
  const lines = parts.map((part, i) => ({ ...part, down: 6.6 + i * LINE }));
  return { lines, height: Math.max(1, parts.length) * LINE + (parts.length > 1 ? 2 : 0.6) };
}
