import type { RandomState } from '../../numerics/random/random-state.js';
import { uniform } from '../../numerics/random/random-stream.js';
import { blankCanvas, type Canvas, type Paint, paintShape, type Stand } from './canvas.js';
import { objectClasses, objectMeasures } from './object-classes.js';
import { type Colour, drawColour, drawPattern, drawTurn } from './surface.js';

/**
 * One image of objects-on-backgrounds: a patterned ground, loose parts of any class scattered over it,
 * and one object. Every number is drawn before a pixel is made, so the scene is the same at any side.
 */

/** Three colours: two that a pattern blends, and one that another lays over them. Gives their mean grey. */
function paintGround({ side, colours }: Canvas, random: RandomState): number {
  const palette = [0, 0, 0].map(() => drawColour(random, 0.15, 0.85));
  const first = drawPattern(random, 0.08, 0.5);
  const second = drawPattern(random, 0.25, 1);
  const start = palette[0];
  const toOther = start.map((value, c) => palette[1][c] - value);
  const laid = palette[2];
  for (let row = 0; row < side; row++) {
    const y = (2 * row + 1) / side - 1;
    for (let column = 0; column < side; column++) {
      const x = (2 * column + 1) / side - 1;
      const share = first(x, y);
      const over = 0.6 * second(x, y);
      const at = (row * side + column) * 3;
      for (let c = 0; c < 3; c++) {
        const blended = start[c] + share * toOther[c];
        colours[at + c] = blended + over * (laid[c] - blended);
      }
    }
  }
  const [one, other, third] = palette.map(([red, green, blue]) => (red + green + blue) / 3);
  return 0.35 * (one + other) + 0.3 * third;
}

interface StandRange {
  readonly place: number;
  readonly size: readonly [low: number, high: number];
  /** Reach of {@link drawTurn}. */
  readonly turn: number;
}

function drawStand(random: RandomState, { place, size, turn }: StandRange): Stand {
  return {
    x: uniform(random, -place, place),
    y: uniform(random, -place, place),
    size: uniform(random, ...size),
    turn: drawTurn(random, turn),
    stretch: uniform(random, 0.85, 1.18),
    facing: random.interval(1) === 0 ? 1 : -1,
  };
}

/** Paint with a pattern of its own under a light from one side, darker towards its border. */
function drawPaint(random: RandomState, colour: Colour): Paint {
  const pattern = drawPattern(random, 0.1, 0.6);
  const depth = uniform(random, 0, 0.4);
  const lightX = uniform(random, -0.35, 0.35);
  const lightY = uniform(random, -0.35, 0.35);
  const rim = uniform(random, 0, 0.5);
  return {
    colour,
    factor: (u, v, inside) => {
      const edge = inside > 0.15 ? 0 : 1 - inside / 0.15;
      return (1 + lightX * u + lightY * v - rim * edge) * (1 - depth * pattern(u, v));
    },
  };
}

/**
 * Distractors: single parts of objects of any class, at any place and size, so that a part alone does not
 * give the class.
 */
function paintClutter(canvas: Canvas, random: RandomState): void {
  const pieces = 3 + random.interval(5);
  for (let i = 0; i < pieces; i++) {
    const parts = objectClasses[random.interval(objectClasses.length - 1)].draw(
      objectMeasures(random),
    );
    const { distance } = parts[random.interval(parts.length - 1)];
    const stand = drawStand(random, { place: 1, size: [0.2, 0.7], turn: 1 });
    const paint = drawPaint(random, drawColour(random, 0.1, 0.9));
    paintShape(canvas, stand, distance, paint, false);
  }
}

/** A colour darker or lighter than a ground by .2 at least, either with a chance of one half where both are left. */
function drawContrast(random: RandomState, ground: number): Colour {
  const coin = random.interval(1) === 0;
  const darker = ground > 0.7 || (ground > 0.3 && coin);
  return darker ? drawColour(random, 0.05, ground - 0.2) : drawColour(random, ground + 0.2, 0.95);
}

function paintObject(canvas: Canvas, random: RandomState, label: number, ground: number): void {
  const parts = objectClasses[label].draw(objectMeasures(random));
  const stand = drawStand(random, { place: 0.25, size: [0.5, 0.85], turn: 0.3 });
  const paints = [
    drawPaint(random, drawContrast(random, ground)),
    drawPaint(random, drawColour(random, 0.1, 0.9)),
    drawPaint(random, drawColour(random, 0.1, 0.9)),
  ];
  for (const { distance, paint } of parts) paintShape(canvas, stand, distance, paints[paint], true);
}

/** Draws the image of a label; it depends only on the random stream. */
export function drawScene(
  side: number,
  label: number,
  random: RandomState,
): { readonly pixels: Uint8Array; readonly mask: Uint8Array } {
  const canvas = blankCanvas(side);
  const contrast = uniform(random, 0.6, 1.1);
  const brightness = uniform(random, -0.12, 0.12);
  const ground = paintGround(canvas, random);
  paintClutter(canvas, random);
  paintObject(canvas, random, label, ground);
  const { colours, cover } = canvas;
  const pixels = new Uint8ClampedArray(colours.length); // rounds, half to even, and clips
  for (let i = 0; i < colours.length; i++)
    pixels[i] = 255 * (0.5 + contrast * (colours[i] - 0.5) + brightness);
  const mask = new Uint8Array(cover.length);
  for (let i = 0; i < cover.length; i++) mask[i] = cover[i] > 0.5 ? 255 : 0;
  return { pixels: new Uint8Array(pixels.buffer), mask };
}
