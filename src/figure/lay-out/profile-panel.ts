import { placeOn, valueAxis } from '../axis.js';
import { ink, type Point, type Shape, type Tip } from '../drawing.js';
import type { ProfilePanel } from '../figure.js';
import { dashes, floorLine, intervalLine, ringAt, signAt } from '../signs.js';
import { styleOf, symbolAt } from '../symbols.js';
import { decimals, estimateText, textWidth, wrapText } from '../text-width.js';
import { runs, titleLines, valueGrid, valueMargin } from './curves-panel.js';

const SIZE = 7;
const NAME = 6;
/** Between the lines of rotated names. */
const LINE = 7;
const HEIGHT = 130;
/** Longer names of layers are broken over lines. */
const LONGEST = 110;

type Curve = ProfilePanel['curves'][number];
type ProfilePoint = Curve['points'][number];

interface Places {
  readonly x: (layer: number) => number;
  readonly y: (value: number) => number;
  readonly bottom: number;
}

/** Values over the layers of a network, whose names read upward below the axis: all of them, or as many as have room. */
export function profilePanel(
  panel: ProfilePanel,
  { width, stamped }: { readonly width: number; readonly stamped: boolean },
) {
  const values = panel.curves.flatMap(({ points }) =>
    points.flatMap(({ value, ci, floor }) => [value ?? 0, ...(ci ?? []), floor?.value ?? 0]),
  );
  const axis = valueAxis(values, 6);
  const left = valueMargin(panel.valueTitle, axis, HEIGHT);
  const top = stamped ? 10 : 3;
  const bottom = top + HEIGHT;
  const last = Math.max(1, panel.layers.length - 1);
  const places = {
    x: placeOn({ low: 0, high: last, ticks: [] }, left + 6, width - 6),
    y: placeOn(axis, bottom, top),
    bottom,
  };
  const names = namesOf(panel, places, [left, width]);
  const longest = Math.max(
    0,
    ...names.flatMap(({ lines }) => lines.map((line) => textWidth(line, NAME))),
  );
  const all = panel.layers.length;
  const xTitle =
    names.length < all ? `${panel.xTitle} (${names.length} of ${all} named)` : panel.xTitle;
  const title = wrapText(xTitle, SIZE, width - left);
  const below = bottom + 4 + longest;
  const shapes: (Shape | Tip)[] = [
    ...valueGrid(panel, { axis, y: places.y, left, top, bottom, width }),
    ...names.flatMap((name) => nameShapes(name, places)),
    ...titleLines(title, (left + width) / 2, below + 8),
    ...panel.curves.flatMap((curve) => curveShapes(curve, places)),
    ...panel.curves.flatMap((curve) => tipsOf(curve, panel.layers, places)),
  ];
  return { shapes, height: below + 4 + 8 * title.length };
}

interface Name {
  readonly layer: number;
  readonly lines: readonly string[];
  /** Where its lines start, from the left. */
  readonly from: number;
}

/** Names of layers that stand beside each other without overlap: chosen ones first, then evenly. */
function namesOf({ layers, curves }: ProfilePanel, { x }: Places, [left, right]: Point): Name[] {
  const named: Name[] = [];
  const add = (layer: number) => {
    const lines = wrapText(layers[layer], NAME, LONGEST);
    const wide = LINE * lines.length;
    const from = Math.min(Math.max(x(layer) - wide / 2, left), right - wide);
    const free = named.every(
      (other) => from >= other.from + LINE * other.lines.length || from + wide <= other.from,
    );
    if (free && !named.some((other) => other.layer === layer) && from >= left)
      named.push({ layer, lines, from });
  };
  const chosen = curves.flatMap(({ points }) =>
    points.flatMap(({ mark }, layer) => (mark === 'chosen' ? [layer] : [])),
  );
  for (const layer of chosen) add(layer);
  const every = Math.ceil(layers.length / Math.max(1, Math.floor((right - left) / LINE)));
  for (let layer = 0; layer < layers.length; layer += every) add(layer);
  return named.sort((a, b) => a.layer - b.layer);
}

