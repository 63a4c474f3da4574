import { VentralError } from '../../errors/ventral-error.js';
import type { RandomState } from '../../numerics/random/random-state.js';
import { type Frame, withPixels } from './frame.js';
import { reflect101 } from './sampling.js';
import { integerFrom, limitSchema, type TransformKind, transformKind } from './transform.js';

/** albumentations 1.1.0: `MotionBlur`. */

/** A step of a blur: a neighbour, by its offset. All weigh the same. */
type Offset = readonly [number, number];

type Point = readonly [number, number];

/** Pixels of a line one pixel wide, both ends in it: `cv2.line` (Bresenham, 8 neighbours, left to right). */
export function linePixels(one: Point, other: Point): Point[] {
  const [[x0, y0], [x1, y1]] = one[0] <= other[0] ? [one, other] : [other, one];
  const down = y1 < y0 ? -1 : 1;
  const [dx, dy] = [x1 - x0, Math.abs(y1 - y0)];
  const steep = dy > dx;
  const [long, short] = steep ? [dy, dx] : [dx, dy];
  let error = long - 2 * short;
  let [x, y] = [x0, y0];
  const pixels: Point[] = [[x, y]];
  for (let i = 0; i < long; i++) {
    const both = error < 0;
    error += (both ? 2 * long : 0) - 2 * short;
    if (!steep || both) x++;
    if (steep || both) y += down;
    pixels.push([x, y]);
  }
  return pixels;
}

/** `get_params`: two different points of a grid of `size` × `size`, as the offsets of the line between them. */
function randomLine(size: number, random: RandomState): Offset[] {
  const [xs, xe] = [integerFrom(random, 0, size - 1), integerFrom(random, 0, size - 1)];
  const ys = integerFrom(random, 0, size - 1);
  let ye = integerFrom(random, 0, xs === xe ? size - 2 : size - 1);
  if (xs === xe && ye >= ys) ye++;
  const center = (size - 1) / 2;
  return linePixels([xs, ys], [xe, ye]).map(([x, y]) => [x - center, y - center]);
}

/** `cv2.filter2D` with a kernel that weighs these neighbours alike. */
export function blurAlong(frame: Frame, offsets: readonly Offset[]): Frame {
  const { width, height, pixels } = frame;
  const sums = new Float64Array(pixels.length);
  for (const [dx, dy] of offsets) {
    const columns = Int32Array.from({ length: width }, (_, x) => 3 * reflect101(x + dx, width));
    for (let y = 0, o = 0; y < height; y++) {
      const row = 3 * width * reflect101(y + dy, height);
      for (let x = 0; x < width; x++, o += 3) {
        const from = row + columns[x];
        sums[o] += pixels[from];
        sums[o + 1] += pixels[from + 1];
        sums[o + 2] += pixels[from + 2];
      }
    }
  }
  const out = new Float32Array(pixels.length);
  for (let i = 0; i < out.length; i++) out[i] = sums[i] / offsets.length;
  return withPixels(frame, out);
}

const LEAST = 3;

const motionBlurKind = transformKind<{
  readonly blur_limit: number | readonly [number, number];
}>(
  0.5,
  {
    blur_limit: {
      ...limitSchema(LEAST, 99, 7),
      type: ['integer', 'array'],
      items: { type: 'integer', minimum: LEAST, maximum: 99 },
    },
  },
  ({ blur_limit }) => {
    const [low, high] = typeof blur_limit === 'number' ? [LEAST, blur_limit] : blur_limit;
    if (low > high || low % 2 === 0 || high % 2 === 0) {
      throw new VentralError(
        'recipe-invalid',
        `MotionBlur.blur_limit: expected odd sizes from low to high, found ${low} to ${high}`,
        { field: 'MotionBlur.blur_limit', expected: 'odd sizes', found: `[${low}, ${high}]` },
      );
    }
    return (frame, random) => {
      const size = low + 2 * random.interval((high - low) / 2);
      return blurAlong(frame, randomLine(size, random));
    };
  },
);

/** By name. */
export const blur = { MotionBlur: motionBlurKind } satisfies Record<string, TransformKind>;
