import { type Axis, axisWithin, placeOn, tickTexts, valueAxis } from './axis.js';
import { ink, type Point, type Shape } from './drawing.js';
import type { CurvesPanel, FigureCurve } from './figure.js';
import { ceilingLine, dashOf, dot, intervalLine, signAt, stampAt } from './signs.js';
import { textWidth } from './text-width.js';

const SIZE = 7;
const HEIGHT = 96;

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
  const points = panel.curves.flatMap((curve) => curve.points);
  const yAxis = valueAxis(
    points.flatMap(({ value, ci }) => [value ?? 0, ...(ci ?? [])]),
    5,
  );
  const xs = points.map((point) => point.x);
  const xAxis = axisWithin(Math.min(...xs), Math.max(...xs), Math.floor(width / 30));
  const texts = tickTexts(yAxis);
  const left = 12 + Math.max(...texts.map((text) => textWidth(text, 6))) + 3;
  const top = stamped ? 10 : 3;
  const bottom = top + HEIGHT;
  const places = {
    x: placeOn(xAxis, left + 3, width - 5),
    y: placeOn(yAxis, bottom, top),
    bottom,
  };
  const shapes = [
    ...frame(panel, { xAxis, yAxis, places, left, top, width }),
    ...panel.curves.flatMap((curve, i) => curveOf(curve, i % 3, places)),
  ];
  return { shapes, height: bottom + 21 };
}

interface Frame {
  readonly xAxis: Axis;
  readonly yAxis: Axis;
  readonly places: Places;
  readonly left: number;
  readonly top: number;
  readonly width: number;
}

function frame(panel: CurvesPanel, { xAxis, yAxis, places, left, top, width }: Frame): Shape[] {
  const { x, y, bottom } = places;
  const xTexts = tickTexts(xAxis);
  const yTexts = tickTexts(yAxis);
  const across = (at: number): readonly Point[] => [
    [left, at],
    [width, at],
  ];
  const text = { kind: 'text', size: SIZE, fill: ink.text } as const;
  return [
    ...yAxis.ticks.flatMap((tick, i): Shape[] => [
      {
        ...{ kind: 'line', points: across(y(tick)), width: 0.5 },
        stroke: tick === 0 ? ink.faint : ink.rule,
      },
      { ...text, size: 6, at: [left - 3, y(tick) + 2], text: yTexts[i], anchor: 'end' },
    ]),
    { kind: 'line', points: across(bottom), stroke: ink.faint, width: 0.5 },
    ...xAxis.ticks.map(
      (tick, i): Shape => ({
        ...{ ...text, size: 6, at: [x(tick), bottom + 8], text: xTexts[i], anchor: 'middle' },
      }),
    ),
    { ...text, at: [(left + width) / 2, bottom + 17], text: panel.xTitle, anchor: 'middle' },
    {
      ...text,
      at: [7, (top + bottom) / 2],
      text: panel.valueTitle,
      anchor: 'middle',
      upward: true,
    },
    ...(panel.ceilings?.length && yAxis.high >= 1
      ? [ceilingLine([left, y(1)], [width, y(1)])]
      : []),
    ...(panel.simulated ? stampAt([width - 1, 8]) : []),
  ];
}

type CurvePoint = FigureCurve['points'][number];

function curveOf({ points }: FigureCurve, i: number, { x, y, bottom }: Places): Shape[] {
  const stroke = ink.curves[i];
  const bands = runs(points, ({ ci }) => ci !== null).map((run): Shape => {
    const at = (end: 0 | 1) => run.map((point): Point => [x(point.x), y(point.ci?.[end] ?? 0)]);
    return run.length === 1
      ? intervalLine(at(0)[0], at(1)[0], stroke)
      : { kind: 'area', points: [...at(1), ...at(0).reverse()], fill: stroke, opacity: 0.18 };
  });
  const lines = runs(points, ({ value }) => value !== null).map(
    (run): Shape => ({
      ...{ kind: 'line', stroke, width: 1, ...dashOf(i) },
      points: run.map((point): Point => [x(point.x), y(point.value ?? 0)]),
    }),
  );
  const signs = points.flatMap((point) =>
    point.value === null
      ? signAt('missing', [x(point.x), bottom - 4])
      : [dot([x(point.x), y(point.value)], stroke)],
  );
  return [
    ...bands,
    ...lines.filter((line) => 'points' in line && line.points.length > 1),
    ...signs,
  ];
}

/** Longest stretches of points that hold. */
function runs(points: readonly CurvePoint[], holds: (point: CurvePoint) => boolean) {
  const found: CurvePoint[][] = [[]];
  for (const point of points) {
    if (holds(point)) found[found.length - 1].push(point);
    else found.push([]);
  }
  return found.filter((run) => run.length > 0);
}
