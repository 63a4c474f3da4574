import { ink, type Point, type Shape } from './drawing.js';
import type { LegendEntry, LineStyle } from './figure.js';
import { heatColour } from './heat-colours.js';
import { styleOf, symbolAt } from './symbols.js';
import { textWidth } from './text-width.js';

/** The sign of a value: a dot, a lozenge if chosen, a ring if tied with the chosen one, a cross without a value. */
export function signAt(sign: LegendEntry['sign'], [x, y]: Point): Shape[] {
  const [blue] = ink.curves;
  if (sign === 'chosen')
    return [{ kind: 'area', points: lozenge([x, y], 3.4), fill: ink.curves[1] }];
  if (sign === 'chosen-cell' || sign === 'tied-cell')
    return lozengeSign(sign === 'chosen-cell', [x, y], ink.text);
  if (sign === 'tied')
    return [{ kind: 'circle', at: [x, y], radius: 2.2, fill: ink.ground, stroke: ink.curves[1] }];
  if (sign === 'missing')
    return [1, -1].map((way) => ({
      kind: 'line',
      points: [
        [x - 2, y - 2 * way],
        [x + 2, y + 2 * way],
      ],
      stroke: ink.faint,
      width: 0.75,
    }));
  if (sign === 'ceiling' || sign === 'equal') return [ceilingLine([x - 7, y], [x + 7, y])];
  if (sign === 'chosen-ring' || sign === 'tied-ring') return [ringAt(sign, [x, y])];
  if (sign === 'other' || sign === 'sample') return [openDot([x, y])];
  if (sign === 'heat')
    return Array.from({ length: 5 }, (_, i) =>
      block([x - 7.5 + 3 * i, x - 4.5 + 3 * i], [y - 2.5, y + 2.5], heatColour(i / 4).fill),
    );
  if (sign === 'band')
    return [{ ...block([x - 5, x + 5], [y - 2.5, y + 2.5], ink.faint), opacity: 0.35 }];
  if (sign === 'floor')
    return [
      {
        ...{ kind: 'line', stroke: ink.faint, width: 1 },
        points: [
          [x, y - 3.4],
          [x, y + 3.4],
        ],
      },
    ];
  if (sign === 'floor-line')
    return [
      floorLine([
        [x - 7, y],
        [x + 7, y],
      ]),
    ];
  if (sign === 'neurons')
    return [{ ...block([x - 5, x + 5], [y - 2.5, y + 2.5], ink.faint), opacity: 0.35 }];
  if (sign === 'value') return [intervalLine([x - 6, y], [x + 6, y], blue), dot([x, y], blue)];
  const points: Point[] = [
    [x - 7, y],
    [x + 7, y],
  ];
  if (typeof sign === 'object') {
    const symbol = symbolAt(sign.series, [x, y], 2, sign.open);
    if (sign.line === undefined) return [symbol];
    const stroke = styleOf(sign.series).colour;
    return [{ kind: 'line', points, stroke, width: 1, ...dashes[sign.line] }, symbol];
  }
  const colour = ink.curves[sign];
  return [{ kind: 'line', points, stroke: colour, width: 1, ...dashOf(sign) }, dot([x, y], colour)];
}

/** Dashes tell curves apart without colour. */
export const dashOf = (curve: number): { dash?: readonly [number, number] } =>
  curve === 0 ? {} : { dash: curve === 1 ? [3.5, 2] : [1.2, 1.4] };

const lozenge = ([x, y]: Point, radius: number): Point[] => [
  [x, y - radius],
  [x + radius, y],
  [x, y + radius],
  [x - radius, y],
];

/** The sign of a chosen cell, or as an outline that of one tied with it. */
export function lozengeSign(filled: boolean, at: Point, colour: string): Shape[] {
  const points = lozenge(at, 2);
  if (filled) return [{ kind: 'area', points, fill: colour }];
  return [{ kind: 'line', points: [...points, points[0]], stroke: colour, width: 0.6 }];
}

export const dashes: Readonly<Record<LineStyle, { dash?: readonly [number, number] }>> = {
  solid: {},
  dashed: { dash: [3.5, 2] },
  dotted: { dash: [1.2, 1.4] },
};

/** A filled rectangle. */
export const block = (
  [left, right]: Point,
  [top, bottom]: Point,
  fill: string,
): Extract<Shape, { kind: 'area' }> => ({
  ...{ kind: 'area', fill },
  points: [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ],
});

/** A ring around what was chosen, a fainter one around what is tied with it. */
export const ringAt = (ring: 'chosen-ring' | 'tied-ring', at: Point): Shape => ({
  ...{ kind: 'circle', at, fill: ink.ground },
  ...(ring === 'chosen-ring'
    ? { radius: 4.6, stroke: ink.text }
    : { radius: 3.1, stroke: ink.faint }),
});

/** One of many. */
export const openDot = (at: Point): Shape => ({
  ...{ kind: 'circle', at, radius: 1.5, fill: ink.ground, stroke: ink.faint },
});

export const dot = (at: Point, fill: string): Shape => ({ kind: 'circle', at, radius: 1.5, fill });

/** Marks data that are not recorded; it covers what is below it. */
export function stampAt([x, y]: Point): Shape[] {
  const text = 'simulated';
  const left = x - textWidth(text, STAMP) - 2;
  const points: Point[] = [
    [left, y - STAMP],
    [x + 1, y - STAMP],
    [x + 1, y + 2],
    [left, y + 2],
  ];
  return [
    { kind: 'area', points, fill: ink.ground },
    { kind: 'text', at: [x, y], text, size: STAMP, fill: ink.simulated, anchor: 'end' },
  ];
}

const STAMP = 7;

/** A 95 % interval. */
export const intervalLine = (from: Point, to: Point, stroke: string): Shape => ({
  ...{ kind: 'line', points: [from, to], stroke, width: 0.75 },
});

/** What nulls reach along a curve. */
export const floorLine = (points: readonly Point[], stroke: string = ink.faint): Shape => ({
  ...{ kind: 'line', points, stroke, width: 0.9, ...dashes.dotted },
});

export const ceilingLine = (from: Point, to: Point): Shape => ({
  ...{ kind: 'line', points: [from, to], stroke: ink.faint, width: 0.75, dash: [2, 2] },
});
