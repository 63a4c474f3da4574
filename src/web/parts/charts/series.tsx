import type { Markish } from '@observablehq/plot';
import type { Plot } from './chart.js';

/** How one of several models or runs is drawn. */
export interface SeriesStyle {
  readonly colour: string;
  readonly symbol:
    | 'circle'
    | 'square'
    | 'triangle'
    | 'diamond'
    | 'star'
    | 'wye'
    | 'cross'
    | 'times';
  /** The symbol as text. */
  readonly sign: string;
}

/**
 * Eight styles, of three to one contrast and more with either ground; shape tells beside the colour (after
 * Okabe and Ito 2008, darker where that was too light).
 */
export const seriesStyles: readonly SeriesStyle[] = [
  { colour: '#1f7fc4', symbol: 'circle', sign: '●' },
  { colour: '#d55e00', symbol: 'square', sign: '■' },
  { colour: '#0a8f6c', symbol: 'triangle', sign: '▲' },
  { colour: '#b85a94', symbol: 'diamond', sign: '◆' },
  { colour: '#9a7400', symbol: 'star', sign: '★' },
  { colour: '#7a6fd0', symbol: 'wye', sign: 'Y' },
  { colour: '#c0455e', symbol: 'cross', sign: '✚' },
  { colour: '#7d8790', symbol: 'times', sign: '✕' },
];

/** The colour and sign of one of several, beside its name; {@link drawingKey} is the same within a drawing. */
export function Swatch({ place }: { readonly place: number }) {
  const { colour, sign } = seriesStyles[place];
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <text x="8" y="14" text-anchor="middle" font-size="16" fill={colour}>
        {sign}
      </text>
    </svg>
  );
}

/** One line of a drawing's key. */
export interface KeyEntry {
  readonly label: string;
  readonly colour: string;
  readonly sign: string;
}

const LINE = 16;
/** Characters of a name in a drawing; the table has all of them. */
const LONGEST = 60;

/** A name as short as a drawing has room for. */
export const shortened = (name: string, most = LONGEST): string =>
  name.length > most ? `${name.slice(0, Math.floor(most) - 1)}…` : name;

/** What stands above a drawing, and is saved with it: whose each colour and sign is. */
export function drawingKey(
  plot: Plot,
  entries: readonly KeyEntry[],
): { readonly marginTop: number; readonly marks: Markish[] } {
  const line = (text: string, i: number, dx: number, fill: string, fontWeight: number) =>
    plot.text([text], {
      ...{ frameAnchor: 'top-left', textAnchor: 'start', lineAnchor: 'middle', facet: 'super' },
      ...{ dx, dy: -LINE * (entries.length - i) - 6, fill, fontSize: 12, fontWeight },
    } as const);
  return {
    marginTop: LINE * entries.length + 24,
    marks: entries.flatMap(({ label, colour, sign }, i) => [
      line(sign, i, 0, colour, 700),
      line(shortened(label), i, 32, 'currentColor', 400),
    ]),
  };
}
