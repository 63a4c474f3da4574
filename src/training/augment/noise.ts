import type { RandomState } from '../../numerics/random/random-state.js';
import { clipped, type Frame, withPixels } from './frame.js';
import {
  limitSchema,
  numberSchema,
  ordered,
  pairSchema,
  type Range,
  type TransformKind,
  transformKind,
  uniformIn,
} from './transform.js';

/** albumentations 1.1.0: noise of a sensor. Variances are those of 8-bit pixels, as there. */

/** `gauss_noise`: mean and sigma in 8-bit units; without `perChannel` the three colours get the same noise. */
export function gaussNoise(
  frame: Frame,
  mean: number,
  sigma: number,
  perChannel: boolean,
  random: RandomState,
): Frame {
  const { pixels } = frame;
  const noise = random.standardNormal(perChannel ? pixels.length : pixels.length / 3);
  const out = new Float32Array(pixels.length);
  for (let i = 0; i < out.length; i++) {
    const draw = noise[perChannel ? i : Math.floor(i / 3)];
    out[i] = clipped(pixels[i] + (mean + sigma * draw) / 255);
  }
  return withPixels(frame, out);
}

const gaussNoiseKind = transformKind<{
  readonly var_limit: number | Range;
  readonly mean: number;
  readonly per_channel: boolean;
}>(
  0.5,
  {
    var_limit: limitSchema(0, 65025, [10, 50]),
    mean: numberSchema(-255, 255, 0),
    per_channel: { type: 'boolean', default: true },
  },
  ({ var_limit, mean, per_channel }) => {
    const range: Range =
      typeof var_limit === 'number' ? [0, var_limit] : ordered('GaussNoise.var_limit', var_limit);
    return (frame, random) =>
      gaussNoise(frame, mean, Math.sqrt(uniformIn(random, range)), per_channel, random);
  },
);

/** Hue in degrees, lightness and saturation of every pixel: OpenCV's HLS. */
function toHls(pixels: Float32Array) {
  const count = pixels.length / 3;
  const hue = new Float64Array(count);
  const lightness = new Float64Array(count);
  const saturation = new Float64Array(count);
  for (let i = 0, from = 0; i < count; i++, from += 3) {
    const [r, g, b] = [pixels[from], pixels[from + 1], pixels[from + 2]];
    const [high, low] = [Math.max(r, g, b), Math.min(r, g, b)];
    const [sum, chroma] = [high + low, high - low];
    lightness[i] = sum / 2;
    if (chroma <= FLOAT_EPSILON) continue;
    saturation[i] = chroma / (sum < 1 ? sum : 2 - sum);
    if (high === r) hue[i] = (60 * (g - b)) / chroma;
    else if (high === g) hue[i] = (60 * (b - r)) / chroma + 120;
    else hue[i] = (60 * (r - g)) / chroma + 240;
  }
  return { hue, lightness, saturation };
}

const FLOAT_EPSILON = 2 ** -23;

/** One colour of HLS: `sixth` is its place on the circle of hues, in sixths. */
function fromHls(sixth: number, low: number, high: number): number {
  const at = ((sixth % 6) + 6) % 6;
  if (at < 1) return low + (high - low) * at;
  if (at < 3) return high;
  return at < 4 ? low + (high - low) * (4 - at) : low;
}

function deviation(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Math.sqrt(squares / values.length);
}

/** `iso_noise`: Poisson noise of lightness, normal noise of hue. */
export function isoNoise(
  frame: Frame,
  colorShift: number,
  intensity: number,
  random: RandomState,
): Frame {
  const { hue, lightness, saturation } = toHls(frame.pixels);
  const rate = deviation(lightness) * intensity * 255;
  for (let i = 0; i < hue.length; i++)
    lightness[i] += (random.poisson(rate) / 255) * (1 - lightness[i]);
  const turns = random.standardNormal(hue.length);
  const out = new Float32Array(frame.pixels.length);
  for (let i = 0, o = 0; i < hue.length; i++, o += 3) {
    const l = lightness[i];
    const s = saturation[i];
    const high = l <= 0.5 ? l * (1 + s) : l + s - l * s;
    const low = 2 * l - high;
    const sixth = hue[i] / 60 + colorShift * 6 * intensity * turns[i];
    out[o] = clipped(fromHls(sixth + 2, low, high));
    out[o + 1] = clipped(fromHls(sixth, low, high));
    out[o + 2] = clipped(fromHls(sixth - 2, low, high));
  }
  return withPixels(frame, out);
}

const isoNoiseKind = transformKind<{
  readonly color_shift: Range;
  readonly intensity: Range;
}>(
  0.5,
  {
    color_shift: pairSchema(0, 1, [0.01, 0.05]),
    intensity: pairSchema(0, 2, [0.1, 0.5]),
  },
  ({ color_shift, intensity }) => {
    ordered('ISONoise.color_shift', color_shift);
    ordered('ISONoise.intensity', intensity);
    return (frame, random) => {
      const shift = uniformIn(random, color_shift);
      return isoNoise(frame, shift, uniformIn(random, intensity), random);
    };
  },
);

/** By name. */
export const noise = {
  GaussNoise: gaussNoiseKind,
  ISONoise: isoNoiseKind,
} satisfies Record<string, TransformKind>;
