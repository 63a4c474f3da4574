import type { Distance } from './distance-shapes.js';
import type { Colour } from './surface.js';

/** A square image under construction: coordinates ±1 from its centre, y down, colours 0 … 1. */
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

/** Pose of a shape in an image: origin, half size, rotation, and width over height. */
export interface Stand {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly turn: readonly [cos: number, sin: number];
  readonly stretch: number;
  /** −1 if it is mirrored. */
  readonly facing: 1 | -1;
}

/** How a shape is painted: a colour, times a factor at each point of the shape's own coordinates. */
export interface Paint {
  readonly colour: Colour;
  /** `inside` is the way to the border of the shape, in the same units. */
  factor(u: number, v: number, inside: number): number;
}

/** Paints a shape that is within ±1.2 of its own coordinates; `isObject` notes what it covers. */
export function paintShape(
  { side, colours, cover }: Canvas,
  { x, y, size, turn: [cos, sin], stretch, facing }: Stand,
  distance: Distance,
  { colour: [red, green, blue], factor }: Paint,
  isObject: boolean,
): void {
  const half = side / 2;
  const reach = 1.7 * size * Math.max(stretch, 1 / stretch);
  const from = (centre: number) => Math.max(0, Math.floor((centre - reach + 1) * half));
  const to = (centre: number) => Math.min(side, Math.ceil((centre + reach + 1) * half));
  const left = from(x);
  const right = to(x);
  const bottom = to(y);
  for (let row = from(y); row < bottom; row++) {
    const dy = ((row + 0.5) / half - 1 - y) / size;
    for (let column = left; column < right; column++) {
      const dx = ((column + 0.5) / half - 1 - x) / size;
      const u = ((dx * cos + dy * sin) * facing) / stretch;
      const v = (dy * cos - dx * sin) * stretch;
      if (u > 1.2 || u < -1.2 || v > 1.2 || v < -1.2) continue;
      const away = distance(u, v);
      const share = Math.min(1, 0.5 - away * size * half);
      if (share <= 0) {
        // No border is nearer than half of what the distance says, whatever shape and stretch are.
        column += Math.floor(0.4 * Math.max(0, away * size * half - 1));
        continue;
      }
      const at = row * side + column;
      const light = factor(u, v, -away);
      colours[at * 3] += share * (red * light - colours[at * 3]);
      colours[at * 3 + 1] += share * (green * light - colours[at * 3 + 1]);
      colours[at * 3 + 2] += share * (blue * light - colours[at * 3 + 2]);
      if (isObject) cover[at] += share * (1 - cover[at]);
    }
  }
}
