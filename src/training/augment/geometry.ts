import type { RandomState } from '../../numerics/random/random-state.js';
import { sizeCache } from '../../screen/size-cache.js';
import type { Frame } from './frame.js';
import { type Affine, affinePositions, remap } from './sampling.js';
import {
  limitSchema,
  limits,
  numberSchema,
  type Range,
  type TransformKind,
  transformKind,
  uniformIn,
} from './transform.js';

/** albumentations 1.1.0: geometric transformations. */

/** `shift_scale_rotate`: angle in degrees, about (w/2, h/2) (counterclockwise), shift in shares of the side. */
export function shiftScaleRotate(
  frame: Frame,
  angle: number,
  scale: number,
  shift: readonly [number, number],
): Frame {
  const { width, height } = frame;
  const [alpha, beta] = [
    scale * Math.cos((angle * Math.PI) / 180),
    scale * Math.sin((angle * Math.PI) / 180),
  ];
  const [cx, cy] = [width / 2, height / 2];
  const map: Affine = [
    alpha,
    beta,
    (1 - alpha) * cx - beta * cy + shift[0] * width,
    -beta,
    alpha,
    beta * cx + (1 - alpha) * cy + shift[1] * height,
  ];
  return remap(frame, affinePositions(width, height, map));
}

const shiftScaleRotateKind = transformKind<{
  readonly shift_limit: number | Range;
  readonly scale_limit: number | Range;
  readonly rotate_limit: number | Range;
}>(
  0.5,
  {
    shift_limit: limitSchema(-1, 1, 0.0625),
    scale_limit: limitSchema(-0.99, 10, 0.1),
    rotate_limit: limitSchema(-360, 360, 45),
  },
  ({ shift_limit, scale_limit, rotate_limit }) => {
    const rotate = limits('ShiftScaleRotate.rotate_limit', rotate_limit);
    const scale = limits('ShiftScaleRotate.scale_limit', scale_limit, 1);
    const shift = limits('ShiftScaleRotate.shift_limit', shift_limit);
    return (frame, random) => {
      const angle = uniformIn(random, rotate);
      const size = uniformIn(random, scale);
      const dx = uniformIn(random, shift);
      return shiftScaleRotate(frame, angle, size, [dx, uniformIn(random, shift)]);
    };
  },
);

/** Row i sums values from start[i] on with the `taps` weights from i × taps on. */
interface Smoothing {
  readonly taps: number;
  readonly start: Int32Array;
  readonly weights: Float64Array;
}

/** One axis of scipy's `gaussian_filter` (truncate 4, mode reflect), the mirrored values added up. */
function makeSmoothing(length: number, sigma: number): Smoothing {
  const radius = Math.trunc(4 * sigma + 0.5);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, k) =>
    Math.exp((-0.5 * (k - radius) ** 2) / sigma ** 2),
  );
  const sum = kernel.reduce((total, weight) => total + weight, 0);
  const taps = Math.min(length, 2 * radius + 1);
  const weights = new Float64Array(length * taps);
  const start = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    // Pixels mirrored at a border end up within the radius of it, on this side.
    start[i] = Math.min(Math.max(0, i - radius), length - taps);
    for (let k = -radius; k <= radius; k++) {
      const within = (((i + k) % (2 * length)) + 2 * length) % (2 * length);
      const j = within < length ? within : 2 * length - 1 - within;
      weights[i * taps + j - start[i]] += kernel[k + radius] / sum;
    }
  }
  return { taps, start, weights };
}

/** Longest side whose weights are kept for the next image. */
const MOST_KEPT = 256;

const kept = sizeCache<string, Smoothing>((length, _to, sigma) =>
  makeSmoothing(length, Number(sigma)),
);

const smoothing = (length: number, sigma: number) =>
  length <= MOST_KEPT ? kept(length, length, String(sigma)) : makeSmoothing(length, sigma);

/** A narrower filter than this has a radius of 0, and changes nothing. */
const LEAST_SIGMA = 0.125;

