import { writeFileSync } from 'node:fs';
import { type Drawing, ink, type Point, type Shape } from '../src/figure/drawing.js';
import { drawingSvg } from '../src/figure/svg.js';
import type { KeptGrowth } from './grow.js';
import type { Growth } from './growth/line.js';
import { keptResults } from './results-file.js';

/**
 * Draws what bench/grow.ts kept: `docs/images/growth.svg`, a panel an axis, both scales logarithmic.
 *
 *   node dist/bench/growth-figure.js
 */

const SIZE = 7;
const [WIDTH, HEIGHT] = [165, 118];
const MARGIN = { left: 34, right: 10, top: 18, bottom: 26 };
const COLUMNS = 3;

const text = (at: Point, words: string, more: Partial<Extract<Shape, { kind: 'text' }>> = {}) =>
  ({ kind: 'text', at, text: words, size: SIZE, fill: ink.text, ...more }) as const;
const line = (points: readonly Point[], stroke: string, width = 0.75) =>
  ({ kind: 'line', points, stroke, width }) as const;

/** Whole powers of ten around numbers. */
function decades(values: readonly number[]): readonly [number, number] {
  const logs = values.map((value) => Math.log10(value));
  const [low, high] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
  return [low, Math.max(high, low + 1)];
}

const number = (value: number) =>
  value >= 1 ? value.toLocaleString('en') : String(Number(value.toPrecision(1)));

function panel(axis: string, lines: readonly Growth[], [left, top]: Point): Shape[] {
  const points = lines.flatMap((one) => one.points);
  const [x0, x1] = decades(points.map(({ size }) => size));
  const [y0, y1] = decades(points.map(({ value }) => value));
  const [w, h] = [WIDTH - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];
  const x = (size: number) => left + MARGIN.left + (w * (Math.log10(size) - x0)) / (x1 - x0);
  const y = (value: number) => top + MARGIN.top + h - (h * (Math.log10(value) - y0)) / (y1 - y0);
  const steps = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  const shapes: Shape[] = [
    text([left + MARGIN.left, top + 10], `${axis}, ${lines[0].unit}`),
    ...steps(y0, y1).flatMap((value) => [
      line(
        [
          [x(10 ** x0), y(value)],
          [x(10 ** x1), y(value)],
        ],
        ink.rule,
      ),
      text([left + MARGIN.left - 3, y(value) + 2.5], number(value), { anchor: 'end' }),
    ]),
    ...steps(x0, x1).map((size) =>
      text([x(size), top + HEIGHT - MARGIN.bottom + 9], number(size), { anchor: 'middle' }),
    ),
  ];
  lines.forEach(({ points: own, exponent, measured }, k) => {
    const colour = [...ink.curves, ink.faint][k % 4];
    const places = own.map(({ size, value }): Point => [x(size), y(value)]);
    shapes.push(
      line(places, colour, 1),
      ...places.map((at) => ({ kind: 'circle', at, radius: 1.6, fill: colour }) as const),
      text([left + MARGIN.left, top + HEIGHT + 8 * k - 6], `${measured}: ${power(exponent.last)}`, {
        fill: colour,
      }),
    );
  });
  return shapes;
}

const power = (exponent: number) => `n^${exponent.toFixed(2)}`;

/** Room for the names of four lines below a panel. */
const NAMES = 32;

function growthFigure({ lines }: KeptGrowth): Drawing {
  const axes = [...new Set(lines.map(({ axis }) => axis))];
  const rows = Math.ceil(axes.length / COLUMNS);
  const place = (k: number): Point => [
    (k % COLUMNS) * WIDTH,
    Math.floor(k / COLUMNS) * (HEIGHT + NAMES),
  ];
  return {
    ...{ width: COLUMNS * WIDTH, height: rows * (HEIGHT + NAMES), tips: [] },
    title: 'How time grows',
    description: `Time over size, both logarithmic, for ${axes.join(', ')}. The power of the last step stands beside each name.`,
    shapes: axes.flatMap((axis, k) =>
      panel(
        axis,
        lines.filter((one) => one.axis === axis),
        place(k),
      ),
    ),
  };
}

const kept = keptResults<KeptGrowth>('growth');
if (!kept) throw new Error('nothing is kept: node dist/bench/grow.js --save');
writeFileSync('docs/images/growth.svg', drawingSvg(growthFigure(kept)));
