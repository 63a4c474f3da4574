import {
  type Axis,
  axisWithin,
  logAxis,
  placeOn,
  roundAxis,
  spacedTicks,
  tickTexts,
  valueAxis,
} from '../axis.js';
import { ink, type Point, type Shape, type Tip } from '../drawing.js';
import type { CurvesPanel, Estimate, FigureCurve } from '../figure.js';
import { ceilingLine, dashes, dashOf, dot, intervalLine, signAt, stampAt } from '../signs.js';
import { styleOf, symbolAt } from '../symbols.js';
import { estimateText, textWidth, wrapText } from '../text-width.js';

const SIZE = 7;
const HEIGHT = 96;
/** Below this a logarithm is of rounding. */
const LEAST = 1e-300;
/** Of a curve of more points only those that no line reaches have a symbol. */
const MANY = 40;

interface Places {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  readonly bottom: number;
}

/** Curves with the bands of their 95 % intervals; a missing value is a cross on the axis, and breaks the curve. */
export function curvesPanel(
  panel: CurvesPanel,
  { width, stamped }: { readonly width: number; readonly stamped: boolean },
) {
  const fits = (value: number | null) => value === null || !panel.log || value > LEAST;
  const curves = panel.curves.map((curve) => ({
    ...curve,
    points: curve.points.filter(({ x, value }) => Number.isFinite(x) && fits(value)),
  }));
  const points = curves.flatMap((curve) => curve.points);
  const yAxis = yAxisOf(points, panel.log ?? false);
  const xAxis = xAxisOf(
    [...points.map((point) => point.x), ...(panel.borders ?? []).map((border) => border.x)],
    Math.floor(width / 30),
  );
  const left = valueMargin(panel.valueTitle, yAxis, HEIGHT);
  const top = stamped ? 10 : 3;
  const bottom = top + HEIGHT;
  const lowest = yAxis.log ? yAxis.low : Number.NEGATIVE_INFINITY;
  const y = placeOn(yAxis, bottom, top);
  const places = {
    x: placeOn(xAxis, left + 4, width - 5),
    y: (value: number) => y(Math.max(value, lowest)),
    bottom,
  };
  const title = wrapText(panel.xTitle, SIZE, width - left);
  const shapes = [
    ...valueGrid(panel, { axis: yAxis, y: places.y, left, top, bottom, width }),
    ...bordersOf(panel, places, [top, width]),
    ...xTicks(xAxis, places, { left, width }),
    ...titleLines(title, (left + width) / 2, bottom + 17),
    ...curves.flatMap((curve, i) => curveOf(curve, i, places)),
    ...curves.flatMap((curve) => tipsOf(panel, curve, places)),
  ];
  return { shapes, height: bottom + 13 + 8 * title.length };
}

function yAxisOf(points: readonly Estimate[], log: boolean): Axis {
  const values = points.flatMap(({ value, ci }) => [value ?? 0, ...(ci ?? [])]);
  if (!log) return valueAxis(values, 5);
  const positive = values.filter((value) => value > LEAST);
  return positive.length === 0
    ? logAxis(0.1, 1, 5)
    : logAxis(Math.min(...positive), Math.max(...positive), 5);
}

function xAxisOf(xs: readonly number[], most: number): Axis {
  if (xs.length === 0) return { low: 0, high: 1, ticks: [0, 1] };
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  return xs.every(Number.isInteger) && high - low < 1e9
    ? axisWithin(low, high, most)
    : roundAxis(low, high, most);
}

/** Room for the vertical axis: its title, in as many lines as it needs, and the texts of its ticks. */
export const valueMargin = (title: string, axis: Axis, height: number): number =>
  4 +
  8 * wrapText(title, SIZE, height).length +
  Math.max(...tickTexts(axis).map((text) => textWidth(text, 6))) +
  3;

interface ValueGrid {
  readonly axis: Axis;
  readonly y: (value: number) => number;
  readonly left: number;
  readonly top: number;
  readonly bottom: number;
  readonly width: number;
}

/** The vertical axis with its title, the ceiling where it is reached, and the stamp of simulated data. */
export function valueGrid(
  panel: { readonly valueTitle: string; readonly ceilings: readonly number[] | null } & {
    readonly simulated: boolean;
  },
  { axis, y, left, top, bottom, width }: ValueGrid,
): Shape[] {
  const texts = tickTexts(axis);
  const across = (at: number): readonly Point[] => [
    [left, at],
    [width, at],
  ];
  const text = { kind: 'text', size: SIZE, fill: ink.text } as const;
  let free = Number.POSITIVE_INFINITY;
  return [
    ...axis.ticks.flatMap((tick, i): Shape[] => {
      const line: Shape = {
        ...{ kind: 'line', points: across(y(tick)), width: 0.5 },
        stroke: tick === 0 ? ink.faint : ink.rule,
      };
      if (y(tick) > free) return [line];
      free = y(tick) - 7;
      return [
        line,
        { ...text, size: 6, at: [left - 3, y(tick) + 2], text: texts[i], anchor: 'end' },
      ];
    }),
    { kind: 'line', points: across(bottom), stroke: ink.faint, width: 0.5 },
    ...wrapText(panel.valueTitle, SIZE, bottom - top).map(
      (line, i): Shape => ({
        ...{ ...text, at: [7 + 8 * i, (top + bottom) / 2], text: line },
        ...{ anchor: 'middle', upward: true },
      }),
    ),
    ...(panel.ceilings?.length && axis.high >= 1 ? [ceilingLine([left, y(1)], [width, y(1)])] : []),
    ...(panel.simulated ? stampAt([width - 1, 6.2]) : []),
  ];
}

