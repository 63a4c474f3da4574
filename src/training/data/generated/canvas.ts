import type { Distance } from './distance-shapes.js';
import type { Colour } from './surface.js';

/** A square picture under construction: coordinates ±1 from its centre, y down, colours 0 … 1. */
export interface Canvas {
  readonly side: number;
  /** side × side × 3. */
  readonly colours: Float64Array;
  /** side × side: share of each pixel that the object covers. */
  readonly cover: Float64Array;
}

/** An empty, black one. */
export function blankCanvas(side: number): Canvas {
  return {
    side,
    colours: new Float64Array(side * side * 3),
    cover: new Float64Array(side * side),
  };
}

/** How a shape stands in a picture: place of its origin, half size, turn, and width over height. */
export interface Stand {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly turn: readonly [cos: number, sin: number];
  readonly stretch: number;
  /** −1 where it is mirrored. */
  readonly facing: 1 | -1;
}

/** Colour of a shape at a point of its own coordinates; `depth` is the way to its border, in the same units. */
export type Shade = (u: number, v: number, depth: number) => Colour;

/** Paints a shape that lies within ±1.2 of its own coordinates; `record` says that it belongs to the object. */
export function paintShape(
  { side, colours, cover }: Canvas,
  { x, y, size, turn: [cos, sin], stretch, facing }: Stand,
  distance: Distance,
  shade: Shade,
  record: boolean,
): void {
  const half = side / 2;
  const reach = 1.7 * size * Math.max(stretch, 1 / stretch);
  const from = (centre: number) => Math.max(0, Math.floor((centre - reach + 1) * half));
  const to = (centre: number) => Math.min(side, Math.ceil((centre + reach + 1) * half));
  const [left, right, bottom] = [from(x), to(x), to(y)];
  for (let row = from(y); row < bottom; row++) {
    const dy = ((row + 0.5) / half - 1 - y) / size;
    for (let column = left; column < right; column++) {
      const dx = ((column + 0.5) / half - 1 - x) / size;
      const u = ((dx * cos + dy * sin) * facing) / stretch;
      const v = (dy * cos - dx * sin) * stretch;
      if (u > 1.2 || u < -1.2 || v > 1.2 || v < -1.2) continue;
      const away = distance(u, v);
      const share = Math.min(1, 0.5 - away * size * half);
      if (share <= 0) continue;
      const at = row * side + column;
      const colour = shade(u, v, -away);
      for (let c = 0; c < 3; c++) colours[at * 3 + c] += share * (colour[c] - colours[at * 3 + c]);
      if (record) cover[at] += share * (1 - cover[at]);
    }
  }
}
