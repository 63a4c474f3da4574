import type { FloatRaster, Raster } from './picture.js';
import { type ResampleWeights, resampleWeights } from './resample-weights.js';
import { sizeCache } from './size-cache.js';

/**
 * torchvision's bilinear resize of a float tensor (align_corners false), with or without antialias.
 * Values stay in pixel units (0 to 255). Parity: 1e-5 of a white pixel, since torch sums in float32.
 */

/** Two neighbours a pixel, the position clamped at the first; torch's `compute_indices_weights`. */
function plainWeights(from: number, to: number): ResampleWeights {
  const scale = from / to;
  const start = new Int32Array(to);
  const count = new Int32Array(to).fill(Math.min(2, from));
  const weights = new Float64Array(to * 2);
  for (let i = 0; i < to; i++) {
    const at = Math.max(0, (i + 0.5) * scale - 0.5);
    const first = Math.min(Math.trunc(at), Math.max(0, from - 2));
    const beyond = Math.min(1, at - first);
    start[i] = first;
    weights[i * 2] = from === 1 ? 1 : 1 - beyond;
    weights[i * 2 + 1] = from === 1 ? 0 : beyond;
  }
  return { taps: 2, start, count, weights };
}

const tables = sizeCache<'plain' | 'antialias', ResampleWeights>((from, to, word) =>
  word === 'plain' ? plainWeights(from, to) : resampleWeights(from, to, 'bilinear'),
);

function horizontal(source: Raster | FloatRaster, width: number, table: ResampleWeights) {
  const { channels, data } = source;
  const out = new Float32Array(width * source.height * channels);
  let o = 0;
  for (let y = 0; y < source.height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * source.width + table.start[x]) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0; k < table.count[x]; k++) {
          sum += data[from + k * channels + c] * table.weights[x * table.taps + k];
        }
        out[o++] = sum;
      }
    }
  }
  return out;
}

function vertical(source: FloatRaster, height: number, table: ResampleWeights): Float32Array {
  const length = source.width * source.channels;
  const sums = new Float64Array(length);
  const out = new Float32Array(length * height);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let k = 0; k < table.count[y]; k++) {
      const weight = table.weights[y * table.taps + k];
      const row = (table.start[y] + k) * length;
      for (let i = 0; i < length; i++) sums[i] += source.data[row + i] * weight;
    }
    out.set(sums, y * length);
  }
  return out;
}

/** Resizes to `width` × `height`; the values of the result are float32, in the unit of the source's. */
export function resizeTorch(
  source: Raster | FloatRaster,
  width: number,
  height: number,
  antialias: boolean,
): FloatRaster {
  const word = antialias ? 'antialias' : 'plain';
  const { channels } = source;
  const wide: FloatRaster = {
    width,
    height: source.height,
    channels,
    data:
      width === source.width
        ? new Float32Array(source.data)
        : horizontal(source, width, tables(source.width, width, word)),
  };
  if (height === source.height) return wide;
  const table = tables(source.height, height, word);
  return { width, height, channels, data: vertical(wide, height, table) };
}
