import type { RandomState } from '../../../numerics/random-state.js';
import { blankCanvas, type Canvas, paintShape, type Shade, type Stand } from './canvas.js';
import { measuresOf, objectClasses } from './object-classes.js';
import { type Colour, drawColour, drawPattern, drawTurn, type Pattern } from './surface.js';

/**
 * One picture of objects-on-backgrounds: a patterned ground, loose parts of any class scattered over it,
 * and one object. Every number is drawn before a pixel is made, so the scene is the same at any side.
 */

const uniform = (random: RandomState, low: number, high: number) =>
  low + (high - low) * random.double();

const blend = (one: Colour, other: Colour, share: number): Colour => [
  one[0] + share * (other[0] - one[0]),
  one[1] + share * (other[1] - one[1]),
  one[2] + share * (other[2] - one[2]),
];

const lit = (colour: Colour, factor: number): Colour => [
  colour[0] * factor,
  colour[1] * factor,
  colour[2] * factor,
];

function paintGround(canvas: Canvas, random: RandomState): void {
  const [one, other, third] = [0, 0, 0].map(() => drawColour(random, 0.15, 0.85));
  const first = drawPattern(random, 0.08, 0.5);
  const second = drawPattern(random, 0.25, 1);
  const { side, colours } = canvas;
  for (let i = 0; i < side * side; i++) {
    const x = ((i % side) + 0.5) / (side / 2) - 1;
    const y = (Math.floor(i / side) + 0.5) / (side / 2) - 1;
    colours.set(blend(blend(one, other, first(x, y)), third, 0.6 * second(x, y)), 3 * i);
  }
}

function drawStand(
  random: RandomState,
  place: number,
  low: number,
  high: number,
  turn: number,
): Stand {
  return {
    x: uniform(random, -place, place),
    y: uniform(random, -place, place),
    size: uniform(random, low, high),
    turn: drawTurn(random, turn),
    stretch: uniform(random, 0.85, 1.18),
    facing: random.interval(1) === 0 ? 1 : -1,
  };
}

/** Paint with a pattern of its own under a light from one side, darker towards its border. */
function drawShade(random: RandomState, colour: Colour, pattern: Pattern): Shade {
  const depth = uniform(random, 0, 0.4);
  const [lightX, lightY] = [uniform(random, -0.35, 0.35), uniform(random, -0.35, 0.35)];
  const rim = uniform(random, 0, 0.5);
  return (u, v, inside) => {
    const edge = inside > 0.15 ? 0 : 1 - inside / 0.15;
    const light = 1 + lightX * u + lightY * v - rim * edge;
    return lit(colour, light * (1 - depth * pattern(u, v)));
  };
}

/** Single parts of objects of any class, wherever and however large: what a part alone says is no answer. */
function paintClutter(canvas: Canvas, random: RandomState): void {
  const pieces = 4 + random.interval(6);
  for (let i = 0; i < pieces; i++) {
    const parts = objectClasses[random.interval(objectClasses.length - 1)].draw(measuresOf(random));
    const { distance } = parts[random.interval(parts.length - 1)];
    const stand = drawStand(random, 1, 0.25, 0.9, 1);
    const colour = drawColour(random, 0.1, 0.9);
    const shade = drawShade(random, colour, drawPattern(random, 0.1, 0.5));
    paintShape(canvas, stand, distance, shade, false);
  }
}

function paintObject(canvas: Canvas, random: RandomState, label: number): void {
  const parts = objectClasses[label].draw(measuresOf(random));
  const stand = drawStand(random, 0.3, 0.45, 0.8, 0.35);
  const paints = [0, 1, 2].map(() => {
    const colour = drawColour(random, 0.1, 0.9);
    return drawShade(random, colour, drawPattern(random, 0.1, 0.6));
  });
  for (const { distance, paint } of parts) paintShape(canvas, stand, distance, paints[paint], true);
}

/** Draws the picture of a label; all of it depends on the numbers of the stream alone. */
export function drawScene(
  side: number,
  label: number,
  random: RandomState,
): { readonly pixels: Uint8Array; readonly mask: Uint8Array } {
  const canvas = blankCanvas(side);
  const [contrast, brightness] = [uniform(random, 0.6, 1.1), uniform(random, -0.12, 0.12)];
  paintGround(canvas, random);
  paintClutter(canvas, random);
  paintObject(canvas, random, label);
  const pixel = (value: number) =>
    Math.round(255 * Math.min(1, Math.max(0, 0.5 + contrast * (value - 0.5) + brightness)));
  return {
    pixels: Uint8Array.from(canvas.colours, pixel),
    mask: Uint8Array.from(canvas.cover, (share) => (share > 0.5 ? 255 : 0)),
  };
}
