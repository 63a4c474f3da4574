import { clipped, type Frame, withPixels } from './frame.js';
import {
  limitSchema,
  limits,
  ordered,
  type Range,
  type TransformKind,
  transformKind,
  uniformIn,
} from './transform.js';

/** Brightness, contrast, saturation and hue, as albumentations 1.1.0 and torchvision 0.21 change them. */

/** albumentations: α x + β of a white pixel, or of the mean of the image; clipped. */
export function brightnessContrast(
  frame: Frame,
  alpha: number,
  beta: number,
  byMax: boolean,
): Frame {
  const offset = byMax ? beta : beta * mean(frame.pixels);
  return withPixels(
    frame,
    frame.pixels.map((value) => clipped(alpha * value + offset)),
  );
}

function mean(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

const brightnessContrastKind = transformKind<{
  readonly brightness_limit: number | Range;
  readonly contrast_limit: number | Range;
  readonly brightness_by_max: boolean;
}>(
  0.5,
  {
    brightness_limit: limitSchema(-1, 1, 0.2),
    contrast_limit: limitSchema(-1, 10, 0.2),
    brightness_by_max: { type: 'boolean', default: true },
  },
  ({ brightness_limit, contrast_limit, brightness_by_max }) => {
    const contrast = limits('RandomBrightnessContrast.contrast_limit', contrast_limit, 1);
    const brightness = limits('RandomBrightnessContrast.brightness_limit', brightness_limit);
    return (frame, random) => {
      const alpha = uniformIn(random, contrast);
      return brightnessContrast(frame, alpha, uniformIn(random, brightness), brightness_by_max);
    };
  },
);

/** torchvision's grey: weights of ITU-R 601 as it rounds them. */
const grey = (r: number, g: number, b: number) => 0.2989 * r + 0.587 * g + 0.114 * b;

/** torchvision's `adjust_brightness`. */
export function adjustBrightness(frame: Frame, factor: number): Frame {
  return withPixels(
    frame,
    frame.pixels.map((value) => clipped(factor * value)),
  );
}

/** torchvision's `adjust_contrast`: away from, or towards, the mean of its grey. */
export function adjustContrast(frame: Frame, factor: number): Frame {
  const { pixels } = frame;
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 3) sum += grey(pixels[i], pixels[i + 1], pixels[i + 2]);
  const offset = ((1 - factor) * sum * 3) / pixels.length;
  return withPixels(
    frame,
    pixels.map((value) => clipped(factor * value + offset)),
  );
}

/** torchvision's `adjust_saturation`: away from, or towards, each pixel's grey. */
export function adjustSaturation(frame: Frame, factor: number): Frame {
  const { pixels } = frame;
  const out = new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i += 3) {
    const offset = (1 - factor) * grey(pixels[i], pixels[i + 1], pixels[i + 2]);
    for (let c = i; c < i + 3; c++) out[c] = clipped(factor * pixels[c] + offset);
  }
  return withPixels(frame, out);
}

/** torchvision's `adjust_hue`: the hue of HSV moves by a share of the circle. */
export function adjustHue(frame: Frame, shift: number): Frame {
  const { pixels } = frame;
  const out = new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i += 3) {
    const [r, g, b] = [pixels[i], pixels[i + 1], pixels[i + 2]];
    const value = Math.max(r, g, b);
    const chroma = value - Math.min(r, g, b);
    const hue = (hueOf(r, g, b, value, chroma) + 6 * shift + 6) % 6;
    // Of the three colours one is the value, one the value less all chroma, one between them.
    const sector = Math.floor(hue);
    const rest = hue - sector;
    const low = value - chroma;
    const rising = value - chroma * (1 - rest);
    const falling = value - chroma * rest;
    out[i] = [value, falling, low, low, rising, value][sector];
    out[i + 1] = [rising, value, value, falling, low, low][sector];
    out[i + 2] = [low, low, rising, value, value, falling][sector];
  }
  return withPixels(frame, out);
}

/** Hue in sixths of the circle, from 0 to below 6; 0 if there is none. */
function hueOf(r: number, g: number, b: number, value: number, chroma: number): number {
  if (chroma === 0) return 0;
  if (value === r) return ((g - b) / chroma + 6) % 6;
  if (value === g) return (b - r) / chroma + 2;
  return (r - g) / chroma + 4;
}

const adjustments = [adjustBrightness, adjustContrast, adjustSaturation, adjustHue];

interface JitterParameters {
  readonly brightness: number | Range;
  readonly contrast: number | Range;
  readonly saturation: number | Range;
  readonly hue: number | Range;
}

/** A factor: 1 ± the number, not below 0; or the range itself. */
function factors(name: string, value: number | Range): Range {
  if (typeof value === 'number') return [Math.max(0, 1 - value), 1 + value];
  return ordered(`ColorJitter.${name}`, value);
}

const colorJitterKind = transformKind<JitterParameters>(
  1,
  {
    brightness: limitSchema(0, 100, 0),
    contrast: limitSchema(0, 100, 0),
    saturation: limitSchema(0, 100, 0),
    hue: limitSchema(-0.5, 0.5, 0),
  },
  ({ brightness, contrast, saturation, hue }) => {
    const ranges = [
      factors('brightness', brightness),
      factors('contrast', contrast),
      factors('saturation', saturation),
      limits('ColorJitter.hue', hue),
    ];
    const idle = ranges.map(([low, high], i) => low === high && low === (i === 3 ? 0 : 1));
    return (frame, random) => {
      const order = random.permutation(ranges.length);
      const by = ranges.map((range) => uniformIn(random, range));
      return order.reduce((now, i) => (idle[i] ? now : adjustments[i](now, by[i])), frame);
    };
  },
);

/** By name. */
export const colour = {
  RandomBrightnessContrast: brightnessContrastKind,
  ColorJitter: colorJitterKind,
} satisfies Record<string, TransformKind>;
