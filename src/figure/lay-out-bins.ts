import { placeOn, roundAxis, tickTexts } from './axis.js';
import { ink, type Point, type Shape } from './drawing.js';
import type { BinsPanel } from './figure.js';
import { stampAt } from './signs.js';
import { textWidth, wrapText } from './text-width.js';

const SIZE = 7;
const HEIGHT = 80;

/** Two distributions over the same bins: recorded neurons as grey bars, units of the model as an outline. */
export function binsPanel(
  panel: BinsPanel,
  { width, stamped }: { readonly width: number; readonly stamped: boolean },
) {
  const [neurons, units] = [sharesOf(panel.neurons), sharesOf(panel.units)];
  const axis = roundAxis(0, Math.max(...neurons, ...units, 0.01), 4);
  const texts = tickTexts(axis);
  const left = 12 + Math.max(...texts.map((text) => textWidth(text, 6))) + 3;
  const top = stamped ? 10 : 3;
  const bottom = top + HEIGHT;
  const x = placeOn({ low: 0, high: neurons.length, ticks: [] }, left, width - 4);
  const y = placeOn(axis, bottom, top);
  const text = { kind: 'text', size: SIZE, fill: ink.text } as const;
  const title = wrapText(panel.xTitle, SIZE, width - left);
  const shapes: Shape[] = [
    ...axis.ticks.flatMap((tick, i): Shape[] => [
      {
        ...{ kind: 'line', stroke: tick === 0 ? ink.faint : ink.rule, width: 0.5 },
        points: [
          [left, y(tick)],
          [width, y(tick)],
        ],
      },
      { ...text, size: 6, at: [left - 3, y(tick) + 2], text: texts[i], anchor: 'end' },
    ]),
    ...neurons.map((share, bin) => bar([x(bin), x(bin + 1)], [y(share), bottom])),
    { kind: 'line', points: outline(units, x, y), stroke: ink.curves[0], width: 1 },
    ...edgeTexts(panel.edges, width - left).map(
      ({ bin, text: words }): Shape => ({
        ...{ ...text, size: 6, at: [x(bin), bottom + 8], text: words, anchor: 'middle' },
      }),
    ),
    ...title.map(
      (line, i): Shape => ({
        ...{ ...text, at: [(left + width) / 2, bottom + 17 + 8 * i], text: line, anchor: 'middle' },
      }),
    ),
    {
      ...text,
      at: [7, (top + bottom) / 2],
      text: panel.valueTitle,
      anchor: 'middle',
      upward: true,
    },
    ...(panel.simulated ? stampAt([width - 1, 8]) : []),
  ];
  return { shapes, height: bottom + 13 + 8 * title.length };
}

function sharesOf(counts: readonly number[]): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (all === 0 ? 0 : count / all));
}

function bar([left, right]: Point, [top, bottom]: Point): Shape {
  const points: Point[] = [
    [left, bottom],
    [left, top],
    [right, top],
    [right, bottom],
  ];
  return { kind: 'area', points, fill: ink.faint, opacity: 0.35 };
}

/** Up and down the shares, bin by bin. */
const outline = (
  shares: readonly number[],
  x: (bin: number) => number,
  y: (share: number) => number,
): Point[] => [
  [x(0), y(0)],
  ...shares.flatMap((share, bin): Point[] => [
    [x(bin), y(share)],
    [x(bin + 1), y(share)],
  ]),
  [x(shares.length), y(0)],
];

/** The edges of bins with four digits, as many of them as have room. */
function edgeTexts(edges: readonly number[], width: number) {
  const words = edges.map((edge) => String(Number(edge.toPrecision(4))).replace('-', '−'));
  const widest = Math.max(...words.map((word) => textWidth(word, 6))) + 4;
  const every = Math.max(1, Math.ceil((widest * edges.length) / width));
  return words.flatMap((text, bin) => (bin % every === 0 ? [{ bin, text }] : []));
}
