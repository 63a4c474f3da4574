import { ink, type Point, type Shape } from './drawing.js';
import type { LegendEntry } from './figure.js';
import { textWidth } from './text-width.js';

/** The sign of a value: a dot, a lozenge if chosen, a ring if tied with the chosen one, a cross without a value. */
export function signAt(sign: LegendEntry['sign'], [x, y]: Point): Shape[] {
  const [blue] = ink.curves;
  if (sign === 'chosen')
    return [
      {
        kind: 'area',
        points: [
          [x, y - 3.4],
          [x + 3.4, y],
          [x, y + 3.4],
          [x - 3.4, y],
        ],
        fill: ink.curves[1],
      },
    ];
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
  if (sign === 'ceiling') return [ceilingLine([x - 7, y], [x + 7, y])];
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
  if (sign === 'neurons') {
    const points: Point[] = [
      [x - 5, y + 2.5],
      [x - 5, y - 2.5],
      [x + 5, y - 2.5],
      [x + 5, y + 2.5],
    ];
    return [{ kind: 'area', points, fill: ink.faint, opacity: 0.35 }];
  }
  if (sign === 'value') return [intervalLine([x - 6, y], [x + 6, y], blue), dot([x, y], blue)];
  const colour = ink.curves[sign];
  const points: Point[] = [
    [x - 7, y],
    [x + 7, y],
  ];
  return [{ kind: 'line', points, stroke: colour, width: 1, ...dashOf(sign) }, dot([x, y], colour)];
}

/** Dashes tell curves apart without colour. */
export const dashOf = (curve: number): { dash?: readonly [number, number] } =>
  curve === 0 ? {} : { dash: curve === 1 ? [3.5, 2] : [1.2, 1.4] };

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

export const ceilingLine = (from: Point, to: Point): Shape => ({
  ...{ kind: 'line', points: [from, to], stroke: ink.faint, width: 0.75, dash: [2, 2] },
});
