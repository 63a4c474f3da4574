import { placeOn, roundAxis } from '../axis.js';
import { ink, type Point, type Shape, type Tip } from '../drawing.js';
import type { Estimate, ScatterPanel, ScatterPoint } from '../figure.js';
import { ceilingLine, intervalLine, openDot } from '../signs.js';
import { styleOf, symbolAt } from '../symbols.js';
import { estimateText, wrapText } from '../text-width.js';
import { titleLines, valueGrid, valueMargin, xTicks } from './curves-panel.js';

const SIZE = 7;
/** Higher than this a plot tells no more. */
const HIGHEST = 240;

/** Points over two axes; those of the legend have their symbols and intervals, the others are rings. */
export function scatterPanel(
  panel: ScatterPanel,
  { width, stamped }: { readonly width: number; readonly stamped: boolean },
) {
  const points = panel.points.filter(({ x, y }) => x.value !== null && y.value !== null);
  const most = Math.floor(width / 40);
  const [xAxis, yAxis] = axesOf(points, panel.diagonal, most);
  const statistics = panel.statistics.flatMap((line) => wrapText(line, SIZE, width));
  const top = 8.4 * statistics.length + (stamped ? 10 : 3);
  const height = Math.min(HIGHEST, 0.75 * width);
  const bottom = top + height;
  const left = valueMargin(panel.valueTitle, yAxis, height);
  const x = placeOn(xAxis, left + 5, width - 5);
  const y = placeOn(yAxis, bottom - 4, top + 4);
  const title = wrapText(panel.xTitle, SIZE, width - left);
  // Those of the legend cover the others.
  const ordered = [...points].sort((a, b) => Number(a.series !== null) - Number(b.series !== null));
  const ends = [Math.max(xAxis.low, yAxis.low), Math.min(xAxis.high, yAxis.high)];
  const shapes: (Shape | Tip)[] = [
    ...statistics.map(
      (text, i): Shape => ({
        ...{ kind: 'text', at: [0, 6.4 + 8.4 * i], text, size: SIZE, fill: ink.text },
      }),
    ),
    ...valueGrid({ ...panel, simulated: false }, { axis: yAxis, y, left, top, bottom, width }),
    ...xTicks(xAxis, { x, bottom }, { left, width }),
    ...titleLines(title, (left + width) / 2, bottom + 17),
    ...(panel.diagonal ? [ceilingLine([x(ends[0]), y(ends[0])], [x(ends[1]), y(ends[1])])] : []),
    ...ordered.flatMap((point) => pointOf(point, x, y)),
    ...(panel.simulated ? stampAbove(width, top) : []),
    ...(points.length === 0
      ? titleLines(
          wrapText('no values on both axes', SIZE, width - left),
          (left + width) / 2,
          (top + bottom) / 2,
        )
      : []),
    ...points.map((point): Tip => {
      const words = `${panel.xTitle} ${estimateText(point.x)}, ${panel.valueTitle} ${estimateText(point.y)}`;
      const at: Point = [x(point.x.value ?? 0), y(point.y.value ?? 0)];
      return { kind: 'tip', at, text: `${point.label}: ${words}` };
    }),
  ];
  return { shapes, height: bottom + 13 + 8 * title.length };
}

/** One scale for both axes where equal values have a line. */
function axesOf(points: readonly ScatterPoint[], diagonal: boolean, most: number) {
  const reach = (of: 'x' | 'y') =>
    points.flatMap(({ [of]: estimate, series }) => [
      ...(estimate.value === null ? [] : [estimate.value]),
      ...(series === null ? [] : (estimate.ci ?? [])),
    ]);
  const axis = (values: readonly number[]) =>
    values.length === 0
      ? roundAxis(0, 1, most)
      : roundAxis(Math.min(...values), Math.max(...values), most);
  const [xs, ys] = [reach('x'), reach('y')];
  return diagonal ? [axis([...xs, ...ys]), axis([...xs, ...ys])] : [axis(xs), axis(ys)];
}

function pointOf(
  { x: across, y: up, series }: ScatterPoint,
  x: (value: number) => number,
  y: (value: number) => number,
): Shape[] {
  const at: Point = [x(across.value ?? 0), y(up.value ?? 0)];
  if (series === null) return [openDot(at)];
  const { colour } = styleOf(series);
  const ends = ({ ci }: Estimate, place: (end: number) => Point) =>
    ci ? [intervalLine(place(ci[0]), place(ci[1]), colour)] : [];
  return [
    ...ends(across, (end) => [x(end), at[1]]),
    ...ends(up, (end) => [at[0], y(end)]),
    symbolAt(series, at, 2.6),
  ];
}

/** Above the plot, where no point is. */
const stampAbove = (width: number, top: number): Shape[] => [
  {
    ...{ kind: 'text', at: [width - 1, top - 2.5], text: 'simulated', size: 7 },
    ...{ fill: ink.simulated, anchor: 'end' },
  },
];
