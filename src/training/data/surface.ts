import type { RandomState } from '../../numerics/random/random-state.js';
import { uniform } from '../../numerics/random/random-stream.js';

/**
 * Colours and patterns of objects and backgrounds: only arithmetic, no transcendental functions.
 */

/** Red, green and blue, each in 0 … 1. */
export type Colour = readonly [red: number, green: number, blue: number];

/** A colour of any hue: `grey + chroma · (its deviation)` of a grey in the range. */
export function drawColour(random: RandomState, low: number, high: number): Colour {
  const grey = uniform(random, low, high);
  const chroma = uniform(random, 0, 0.35);
  const [r, g, b] = [random.double(), random.double(), random.double()];
  const mean = (r + g + b) / 3;
  const channel = (value: number) => Math.min(1, Math.max(0, grey + 2 * chroma * (value - mean)));
  return [channel(r), channel(g), channel(b)];
}

/** Cosine and sine of an angle whose half has a tangent of U(−reach, reach); reach 1 is ± 90 degrees. */
export function drawTurn(random: RandomState, reach: number): readonly [cos: number, sin: number] {
  const t = uniform(random, -reach, reach);
  const scale = 1 / (1 + t * t);
  return [(1 - t * t) * scale, 2 * t * scale];
}

/** A value of a pattern in 0 … 1 at a point of the plane. */
export type Pattern = (x: number, y: number) => number;

/** Random values on a square lattice, joined by smooth steps; repeats after 16 cells of `size`. */
function valueNoise(random: RandomState, size: number): Pattern {
  const cells = 16;
  const lattice = random.randomSample(cells * cells);
  const shift = cells * 8;
  return (x, y) => {
    const gx = x / size + shift;
    const gy = y / size + shift;
    const left = Math.floor(gx);
    const top = Math.floor(gy);
    const fx = gx - left;
    const fy = gy - top;
    const wx = fx * fx * (3 - 2 * fx);
    const wy = fy * fy * (3 - 2 * fy);
    const near = left % cells;
    const far = (left + 1) % cells;
    const upperRow = (top % cells) * cells;
    const lowerRow = ((top + 1) % cells) * cells;
    const upper = lattice[upperRow + near];
    const lower = lattice[lowerRow + near];
    const upperAt = upper + wx * (lattice[upperRow + far] - upper);
    const lowerAt = lower + wx * (lattice[lowerRow + far] - lower);
    return upperAt + wy * (lowerAt - upperAt);
  };
}

/** Triangle waves across any direction, of a period. */
function stripes(random: RandomState, period: number): Pattern {
  const [cos, sin] = drawTurn(random, 1);
  const phase = random.double();
  return (x, y) => {
    const at = (x * cos + y * sin) / period + phase;
    return Math.abs(2 * (at - Math.floor(at)) - 1);
  };
}

/** A board of two values. */
function checks(random: RandomState, size: number): Pattern {
  const [cos, sin] = drawTurn(random, 1);
  return (x, y) => {
    const column = Math.floor((x * cos + y * sin) / size);
    const row = Math.floor((y * cos - x * sin) / size);
    return (column + row) % 2 === 0 ? 0.2 : 0.8;
  };
}

/** One of the patterns, its size drawn from the range (in half images). */
export function drawPattern(random: RandomState, low: number, high: number): Pattern {
  const size = uniform(random, low, high);
  const kind = random.interval(3);
  if (kind === 0) return stripes(random, 2 * size);
  if (kind === 1) return checks(random, size);
  const coarse = valueNoise(random, size);
  const fine = valueNoise(random, size / 3);
  return (x, y) => (2 * coarse(x, y) + fine(x, y)) / 3;
}
