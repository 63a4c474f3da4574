import { cut, type Window } from './crop.js';
import type { Raster } from './picture.js';
import { ResizeMemory } from './resize-kernel.js';
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

/** Taps of target pixels, two at a time, as the kernel's `stretch` reads them. */
function packTaps({ index, weights }: Taps, channels: number, out: Int32Array): void {
  for (let k = 0, o = 0; k < index.length; k += 2, o += 3) {
    out[o] = index[k] * channels;
    out[o + 1] = index[k + 1] * channels;
    out[o + 2] = (weights[k] & 0xffff) | (weights[k + 1] << 16);
  }
}

/** Rows of a source, stretched. Neighbours have slots of their own, so that a row is stretched once. */
class StretchedRows {
  readonly loops: ResizeMemory['loops'];
  /** Of one row of the target, and of the weights of the rows that it is made of. */
  readonly out: Uint8Array;
  readonly weights: Int32Array;
  readonly #source: Raster;
  readonly #row: Uint8Array;
  readonly #table: Int32Array;
  readonly #pixelBytes: number;
  readonly #rows: Int32Array[];
  readonly #held: number[];

  constructor(source: Raster, table: Taps) {
    const { taps, index } = table;
    const { channels, width } = source;
    const length = (index.length / taps) * channels;
    const packed = (index.length / 2) * 3;
    const memory = ResizeMemory.of([
      ...[width * channels, 4 * packed, length, 4 * taps],
      ...Array.from({ length: taps }, () => 4 * length),
    ]);
    this.loops = memory.loops;
    this.#source = source;
    this.#row = memory.bytes(width * channels);
    this.#table = memory.integers(packed);
    packTaps(table, channels, this.#table);
    this.#pixelBytes = taps * 6;
    this.out = memory.bytes(length);
    this.weights = memory.integers(taps);
    this.#rows = Array.from({ length: taps }, () => memory.integers(length));
    this.#held = this.#rows.map(() => -1);
  }

  at(y: number): Int32Array {
    const slot = y % this.#rows.length;
    const row = this.#rows[slot];
    if (this.#held[slot] === y) return row;
    this.#held[slot] = y;
    const { channels, data, width } = this.#source;
    const length = width * channels;
    this.#row.set(data.subarray(y * length, (y + 1) * length));
    const { byteOffset, byteLength } = this.#table;
    const end = byteOffset + byteLength;
    const from = this.#row.byteOffset;
    this.loops.stretch(from, byteOffset, end, this.#pixelBytes, row.byteOffset, 4 * channels);
    return row;
  }
}

/** Values of one vector step of OpenCV; the last few values of a row go through integers instead of float32. */
const lanes = 8;

const clip = (value: number) => (value < 0 ? 0 : Math.min(value, 255));

function blendLast(rows: readonly Int32Array[], weights: Int32Array, out: Uint8Array): void {
  const [a, b, c, d] = rows;
  const [wa, wb, wc, wd] = weights;
  for (let i = out.length - (out.length % lanes); i < out.length; i++) {
    const sum = a[i] * wa + b[i] * wb + c[i] * wc + d[i] * wd;
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
  const rows = new StretchedRows(source, {
    taps: 2,
    index: all.index.subarray(2 * left, end),
    weights: all.weights.subarray(2 * left, end),
  });
  const { loops, out, weights } = rows;
  const down = verticalTaps(source.height, height, word);
  const { length } = out;
  const data = new Uint8Array(length * window.height);
  for (let y = 0, k = 2 * top; y < window.height; y++, k += 2) {
    const [a, b] = [rows.at(down.index[k]), rows.at(down.index[k + 1])];
    weights.set(down.weights.subarray(k, k + 2));
    const [from, to] = [out.byteOffset, out.byteOffset + length];
    loops.blendTwo(a.byteOffset, b.byteOffset, weights.byteOffset, from, to);
    data.set(out, y * length);
  }
  return { width: window.width, height: window.height, channels: source.channels, data };
}

/** INTER_CUBIC: always whole rows, since the last values of a row are computed in another way. */
function interpolateFour(
  source: Raster,
  [width, height]: readonly [number, number],
  window: Window,
): Raster {
  const { channels } = source;
  const rows = new StretchedRows(source, horizontalTaps(source.width, width, 'bicubic'));
  const { loops, out, weights } = rows;
  const scaled = new Float32Array(weights.buffer, weights.byteOffset, 4);
  const down = verticalTaps(source.height, height, 'bicubic');
  const [first, length] = [window.left * channels, window.width * channels];
  const data = new Uint8Array(length * window.height);
  for (let y = 0, k = 4 * window.top; y < window.height; y++, k += 4) {
    const four = Array.from(down.index.subarray(k, k + 4), (from) => rows.at(from));
    const whole = down.weights.subarray(k, k + 4);
    for (let i = 0; i < 4; i++) scaled[i] = whole[i] / (one * one);
    const [a, b, c, d] = four.map((row) => row.byteOffset);
    const [from, to] = [out.byteOffset, out.byteOffset + out.length];
    loops.blendFour(a, b, c, d, weights.byteOffset, from, to);
    blendLast(four, whole, out);
    data.set(out.subarray(first, first + length), y * length);
  }
  return { width: window.width, height: window.height, channels, data };
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
  if (filter === 'bicubic') return interpolateFour(source, [width, height], window);
  const shrinks = width <= source.width && height <= source.height;
  // Exactly half in both directions, OpenCV takes the mean of four pixels for INTER_LINEAR as well.
  const halves = source.width === 2 * width && source.height === 2 * height;
  if (halves || (filter === 'area' && shrinks))
    return cut(resizeOpencvArea(source, width, height), window);
  return interpolateTwo(source, [width, height], filter, window);
}
