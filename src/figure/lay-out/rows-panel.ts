import { placeOn, roundAxis, spacedTicks, valueAxis } from '../axis.js';
import { ink, type Shape, type Tip } from '../drawing.js';
import type { FigureRow, RowsPanel } from '../figure.js';
import { block, ceilingLine, dot, intervalLine, openDot, signAt, stampAt } from '../signs.js';
import { styleOf, symbolAt } from '../symbols.js';
import { estimateText, textWidth, wrapText } from '../text-width.js';

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

/** Room that an axis needs beside words; without it they are left out. */
const LEAST_AXIS = 60;

/** Rows with their values, the axis below them. */
export function rowsPanel(panel: RowsPanel, place: RowsPlace) {
  const left = place.labels === 'within' ? place.labelWidth : 0;
  const top = place.stamped ? 9 : 0;
  const labels = panel.rows.map((row) => labelOf(row, place.labelWidth - SPACE));
  const tops = [top];
  for (const [i, { height }] of labels.entries()) tops.push(tops[i] + height);
  const bottom = tops[tops.length - 1] + 1;
  const right = place.width - wordsWidth(panel, place.width - left);
  const axis = axisOf(panel, Math.floor((right - left) / 24));
  const x = placeOn(axis, left + 4, right - 5);
  const y = (i: number) => (tops[i] + tops[i + 1]) / 2;
  const shapes: (Shape | Tip)[] = [
    ...grid(panel, { axis, x, bottom, right, left }),
    ...(panel.differences ? groupRules(panel, tops, place.width) : []),
    ...panel.rows.flatMap((row, i) => [
      ...samplesOf(row, x, [tops[i], tops[i + 1]]),
      ...estimateOf(row, x, y(i), left),
    ]),
    ...panel.rows.map((row, i): Tip => tipOf(panel, row, [x(row.value ?? axis.low), y(i)])),
  ];
  if (right < place.width)
    for (const [i, { words }] of panel.rows.entries())
      if (words !== undefined)
        shapes.push({
          ...{ kind: 'text', at: [place.width, y(i) + 2.2], text: words, size: NOTE },
          ...{ fill: ink.text, anchor: 'end' },
        });
  if (place.labels !== 'none') {
    const end = place.labels === 'within' ? left - SPACE : -SPACE;
    for (const [i, { lines }] of labels.entries())
      for (const { text, size, down, fill } of lines)
        shapes.push({
          ...{ kind: 'text', at: [end, tops[i] + down], text, size, fill, anchor: 'end' },
        });
  }
  const title = wrapText(panel.valueTitle, SIZE, right - left);
  title.forEach((text, i) => {
    shapes.push({
      ...{ kind: 'text', at: [(left + right) / 2, bottom + 18 + i * 8], text, size: SIZE },
      ...{ fill: ink.text, anchor: 'middle' },
    });
  });
  return { shapes, height: bottom + 12 + title.length * 8 };
}

function axisOf({ rows, differences }: RowsPanel, most: number) {
  const numbers = rows.flatMap(({ value, ci, samples, band, floor }) => [
    ...[value ?? 0, ...(ci ?? []), ...(samples ?? []), floor?.value ?? 0],
    ...(band ? [band.low, band.high, band.mean ?? band.low] : []),
  ]);
  if (!differences) return valueAxis(numbers, most);
  return roundAxis(Math.min(0, ...numbers), Math.max(0, ...numbers), most);
}

/** Room for the words right of the axis; 0 where there are none, or where they leave too little of it. */
function wordsWidth({ rows }: RowsPanel, width: number): number {
  const widest = Math.max(0, ...rows.map(({ words }) => textWidth(words ?? '', NOTE)));
  return widest > 0 && width - widest - SPACE >= LEAST_AXIS ? widest + SPACE : 0;
}

const tipOf = ({ title }: RowsPanel, row: FigureRow, at: Tip['at']): Tip => ({
  ...{ kind: 'tip', at },
  text:
    row.tip ??
    `${[title, row.label, row.note].filter(Boolean).join(', ')}: ${row.words ?? estimateText(row)}`,
});

