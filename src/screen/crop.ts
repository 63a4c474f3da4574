import { VentralError } from '../errors/ventral-error.js';
import type { FloatRaster, Raster } from './picture.js';
import { roundHalfEven } from './round-half-even.js';

/**
 * Centre crops. `torchvision`'s offset is rounded half to even and an image smaller than the crop is
 * first padded with zeros; `transformers` floors the offset and pads more at the top and left; `albumentations` (the
 * OpenCV recipes) floors and refuses such an image. Parity: to the pixel (oracle group 10, and test/fixtures/hub).
 */
export type CropRule = 'torchvision' | 'transformers' | 'albumentations';

/** Offset of a centre crop of `crop` pixels in `size` pixels, `crop` ≤ `size`. */
export function cropOffset(size: number, crop: number, rule: CropRule): number {
  const half = (size - crop) / 2;
  return rule === 'torchvision' ? roundHalfEven(half) : Math.floor(half);
}

function pad<T extends Raster | FloatRaster>(
  source: T,
  width: number,
  height: number,
  rule: CropRule,
): T {
  const round = rule === 'transformers' ? Math.ceil : Math.floor;
  const left = round(Math.max(0, width - source.width) / 2);
  const top = round(Math.max(0, height - source.height) / 2);
  const wide = Math.max(width, source.width);
  const { channels } = source;
  const length = wide * Math.max(height, source.height) * channels;
  const data =
    source.data instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
  for (let y = 0; y < source.height; y++) {
    const row = source.data.subarray(
      y * source.width * channels,
      (y + 1) * source.width * channels,
    );
    data.set(row, ((top + y) * wide + left) * channels);
  }
  return { ...source, width: wide, height: Math.max(height, source.height), data };
}

/** A rectangle of an image, in pixels from its top left corner. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The pixels of a window that lies inside the image; the same object where it is all of it. */
export function cut<T extends Raster | FloatRaster>(source: T, window: Window): T {
  const { left, top, width, height } = window;
  if (source.width === width && source.height === height) return source;
  const { channels } = source;
  const length = width * height * channels;
  const data =
    source.data instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * source.width + left) * channels;
    data.set(source.data.subarray(from, from + width * channels), y * width * channels);
  }
  return { ...source, width, height, data };
}

/** The central `width` × `height` pixels of an image that is no smaller. */
export function centerWindow(
  size: Pick<Raster, 'width' | 'height'>,
  width: number,
  height: number,
  rule: CropRule,
): Window {
  const left = cropOffset(size.width, width, rule);
  return { left, top: cropOffset(size.height, height, rule), width, height };
}

/**
 * The central `width` × `height` pixels.
 * @throws VentralError `input-mismatch` where the rule is albumentations' and the picture is smaller
 */
export function centerCrop<T extends Raster | FloatRaster>(
  source: T,
  width: number,
  height: number,
  rule: CropRule,
): T {
  if (source.width >= width && source.height >= height)
    return cut(source, centerWindow(source, width, height, rule));
  if (rule !== 'albumentations')
    return centerCrop(pad(source, width, height, rule), width, height, rule);
  throw new VentralError(
    'input-mismatch',
    `crop is ${width} × ${height} pixels, but the image has ${source.width} × ${source.height} ` +
      'after resize, and library opencv does not pad',
    {
      field: 'input.crop',
      expected: `at most ${source.width} × ${source.height}`,
      found: `${width} × ${height}`,
    },
  );
}