/** scipy's `gaussian_filter` of a field. */
export function gaussianFilter(
  field: Float64Array,
  width: number,
  height: number,
  sigma: number,
): Float64Array {
  if (sigma < LEAST_SIGMA) return field;
  const down = smoothing(height, sigma);
  const across = smoothing(width, sigma);
  const rows = new Float64Array(field.length);
  for (let y = 0; y < height; y++) {
    const row = rows.subarray(y * width, (y + 1) * width);
    for (let k = 0; k < down.taps; k++) {
      const weight = down.weights[y * down.taps + k];
      for (let x = 0, from = (down.start[y] + k) * width; x < width; x++)
        row[x] += weight * field[from++];
    }
  }
  const out = new Float64Array(field.length);
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0; x < width; x++, o++) {
      let sum = 0;
      for (let k = 0, from = y * width + across.start[x]; k < across.taps; k++)
        sum += across.weights[x * across.taps + k] * rows[from++];
      out[o] = sum;
    }
  }
  return out;
}

/** The affine map that takes three points to three others (`cv2.getAffineTransform`). */
function affineThrough(
  from: readonly (readonly [number, number])[],
  to: readonly (readonly [number, number])[],
): Affine {
  const [[x0, y0], [x1, y1], [x2, y2]] = from;
  const determinant = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
  const row = (axis: 0 | 1): [number, number, number] => {
    const [u0, u1, u2] = to.map((point) => point[axis]);
    const a = ((u1 - u0) * (y2 - y0) - (u2 - u0) * (y1 - y0)) / determinant;
    const b = ((x1 - x0) * (u2 - u0) - (x2 - x0) * (u1 - u0)) / determinant;
    return [a, b, u0 - a * x0 - b * y0];
  };
  return [...row(0), ...row(1)];
}

/** What `ElasticTransform` is given. */
export interface ElasticParameters {
  readonly alpha: number;
  /** Pixels. */
  readonly sigma: number;
  /** Pixels. */
  readonly alpha_affine: number;
}

/** The affine part: three points move by up to `most` pixels along both axes. */
function movedByThreePoints(frame: Frame, most: number, random: RandomState): Frame {
  const { width, height } = frame;
  const third = Math.floor(Math.min(width, height) / 3);
  // The original takes (height, width) for (x, y) here.
  const [cx, cy] = [Math.floor(height / 2), Math.floor(width / 2)];
  const from: [number, number][] = [
    [cx + third, cy + third],
    [cx + third, cy - third],
    [cx - third, cy - third],
  ];
  const move = () => uniformIn(random, [-most, most]);
  const to = from.map(([x, y]): [number, number] => [x + move(), y + move()]);
  // Three points of an image below 3 pixels fall together: there is nothing to move.
  if (third === 0) return frame;
  return remap(frame, affinePositions(width, height, affineThrough(from, to)));
}

/** `elastic_transform`: an affine map of three points, then a smooth random displacement. */
export function elasticTransform(
  frame: Frame,
  { alpha, sigma, alpha_affine }: ElasticParameters,
  random: RandomState,
): Frame {
  const { width, height } = frame;
  const moved = movedByThreePoints(frame, alpha_affine, random);
  const field = () => {
    const noise = random.randomSample(width * height);
    for (let i = 0; i < noise.length; i++) noise[i] = noise[i] * 2 - 1;
    return gaussianFilter(noise, width, height, sigma);
  };
  const [x, y] = [field(), field()];
  for (let i = 0; i < x.length; i++) {
    x[i] = (i % width) + alpha * x[i];
    y[i] = Math.floor(i / width) + alpha * y[i];
  }
  return remap(moved, { x, y });
}

const elasticKind = transformKind<ElasticParameters>(
  0.5,
  {
    alpha: numberSchema(0, 10_000, 1),
    sigma: numberSchema(0, 1000, 50),
    alpha_affine: numberSchema(0, 1000, 50),
  },
  (parameters) => (frame, random) => elasticTransform(frame, parameters, random),
);

/** By name. */
export const geometry = {
  ShiftScaleRotate: shiftScaleRotateKind,
  ElasticTransform: elasticKind,
} satisfies Record<string, TransformKind>;