const nameShapes = ({ layer, lines, from }: Name, { x, bottom }: Places): Shape[] => [
  {
    ...{ kind: 'line', stroke: ink.faint, width: 0.5 },
    points: [
      [x(layer), bottom],
      [x(layer), bottom + 2],
    ],
  },
  ...lines.map(
    (text, i): Shape => ({
      ...{ kind: 'text', at: [from + LINE * i + 5.4, bottom + 4], text, size: NAME },
      ...{ fill: ink.text, anchor: 'end', upward: true },
    }),
  ),
];

function curveShapes({ series, points }: Curve, { x, y, bottom }: Places): Shape[] {
  const { colour } = styleOf(series);
  const placed = points.map((point, layer) => ({ ...point, layer }));
  const end = (of: 0 | 1, run: typeof placed) =>
    run.map(({ layer, ci }): Point => [x(layer), y(ci?.[of] ?? 0)]);
  const bands = runs(placed, ({ ci }) => ci !== null).map((run): Shape => {
    const [low, high] = [end(0, [...run]), end(1, [...run])];
    return run.length === 1
      ? intervalLine(low[0], high[0], colour)
      : { kind: 'area', points: [...high, ...low.reverse()], fill: colour, opacity: 0.14 };
  });
  const lines = runs(placed, ({ value }) => value !== null)
    .filter((run) => run.length > 1)
    .map((run): Shape => {
      const along = run.map(({ layer, value }): Point => [x(layer), y(value ?? 0)]);
      return { kind: 'line', points: along, stroke: colour, width: 0.9, ...dashOfSeries(series) };
    });
  // Of very many layers the symbols would hide each other: every so many, and the marked ones.
  const every = Math.max(1, Math.ceil((5 * points.length) / (x(points.length - 1) - x(0) + 5)));
  const signs = placed.flatMap(({ layer, value, mark, floor }): Shape[] => {
    if (value === null) return signAt('missing', [x(layer), bottom - 4]);
    const at: Point = [x(layer), y(value)];
    const open = floor?.inside ?? false;
    if (mark === 'chosen') return [ringAt('chosen-ring', at), symbolAt(series, at, 2.2, open)];
    if (mark === 'tied') return [ringAt('tied-ring', at), symbolAt(series, at, 1.8, open)];
    return layer % every === 0 ? [symbolAt(series, at, 1.8, open)] : [];
  });
  return [...bands, ...floorOf(placed, colour, { x, y }), ...lines, ...signs];
}

/** What permuted stimuli reach, as a dotted line in the colour of its curve; a dash where only one layer has a floor. */
const floorOf = (
  points: readonly (ProfilePoint & { readonly layer: number })[],
  colour: string,
  { x, y }: Pick<Places, 'x' | 'y'>,
): Shape[] =>
  runs(points, ({ floor }) => (floor?.value ?? null) !== null).map((run) => {
    const along = run.map(({ layer, floor }): Point => [x(layer), y(floor?.value ?? 0)]);
    const [[left, at]] = along;
    return floorLine(
      along.length > 1
        ? along
        : [
            [left - 3, at],
            [left + 3, at],
          ],
      colour,
    );
  });

/** Odd series are dashed, so that two neighbours of the legend differ in grey, too. */
const dashOfSeries = (series: number) => (series % 2 === 0 ? dashes.solid : dashes.dashed);

const MARKS = { chosen: ', chosen', tied: ', tied with the chosen layer', '': '' };

function wordsOf({ mark = '', floor }: ProfilePoint): string {
  const of = floor
    ? `, ${floor.inside ? 'inside' : 'above'} its floor ${floor.value === null ? '' : decimals(floor.value)}`
    : '';
  return `${of.trimEnd()}${MARKS[mark]}`;
}

const tipsOf = (
  { name, points }: Curve,
  layers: readonly string[],
  { x, y, bottom }: Places,
): Tip[] =>
  points.map((point, layer) => ({
    ...{ kind: 'tip', at: [x(layer), point.value === null ? bottom - 4 : y(point.value)] },
    text: `${layers[layer]}, ${name}: ${estimateText(point)}${wordsOf(point)}`,
  }));
