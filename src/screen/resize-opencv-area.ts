import type { Raster } from './picture.js';
import { sizeCache } from './size-cache.js';

/**
 * `cv2.resize` with INTER_AREA for an image that shrinks in both directions (resize.cpp): the mean of
 * the covered pixels, in whole numbers for whole ratios, else in float32. Parity: bit for bit.
 */

const f = Math.fround;

/** cvRound clipped to 8 bits: halves to even. */
function toByte(value: number): number {
  const nearest = Math.round(value);
  const even = nearest - value === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
  return even < 0 ? 0 : Math.min(even, 255);
}

/** Every contribution of a source pixel to a target pixel, in order. */
interface Shares {
  readonly target: readonly number[];
  readonly source: readonly number[];
  readonly weight: readonly number[];
}

/** computeResizeAreaTab; shares below a thousandth of a pixel are left out. */
const areaShares = sizeCache<'area', Shares>((from, to) => {
  const scale = 1 / (to / from);
  const shares = { target: [] as number[], source: [] as number[], weight: [] as number[] };
  for (let i = 0; i < to; i++) {
    const begin = i * scale;
    const end = begin + scale;
    const cell = Math.min(scale, from - begin);
    const last = Math.min(Math.floor(end), from - 1);
    const first = Math.min(Math.ceil(begin), last);
    const add = (source: number, weight: number) => {
      shares.target.push(i);
      shares.source.push(source);
      shares.weight.push(f(weight));
    };
    if (first - begin > 1e-3) add(first - 1, (first - begin) / cell);
    for (let s = first; s < last; s++) add(s, 1 / cell);
    if (end - last > 1e-3) add(last, Math.min(Math.min(end - last, 1), cell) / cell);
  }
  return shares;
});

function wholeRatio(source: Raster, width: number, height: number): Raster {
  const { channels, data } = source;
  const [across, down] = [source.width / width, source.height / height];
  const scale = f(1 / (across * down));
  const out = new Uint8Array(width * height * channels);
  let o = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let v = 0; v < down; v++) {
          const at = ((y * down + v) * source.width + x * across) * channels + c;
          for (let u = 0; u < across; u++) sum += data[at + u * channels];
        }
        // Two by two has a form of its own, which rounds halves up.
        out[o++] = across === 2 && down === 2 ? (sum + 2) >> 2 : toByte(f(sum * scale));
      }
    }
  }
  return { width, height, channels, data: out };
}

/** Sum of one source row over the shares of the target's columns, in float32. */
function gatherRow(source: Raster, y: number, shares: Shares, out: Float32Array): void {
  const { channels, data } = source;
  const row = y * source.width * channels;
  out.fill(0);
  for (let k = 0; k < shares.target.length; k++) {
    const from = row + shares.source[k] * channels;
    const to = shares.target[k] * channels;
    for (let c = 0; c < channels; c++) out[to + c] += f(data[from + c] * shares.weight[k]);
  }
}

/** Shrinks to `width` × `height`, neither larger than the source's. */
export function resizeOpencvArea(source: Raster, width: number, height: number): Raster {
  const { channels } = source;
  if (source.width % width === 0 && source.height % height === 0) {
    return wholeRatio(source, width, height);
  }
  const across = areaShares(source.width, width, 'area');
  const down = areaShares(source.height, height, 'area');
  const length = width * channels;
  const row = new Float32Array(length);
  const sums = new Float32Array(length);
  const data = new Uint8Array(length * height);
  for (let k = 0; k < down.target.length; k++) {
    const y = down.target[k];
    gatherRow(source, down.source[k], across, row);
    if (y !== down.target[k - 1]) sums.fill(0);
    for (let i = 0; i < length; i++) sums[i] += f(row[i] * down.weight[k]);
    if (y !== down.target[k + 1]) {
      for (let i = 0, o = y * length; i < length; i++) data[o++] = toByte(sums[i]);
    }
  }
  return { width, height, channels, data };
}
