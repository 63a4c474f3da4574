import { ink, type Point, type Shape } from './drawing.js';

/** How one of several models, benchmarks or runs is drawn. */
export interface SeriesStyle {
  readonly colour: string;
  readonly symbol:
    | 'circle'
    | 'square'
    | 'triangle'
    | 'diamond'
    | 'down'
    | 'plus'
    | 'cross'
    | 'star';
}

/**
 * Eight styles, of three to one contrast and more with a light and a dark ground; shape tells beside the colour (after
 * Okabe and Ito 2008, darker where that was too light).
 */
export const seriesStyles: readonly SeriesStyle[] = [
  { colour: '#1f7fc4', symbol: 'circle' },
  { colour: '#d55e00', symbol: 'square' },
  { colour: '#0a8f6c', symbol: 'triangle' },
  { colour: '#b85a94', symbol: 'diamond' },
  { colour: '#9a7400', symbol: 'star' },
  { colour: '#7a6fd0', symbol: 'down' },
  { colour: '#c0455e', symbol: 'plus' },
  { colour: '#7d8790', symbol: 'cross' },
];

/** The style of a series; the ninth is drawn as the first. */
export const styleOf = (series: number): SeriesStyle => seriesStyles[series % seriesStyles.length];

const PLUS: readonly Point[] = [
  [-0.35, -1.1],
  [0.35, -1.1],
  [0.35, -0.35],
  [1.1, -0.35],
  [1.1, 0.35],
  [0.35, 0.35],
  [0.35, 1.1],
  [-0.35, 1.1],
  [-0.35, 0.35],
  [-1.1, 0.35],
  [-1.1, -0.35],
  [-0.35, -0.35],
];

const turned = (points: readonly Point[], angle: number): Point[] =>
  points.map(([x, y]) => [
    x * Math.cos(angle) - y * Math.sin(angle),
    x * Math.sin(angle) + y * Math.cos(angle),
  ]);

/** Corners about the middle, at a radius of about 1. */
const corners: Record<Exclude<SeriesStyle['symbol'], 'circle'>, readonly Point[]> = {
  square: [
    [-0.9, -0.9],
    [0.9, -0.9],
    [0.9, 0.9],
    [-0.9, 0.9],
  ],
  triangle: [
    [0, -1.2],
    [1.15, 0.85],
    [-1.15, 0.85],
  ],
  down: [
    [0, 1.2],
    [1.15, -0.85],
    [-1.15, -0.85],
  ],
  diamond: [
    [0, -1.25],
    [1.25, 0],
    [0, 1.25],
    [-1.25, 0],
  ],
  plus: PLUS,
  cross: turned(PLUS, Math.PI / 4),
  star: Array.from({ length: 10 }, (_, i): Point => {
    const radius = i % 2 === 0 ? 1.3 : 0.6;
    const angle = (i * Math.PI) / 5;
    return [radius * Math.sin(angle), -radius * Math.cos(angle)];
  }),
};

/**
 * The symbol of a series.
 * @param open drawn as an outline
 */
export function symbolAt(series: number, [x, y]: Point, radius = 2, open = false): Shape {
  const { colour, symbol } = styleOf(series);
  const paint = { fill: open ? ink.ground : colour, ...(open ? { stroke: colour } : {}) };
  if (symbol === 'circle') return { kind: 'circle', at: [x, y], radius, ...paint };
  const points = corners[symbol].map(([dx, dy]): Point => [x + radius * dx, y + radius * dy]);
  return { kind: 'area', points, ...paint };
}