interface Grid {
  readonly axis: ReturnType<typeof valueAxis>;
  readonly x: (value: number) => number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** The ticks, the ceiling where the axis reaches it, and the stamp of simulated data. */
function grid(panel: RowsPanel, { axis, x, bottom, left, right }: Grid): Shape[] {
  const shapes: Shape[] = axis.ticks.map((tick) => ({
    ...{ kind: 'line', stroke: tick === 0 ? ink.faint : ink.rule, width: 0.5 },
    points: [
      [x(tick), 0],
      [x(tick), bottom],
    ],
  }));
  for (const { middle, text } of spacedTicks(axis, x, { left, right, size: NOTE }))
    shapes.push({
      ...{ kind: 'text', at: [middle, bottom + 8], text, size: NOTE, fill: ink.text },
      anchor: 'middle',
    });
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

/** Rows without a label of their own belong to the one above. */
const groupRules = ({ rows }: RowsPanel, tops: readonly number[], width: number): Shape[] =>
  rows.flatMap(({ label }, i): Shape[] => {
    if (i === 0 || label === '') return [];
    const points = [
      [0, tops[i]],
      [width, tops[i]],
    ] as const;
    return [{ kind: 'line', points, stroke: ink.rule, width: 0.5 }];
  });

/** Single values as rings over the band of the ceiling; their estimate is a tick. */
function samplesOf(
  { samples, band }: FigureRow,
  x: (value: number) => number,
  [top, bottom]: readonly [number, number],
): Shape[] {
  const inside = [top + 1.5, bottom - 1.5] as const;
  return [
    ...(band ? [{ ...block([x(band.low), x(band.high)], inside, ink.faint), opacity: 0.35 }] : []),
    ...(band && band.mean !== null
      ? [intervalLine([x(band.mean), top + 1.5], [x(band.mean), bottom - 1.5], ink.faint)]
      : []),
    ...(samples ?? []).map((value) => openDot([x(value), (top + bottom) / 2])),
  ];
}

function estimateOf(
  row: FigureRow,
  x: (value: number) => number,
  y: number,
  left: number,
): Shape[] {
  const { value, ci, mark, floor, series, samples } = row;
  if (value === null) return signAt('missing', [left + 4, y]);
  const at = [x(value), y] as const;
  if (samples) {
    const ends = [-4, 4].map((by) => [x(value), y + by] as const);
    return [{ kind: 'line', points: ends, stroke: ink.text, width: 1.25 }];
  }
  const marked = mark === 'chosen' || mark === 'tied' ? ink.curves[1] : ink.curves[0];
  const own = series === undefined ? marked : styleOf(series).colour;
  const colour = floor?.inside ? ink.faint : own;
  const ground = floor?.value ?? null;
  const sign =
    series === undefined ? [dot(at, colour)] : [symbolAt(series, at, 2.2, row.open ?? false)];
  return [
    ...(ground === null ? [] : signAt('floor', [x(ground), y])),
    ...(ci ? [intervalLine([x(ci[0]), y], [x(ci[1]), y], colour)] : []),
    ...(mark ? signAt(mark, at) : sign),
  ];
}

/** The lines of a label and its note, and how high they are together. */
function labelOf({ label, note, samples }: FigureRow, width: number) {
  const parts = [
    ...wrapText(label, SIZE, width).map((text) => ({ text, size: SIZE, fill: ink.text })),
    ...(note === undefined ? [] : wrapText(note, NOTE, width)).map((text) => ({
      ...{ text, size: NOTE, fill: ink.faint },
    })),
  ];
  const lines = parts.map((part, i) => ({ ...part, down: 6.6 + i * LINE }));
  const height = Math.max(1, parts.length) * LINE + (parts.length > 1 ? 2 : 0.6);
  return { lines, height: samples ? Math.max(12, height) : height };
}
