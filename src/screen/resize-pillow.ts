import { cut, type Window } from './crop.js';
import type { Raster } from './picture.js';
import { type AntialiasFilter, resampleWeights } from './resample-weights.js';
import { sizeCache } from './size-cache.js';

/**
 * `Image.resize` of Pillow on 8-bit images (Resample.c, Geometry.c): two passes, horizontal then
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

/** What was written clipped, as bytes of the same memory. */
const bytesOf = (clamped: Uint8ClampedArray) => new Uint8Array(clamped.buffer);

/** Three channels; the sums of a pixel fit 32 bits, and a value beyond 8 bits is clipped. */
function horizontalRgb(
  { data, width }: Raster,
  { taps, start, count, weights }: FixedWeights,
  window: Window,
): Uint8ClampedArray {
  const { left, top } = window;
  const [right, bottom] = [left + window.width, top + window.height];
  const out = new Uint8ClampedArray(window.width * window.height * 3);
  let o = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++, o += 3) {
      let r = half;
      let g = half;
      let b = half;
      let at = (y * width + start[x]) * 3;
      const end = x * taps + count[x];
      for (let k = x * taps; k < end; k++, at += 3) {
        const weight = weights[k];
        r = (r + Math.imul(data[at], weight)) | 0;
        g = (g + Math.imul(data[at + 1], weight)) | 0;
        b = (b + Math.imul(data[at + 2], weight)) | 0;
      }
      out[o] = r >> precision;
      out[o + 1] = g >> precision;
      out[o + 2] = b >> precision;
    }
  }
  return out;
}

function horizontalGrey(
  { data, width }: Raster,
  { taps, start, count, weights }: FixedWeights,
  window: Window,
): Uint8ClampedArray {
  const { left, top } = window;
  const [right, bottom] = [left + window.width, top + window.height];
  const out = new Uint8ClampedArray(window.width * window.height);
  let o = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      let sum = half;
      let at = y * width + start[x];
      const end = x * taps + count[x];
      for (let k = x * taps; k < end; k++) sum = (sum + Math.imul(data[at++], weights[k])) | 0;
      out[o++] = sum >> precision;
    }
  }
  return out;
}

/** The window's columns of the target, for the window's rows of the source. */
function horizontal(source: Raster, to: number, filter: AntialiasFilter, window: Window): Raster {
  if (to === source.width) return cut(source, window);
  const { channels } = source;
  const { width, height } = window;
  const pass = channels === 3 ? horizontalRgb : horizontalGrey;
  const out = pass(source, fixedWeights(source.width, to, filter), window);
  return { width, height, channels, data: bytesOf(out) };
}

/** Sum of up to three rows, which start at `first` and are as long as the target's; the rest weighs 0. */
function sumThree(
  data: Uint8Array,
  first: number,
  weights: Int32Array,
  out: Uint8ClampedArray,
): void {
  const [w0, w1 = 0, w2 = 0] = weights;
  const length = out.length;
  const second = w1 === 0 ? first : first + length;
  const third = w2 === 0 ? first : first + 2 * length;
  for (let i = 0; i < length; i++) {
    const sum =
      half +
      Math.imul(data[first + i], w0) +
      Math.imul(data[second + i], w1) +
      Math.imul(data[third + i], w2);
    out[i] = sum >> precision;
  }
}

function sumRows(
  data: Uint8Array,
  first: number,
  weights: Int32Array,
  out: Uint8ClampedArray,
): void {
  const sums = new Int32Array(out.length).fill(half);
  for (let k = 0, row = first; k < weights.length; k++, row += out.length) {
    const weight = weights[k];
    for (let i = 0; i < out.length; i++) sums[i] += Math.imul(data[row + i], weight);
  }
  for (let i = 0; i < out.length; i++) out[i] = sums[i] >> precision;
}

/** The window's rows of the target; `source` has its columns, and starts at row `offset` of the image. */
function vertical(source: Raster, table: FixedWeights, window: Window, offset: number): Raster {
  const { taps, start, count, weights } = table;
  const { width, channels } = source;
  const { top, height } = window;
  const length = width * channels;
  const out = new Uint8ClampedArray(length * height);
  for (let i = 0; i < height; i++) {
    const y = top + i;
    const sum = count[y] <= 3 ? sumThree : sumRows;
    const own = weights.subarray(y * taps, y * taps + count[y]);
    const row = out.subarray(i * length, (i + 1) * length);
    sum(source.data, (start[y] - offset) * length, own, row);
  }
  return { width, height, channels, data: bytesOf(out) };
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

/**
 * Resizes to `width` × `height`, grey (1 channel) or RGB, and gives the pixels of `window`, by default
 * all; a pass that changes nothing is left out.
 */
export function resizePillow(
  source: Raster,
  width: number,
  height: number,
  filter: PillowFilter,
  window: Window = { left: 0, top: 0, width, height },
): Raster {
  if (width === source.width && height === source.height) return cut(source, window);
  if (filter === 'nearest') return cut(nearest(source, width, height), window);
  if (height === source.height) return horizontal(source, width, filter, window);
  const table = fixedWeights(source.height, height, filter);
  const last = window.top + window.height - 1;
  const top = table.start[window.top];
  const rows = { ...window, top, height: table.start[last] + table.count[last] - top };
  return vertical(horizontal(source, width, filter, rows), table, window, top);
}