/** The texts of a horizontal axis below a panel. */
export const xTicks = (
  axis: Axis,
  { x, bottom }: Pick<Places, 'x' | 'bottom'>,
  { left, width }: { readonly left: number; readonly width: number },
): Shape[] =>
  spacedTicks(axis, x, { left, right: width, size: 6 }).flatMap(({ at, middle, text }) => [
    {
      ...{ kind: 'line', stroke: ink.faint, width: 0.5 },
      points: [
        [at, bottom],
        [at, bottom + 2],
      ],
    },
    {
      ...{ kind: 'text', at: [middle, bottom + 8], text, size: 6, fill: ink.text },
      anchor: 'middle',
    },
  ]);

export const titleLines = (lines: readonly string[], x: number, y: number): Shape[] =>
  lines.map((text, i) => ({
    ...{ kind: 'text', at: [x, y + 8 * i], text, size: SIZE, fill: ink.text, anchor: 'middle' },
  }));

/** Where stages begin, with their names where they have room. */
function bordersOf(
  { borders = [] }: CurvesPanel,
  { x, bottom }: Places,
  [top, width]: Point,
): Shape[] {
  let free = 0;
  return borders.flatMap(({ x: at, name }): Shape[] => {
    const line: Shape = {
      ...{ kind: 'line', stroke: ink.faint, width: 0.5 },
      points: [
        [x(at), top],
        [x(at), bottom],
      ],
    };
    const start = x(at) + 7;
    if (start < free || start > width || textWidth(name, 6) > bottom - top - 14) return [line];
    free = start + 7;
    const text = { kind: 'text', at: [start, bottom - 3], text: name, size: 6 } as const;
    return [line, { ...text, fill: ink.faint, upward: true }];
  });
}

/** A curve: with the style of its series, or of its place where it has none. */
function curveOf(curve: FigureCurve, place: number, { x, y, bottom }: Places): Shape[] {
  const { points, series, line: kind = 'solid' } = curve;
  const stroke = series === undefined ? ink.curves[place % 3] : styleOf(series).colour;
  const dash = series === undefined ? dashOf(place % 3) : dashes[kind];
  const bands = runs(points, ({ ci }) => ci !== null).map((run): Shape => {
    const at = (end: 0 | 1) => run.map((point): Point => [x(point.x), y(point.ci?.[end] ?? 0)]);
    return run.length === 1
      ? intervalLine(at(0)[0], at(1)[0], stroke)
      : { kind: 'area', points: [...at(1), ...at(0).reverse()], fill: stroke, opacity: 0.18 };
  });
  const lines = runs(points, ({ value }) => value !== null).map(
    (run): Shape => ({
      ...{ kind: 'line', stroke, width: 1, ...dash },
      points: run.map((point): Point => [x(point.x), y(point.value ?? 0)]),
    }),
  );
  const signOf = (at: Point): Shape =>
    series === undefined ? dot(at, stroke) : symbolAt(series, at, 1.7, kind !== 'solid');
  const alone = (i: number) =>
    [points[i - 1], points[i + 1]].every((other) => (other?.value ?? null) === null);
  const signs = points.flatMap((point, i) => {
    if (point.value === null) return signAt('missing', [x(point.x), bottom - 4]);
    const shown = points.length <= MANY || alone(i);
    return shown ? [signOf([x(point.x), y(point.value)])] : [];
  });
  return [
    ...bands,
    ...lines.filter((line) => 'points' in line && line.points.length > 1),
    ...signs,
  ];
}

const tipsOf = (
  panel: CurvesPanel,
  { name, points }: FigureCurve,
  { x, y, bottom }: Places,
): Tip[] =>
  points.map((point) => ({
    ...{ kind: 'tip', at: [x(point.x), point.value === null ? bottom : y(point.value)] },
    text:
      point.tip ??
      `${panel.title === name ? name : `${panel.title}, ${name}`}, ${panel.xTitle} ${point.x}: ${estimateText(point)}`,
  }));

/** Longest stretches of points that hold. */
export function runs<Point>(
  points: readonly Point[],
  holds: (point: Point) => boolean,
): readonly (readonly Point[])[] {
  const found: Point[][] = [[]];
  for (const point of points) {
    if (holds(point)) found[found.length - 1].push(point);
    else found.push([]);
  }
  return found.filter((run) => run.length > 0);
}
