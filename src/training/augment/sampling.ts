import { eachLayer, type Frame } from './frame.js';

/** Sampling between pixels, beyond the border as in a mirror: OpenCV's INTER_LINEAR and BORDER_REFLECT_101. */

/** Where each pixel of the result is in the source; pixel centres have whole numbers. */
export interface Positions {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** [a, b, c, d, e, f]: x' = a x + b y + c, y' = d x + e y + f. */
export type Affine = readonly [number, number, number, number, number, number];

/** Mirrored into 0 … length − 1; the border itself is not repeated. */
export function reflect101(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = Math.abs(index) % period;
  return within < length ? within : period - within;
}

/** Positions for a map from source to result, as `cv2.warpAffine` takes it. */
export function affinePositions(width: number, height: number, map: Affine): Positions {
  const [a, b, c, d, e, f] = map;
  const determinant = a * e - b * d;
  // As OpenCV does it: a map that cannot be inverted shows one point everywhere.
  const scale = determinant === 0 ? 0 : 1 / determinant;
  const [ia, ib, id, ie] = [e * scale, -b * scale, -d * scale, a * scale];
  const [ic, jf] = [-(ia * c + ib * f), -(id * c + ie * f)];
  const x = new Float64Array(width * height);
  const y = new Float64Array(width * height);
  for (let row = 0, o = 0; row < height; row++) {
    for (let column = 0; column < width; column++, o++) {
      x[o] = ia * column + ib * row + ic;
      y[o] = id * column + ie * row + jf;
    }
  }
  return { x, y };
}

/** The frame as it is at other positions (`cv2.remap`, but for OpenCV's rounding to 1/32 pixel); the mask follows. */
export function remap(frame: Frame, positions: Positions): Frame {
  const { width, height } = frame;
  return eachLayer(frame, width, height, (data, channels) =>
    sampled(data, channels, width, height, positions),
  );
}

function sampled(
  data: Float32Array,
  channels: number,
  width: number,
  height: number,
  { x, y }: Positions,
): Float32Array {
  const out = new Float32Array(width * height * channels);
  for (let i = 0, o = 0; i < x.length; i++, o += channels) {
    const left = Math.floor(x[i]);
    const top = Math.floor(y[i]);
    const [dx, dy] = [x[i] - left, y[i] - top];
    const inside = left >= 0 && left + 1 < width && top >= 0 && top + 1 < height;
    const x0 = inside ? left : reflect101(left, width);
    const x1 = inside ? left + 1 : reflect101(left + 1, width);
    const y0 = (inside ? top : reflect101(top, height)) * width;
    const y1 = (inside ? top + 1 : reflect101(top + 1, height)) * width;
    const a = (y0 + x0) * channels;
    const b = (y0 + x1) * channels;
    const c = (y1 + x0) * channels;
    const d = (y1 + x1) * channels;
    const [wa, wb, wc, wd] = [(1 - dx) * (1 - dy), dx * (1 - dy), (1 - dx) * dy, dx * dy];
    for (let k = 0; k < channels; k++)
      out[o + k] = data[a + k] * wa + data[b + k] * wb + data[c + k] * wc + data[d + k] * wd;
  }
  return out;
}
