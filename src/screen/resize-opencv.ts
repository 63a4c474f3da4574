import { cut, type Window } from './crop.js';
import type { Raster } from './picture.js';
import { resizeOpencvArea } from './resize-opencv-area.js';
import { sizeCache } from './size-cache.js';

/**
 * `cv2.resize` on 8-bit images (OpenCV 4, resize.cpp, its portable code): no antialias, weights of
 * 11 bits. Parity: bit for bit with a build without Intel's IPP.
 */

/** Interpolations of OpenCV that a card can name: INTER_NEAREST, _LINEAR, _CUBIC, _AREA. */
export type OpencvFilter = 'nearest' | 'bilinear' | 'bicubic' | 'area';

const one = 2048;
const f = Math.fround;

/** For target pixel i: `taps` source pixels index[i * taps …] and their weights × 2048. */
interface Taps {
  readonly taps: number;
  readonly index: Int32Array;
  readonly weights: Int32Array;
}

/** cvRound: to the nearest integer, halves to even. */
function round(value: number): number {
  const nearest = Math.round(value);
  return nearest - value === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

/** Source position of target pixel i, as its whole part and its rest in float32. */
function position(i: number, from: number, to: number, word: TapsWord): [number, number] {
  const inverse = to / from;
  const scale = 1 / inverse;
  if (word === 'area') {
    const whole = Math.floor(i * scale);
    const rest = f(i + 1 - (whole + 1) * inverse);
    return [whole, rest <= 0 ? 0 : f(rest - Math.floor(rest))];
  }
  const at = f((i + 0.5) * scale - 0.5);
  const whole = Math.floor(at);
  return [whole, f(at - whole)];
}

/** Keys' cubic with A = −.75, every step in float32 as the original's. */
function cubicWeights(x: number): number[] {
  const a = -0.75;
  const x1 = f(x + 1);
  const y = f(1 - x);
  const outer = f(f(f(f(f(f(a * x1) - 5 * a) * x1) + 8 * a) * x1) - 4 * a);
  const inner = (d: number) => f(f(f(f(f(f(a + 2) * d) - (a + 3)) * d) * d) + 1);
  const [w1, w2] = [inner(x), inner(y)];
  return [outer, w1, w2, f(f(f(1 - outer) - w1) - w2)];
}

type TapsWord = 'bilinear' | 'area' | 'bicubic';

const horizontalTaps = sizeCache<TapsWord, Taps>((from, to, word) => {
  const taps = word === 'bicubic' ? 4 : 2;
  const index = new Int32Array(to * taps);
  const weights = new Int32Array(to * taps);
  for (let i = 0; i < to; i++) {
    let [whole, rest] = position(i, from, to, word);
    if (taps === 2 && (whole < 0 || whole >= from - 1)) {
      whole = whole < 0 ? 0 : from - 1;
      rest = 0;
    }
    const exact = taps === 4 ? cubicWeights(rest) : [f(1 - rest), rest];
    for (let k = 0; k < taps; k++) {
      index[i * taps + k] = Math.min(Math.max(whole + k - (taps === 4 ? 1 : 0), 0), from - 1);
      weights[i * taps + k] = round(f(exact[k] * one));
    }
  }
  return { taps, index, weights };
});

/** Vertically the rest is kept at the borders and only the rows are clamped. */
const verticalTaps = sizeCache<TapsWord, Taps>((from, to, word) => {
  const taps = word === 'bicubic' ? 4 : 2;
  const index = new Int32Array(to * taps);
  const weights = new Int32Array(to * taps);
  for (let i = 0; i < to; i++) {
    const [whole, rest] = position(i, from, to, word);
    const exact = taps === 4 ? cubicWeights(rest) : [f(1 - rest), rest];
    for (let k = 0; k < taps; k++) {
      index[i * taps + k] = Math.min(Math.max(whole + k - (taps === 4 ? 1 : 0), 0), from - 1);
      weights[i * taps + k] = round(f(exact[k] * one));
    }
  }
  return { taps, index, weights };
});

/** One source row stretched to the target's width, in units of 1/2048 pixel. */
function stretchRow(source: Raster, y: number, table: Taps, out: Int32Array): void {
  const { channels, data } = source;
  const { taps, index, weights } = table;
  const row = y * source.width * channels;
  const width = index.length / taps;
  for (let x = 0, o = 0; x < width; x++) {
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let k = x * taps; k < (x + 1) * taps; k++) {
        sum += data[row + index[k] * channels + c] * weights[k];
      }
      out[o++] = sum;
    }
  }
}

/** {@link stretchRow} for two taps and three channels. */
function stretchRgb(source: Raster, y: number, table: Taps, out: Int32Array): void {
  const { data, width } = source;
  const { index, weights } = table;
  const row = y * width * 3;
  for (let k = 0, o = 0; k < index.length; k += 2, o += 3) {
    const a = row + index[k] * 3;
    const b = row + index[k + 1] * 3;
    const wa = weights[k];
    const wb = weights[k + 1];
    out[o] = data[a] * wa + data[b] * wb;
    out[o + 1] = data[a + 1] * wa + data[b + 1] * wb;
    out[o + 2] = data[a + 2] * wa + data[b + 2] * wb;
  }
}

/** {@link stretchRow} for two taps and one channel. */
function stretchGrey(source: Raster, y: number, table: Taps, out: Int32Array): void {
  const { data, width } = source;
  const { index, weights } = table;
  const row = y * width;
  for (let k = 0, o = 0; k < index.length; k += 2, o++) {
    out[o] = data[row + index[k]] * weights[k] + data[row + index[k + 1]] * weights[k + 1];
  }
}

