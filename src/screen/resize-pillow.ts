import type { Raster } from './picture.js';
import { type AntialiasFilter, resampleWeights } from './resample-weights.js';
import { sizeCache } from './size-cache.js';

/**
 * `Image.resize` of Pillow on 8-bit pictures (Resample.c, Geometry.c): two passes, horizontal then
 * vertical, each with 22-bit fixed-point weights and rounded to 8 bits. Parity: bit for bit.
 */

/** Resampling filters of Pillow that a card can name. */
export type PillowFilter = AntialiasFilter | 'nearest';

/** Bits behind the point of a weight: 32 minus 8 for the pixel and 2 for overshoot. */
const precision = 22;
const half = 1 << (precision - 1);

interface FixedWeights {
  readonly taps: number;
  readonly start: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
}

const fixedWeights = sizeCache<AntialiasFilter, FixedWeights>((from, to, filter) => {
  const exact = resampleWeights(from, to, filter);
  const weights = Int32Array.from(exact.weights, (weight) => {
    const scaled = weight * (1 << precision);
    return Math.trunc(weight < 0 ? scaled - 0.5 : scaled + 0.5);
  });
  return { ...exact, weights };
});

function clip(sum: number): number {
  const value = sum >> precision;
  return value < 0 ? 0 : Math.min(value, 255);
}

function horizontalRgb(source: Raster, width: number, table: FixedWeights): Uint8Array {
  const { data } = source;
  const { taps, start, count, weights } = table;
  const out = new Uint8Array(width * source.height * 3);
  let o = 0;
  for (let y = 0; y < source.height; y++) {
    const row = y * source.width;
    for (let x = 0; x < width; x++) {
      let [r, g, b] = [half, half, half];
      let at = (row + start[x]) * 3;
      const end = x * taps + count[x];
      for (let k = x * taps; k < end; k++, at += 3) {
        const weight = weights[k];
        r = (r + Math.imul(data[at], weight)) | 0;
        g = (g + Math.imul(data[at + 1], weight)) | 0;
        b = (b + Math.imul(data[at + 2], weight)) | 0;
      }
      out[o++] = clip(r);
      out[o++] = clip(g);
      out[o++] = clip(b);
    }
  }
  return out;
}

function horizontalGrey(source: Raster, width: number, table: FixedWeights): Uint8Array {
  const { data } = source;
  const { taps, start, count, weights } = table;
  const out = new Uint8Array(width * source.height);
  let o = 0;
  for (let y = 0; y < source.height; y++) {
    const row = y * source.width;
    for (let x = 0; x < width; x++) {
      let sum = half;
      let at = row + start[x];
      const end = x * taps + count[x];
      for (let k = x * taps; k < end; k++) sum = (sum + Math.imul(data[at++], weights[k])) | 0;
      out[o++] = clip(sum);
    }
  }
  return out;
}

function vertical(source: Raster, height: number, table: FixedWeights): Uint8Array {
  const { data } = source;
  const { taps, start, count, weights } = table;
  const length = source.width * source.channels;
  const sums = new Int32Array(length);
  const out = new Uint8Array(length * height);
  for (let y = 0; y < height; y++) {
    sums.fill(half);
    for (let k = 0; k < count[y]; k++) {
      const weight = weights[y * taps + k];
      const row = (start[y] + k) * length;
      for (let i = 0; i < length; i++) sums[i] += Math.imul(data[row + i], weight);
    }
    for (let i = 0, o = y * length; i < length; i++) out[o++] = clip(sums[i]);
  }
  return out;
}

/** Source pixel of each target pixel: the scale is added once a pixel, as ImagingScaleAffine does. */
const nearestIndex = sizeCache<'nearest', Int32Array>((from, to) => {
  const scale = from / to;
  const index = new Int32Array(to);
  let at = scale * 0.5;
  for (let i = 0; i < to; i++, at += scale) index[i] = Math.trunc(at);
  return index;
});

function nearest(source: Raster, width: number, height: number): Raster {
  const { channels, data } = source;
  const xs = nearestIndex(source.width, width, 'nearest');
  const ys = nearestIndex(source.height, height, 'nearest');
  const out = new Uint8Array(width * height * channels);
  let o = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // An index behind the last pixel reads nothing and leaves 0, as Pillow does.
      const at = (ys[y] * source.width + xs[x]) * channels;
      for (let c = 0; c < channels; c++) out[o++] = data[at + c];
    }
  }
  return { width, height, channels, data: out };
}

/** Resizes to `width` × `height`, grey (1 channel) or RGB; a pass that changes nothing is left out. */
export function resizePillow(
  source: Raster,
  width: number,
  height: number,
  filter: PillowFilter,
): Raster {
  if (width === source.width && height === source.height) return source;
  if (filter === 'nearest') return nearest(source, width, height);
  const { channels } = source;
  let wide = source;
  if (width !== source.width) {
    const table = fixedWeights(source.width, width, filter);
    const pass = channels === 3 ? horizontalRgb : horizontalGrey;
    wide = { width, height: source.height, channels, data: pass(source, width, table) };
  }
  if (height === source.height) return wide;
  const table = fixedWeights(source.height, height, filter);
  return { width, height, channels, data: vertical(wide, height, table) };
}
