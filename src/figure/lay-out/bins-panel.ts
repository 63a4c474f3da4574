import { placeOn, roundAxis } from '../axis.js';
import { ink, type Point, type Shape, type Tip } from '../drawing.js';
import type { BinsPanel } from '../figure.js';
import { block } from '../signs.js';
import { textWidth, wrapText } from '../text-width.js';
import { titleLines, valueGrid, valueMargin } from './curves-panel.js';

const SIZE = 7;
const HEIGHT = 80;

/** Two distributions over the same bins: recorded neurons as grey bars, units of the model as an outline. */
export function binsPanel(
  panel: BinsPanel,
  { width, stamped }: { readonly width: number; readonly stamped: boolean },
) {
  const [neurons, units] = [sharesOf(panel.neurons), sharesOf(panel.units)];
  const axis = roundAxis(0, Math.max(...neurons, ...units, 0.01), 4);
  const left = valueMargin(panel.valueTitle, axis, HEIGHT);
  const top = stamped ? 10 : 3;
  const bottom = top + HEIGHT;
  const bins = Math.max(1, neurons.length);
  const x = placeOn({ low: 0, high: bins, ticks: [] }, left, width - 4);
  const y = placeOn(axis, bottom, top);
  const title = wrapText(panel.xTitle, SIZE, width - left);
  const words = edgeTexts(panel.edges);
  const tips = neurons.map((share, bin): Tip => {
    const of = (number: number) => `${(100 * number).toFixed(1)} %`;
    const text = `${panel.xTitle} ${words[bin]} to ${words[bin + 1]}: neurons ${of(share)}, units ${of(units[bin] ?? 0)}`;
    return { kind: 'tip', at: [(x(bin) + x(bin + 1)) / 2, y(share)], text };
  });
  const shapes: (Shape | Tip)[] = [
    ...neurons.map(
      (share, bin): Shape => ({
        ...block([x(bin), x(bin + 1)], [y(share), bottom], ink.faint),
        opacity: 0.35,
      }),
    ),
    ...valueGrid(panel, { axis, y, left, top, bottom, width }),
    { kind: 'line', points: outline(units, x, y), stroke: ink.curves[0], width: 1 },
    ...shownEdges(words, { x, left, width }).map(
      ({ middle, text }): Shape => ({
        ...{ kind: 'text', at: [middle, bottom + 8], text, size: 6, fill: ink.text },
        anchor: 'middle',
      }),
    ),
    ...titleLines(title, (left + width) / 2, bottom + 17),
    ...tips,
  ];
  return { shapes, height: bottom + 13 + 8 * title.length };
}

function sharesOf(counts: readonly number[]): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (all === 0 ? 0 : count / all));
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

/** The edges of bins with four digits. */
const edgeTexts = (edges: readonly number[]): string[] =>
  edges.map((edge) => String(Number((edge ?? 0).toPrecision(4))).replace('-', '−'));

interface Edges {
  readonly x: (bin: number) => number;
  readonly left: number;
  readonly width: number;
}

/** As many edges as have room, evenly. */
function shownEdges(words: readonly string[], { x, left, width }: Edges) {
  const widest = Math.max(0, ...words.map((word) => textWidth(word, 6))) + 4;
  const every = Math.max(1, Math.ceil((widest * words.length) / (width - left)));
  let free = 0;
  return words.flatMap((text, bin) => {
    const half = textWidth(text, 6) / 2;
    const middle = Math.min(Math.max(x(bin), half), width - half);
    if (bin % every !== 0 || middle - half < free) return [];
    free = middle + half + 2;
    return [{ middle, text }];
  });
}