/** Rows of a source, stretched. Neighbours have slots of their own, so that a row is stretched once. */
class StretchedRows {
  readonly #source: Raster;
  readonly #table: Taps;
  readonly #stretch: typeof stretchRow;
  readonly #rows: Int32Array[];
  readonly #held: number[];

  constructor(source: Raster, table: Taps) {
    const { taps, index } = table;
    this.#source = source;
    this.#table = table;
    this.#stretch = taps !== 2 ? stretchRow : source.channels === 3 ? stretchRgb : stretchGrey;
    const length = (index.length / taps) * source.channels;
    this.#rows = Array.from({ length: taps }, () => new Int32Array(length));
    this.#held = this.#rows.map(() => -1);
  }

  at(y: number): Int32Array {
    const slot = y % this.#rows.length;
    const row = this.#rows[slot];
    if (this.#held[slot] !== y) this.#stretch(this.#source, y, this.#table, row);
    this.#held[slot] = y;
    return row;
  }
}

function blendTwo(a: Int32Array, b: Int32Array, wa: number, wb: number, out: Uint8Array): void {
  for (let i = 0; i < out.length; i++) {
    const sum = (Math.imul(wa, a[i] >> 4) >> 16) + (Math.imul(wb, b[i] >> 4) >> 16);
    out[i] = (sum + 2) >> 2;
  }
}

const clip = (value: number) => (value < 0 ? 0 : Math.min(value, 255));

/** Lanes of one vector step; the last few values of a row go through integers instead of float32. */
const lanes = 8;

function blendFour(rows: readonly Int32Array[], weights: Int32Array, out: Uint8Array): void {
  const [a, b, c, d] = rows;
  const scale = 1 / (one * one);
  const [wa, wb, wc, wd] = Array.from(weights, (weight) => f(weight * scale));
  const vector = out.length - (out.length % lanes);
  for (let i = 0; i < vector; i++) {
    const cd = f(f(f(c[i]) * wc) + f(f(d[i]) * wd));
    const bcd = f(f(f(b[i]) * wb) + cd);
    out[i] = clip(round(f(f(f(a[i]) * wa) + bcd)));
  }
  const [ia, ib, ic, id] = weights;
  for (let i = vector; i < out.length; i++) {
    const sum = a[i] * ia + b[i] * ib + c[i] * ic + d[i] * id;
    out[i] = clip(((sum + (1 << 21)) | 0) >> 22);
  }
}

/** INTER_LINEAR, and INTER_AREA where it enlarges: the window alone is computed. */
function interpolateTwo(
  source: Raster,
  [width, height]: readonly [number, number],
  word: 'bilinear' | 'area',
  window: Window,
): Raster {
  const { left, top } = window;
  const all = horizontalTaps(source.width, width, word);
  const end = 2 * (left + window.width);
  const index = all.index.subarray(2 * left, end);
  const rows = new StretchedRows(source, {
    taps: 2,
    index,
    weights: all.weights.subarray(2 * left, end),
  });
  const down = verticalTaps(source.height, height, word);
  const length = window.width * source.channels;
  const data = new Uint8Array(length * window.height);
  for (let y = 0, k = 2 * top; y < window.height; y++, k += 2) {
    const [a, b] = [rows.at(down.index[k]), rows.at(down.index[k + 1])];
    const out = data.subarray(y * length, (y + 1) * length);
    blendTwo(a, b, down.weights[k], down.weights[k + 1], out);
  }
  return { width: window.width, height: window.height, channels: source.channels, data };
}

/** INTER_CUBIC: always the whole image, since the last values of a row are computed in another way. */
function interpolateFour(source: Raster, width: number, height: number): Raster {
  const { channels } = source;
  const rows = new StretchedRows(source, horizontalTaps(source.width, width, 'bicubic'));
  const down = verticalTaps(source.height, height, 'bicubic');
  const length = width * channels;
  const data = new Uint8Array(length * height);
  for (let y = 0; y < height; y++) {
    const four = Array.from(down.index.subarray(y * 4, y * 4 + 4), (from) => rows.at(from));
    const out = data.subarray(y * length, (y + 1) * length);
    blendFour(four, down.weights.subarray(y * 4, y * 4 + 4), out);
  }
  return { width, height, channels, data };
}

function nearest(source: Raster, width: number, height: number): Raster {
  const { channels } = source;
  const index = (i: number, from: number, to: number) =>
    Math.min(Math.floor(i * (1 / (to / from))), from - 1);
  const data = new Uint8Array(width * height * channels);
  let o = 0;
  for (let y = 0; y < height; y++) {
    const row = index(y, source.height, height) * source.width;
    for (let x = 0; x < width; x++) {
      const at = (row + index(x, source.width, width)) * channels;
      for (let c = 0; c < channels; c++) data[o++] = source.data[at + c];
    }
  }
  return { width, height, channels, data };
}

/**
 * Resizes to `width` × `height`, grey (1 channel) or RGB, and gives the pixels of `window`, by default all.
 */
export function resizeOpencv(
  source: Raster,
  width: number,
  height: number,
  filter: OpencvFilter,
  window: Window = { left: 0, top: 0, width, height },
): Raster {
  if (width === source.width && height === source.height) return cut(source, window);
  if (filter === 'nearest') return cut(nearest(source, width, height), window);
  if (filter === 'bicubic') return cut(interpolateFour(source, width, height), window);
  const shrinks = width <= source.width && height <= source.height;
  // Exactly half in both directions, OpenCV takes the mean of four pixels for INTER_LINEAR as well.
  const halves = source.width === 2 * width && source.height === 2 * height;
  if (halves || (filter === 'area' && shrinks))
    return cut(resizeOpencvArea(source, width, height), window);
  return interpolateTwo(source, [width, height], filter, window);
}
