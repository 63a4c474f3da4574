import type { Raster } from './picture.js';
import { ResizeMemory } from './resize-kernel.js';
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

/** Rows of the target that an image shrinks to, one after the other, from shares of rows of the source. */
class ShrunkRows {
  readonly loops: ResizeMemory['loops'];
  readonly #source: Raster;
  readonly #row: Uint8Array;
  readonly #table: Int32Array;
  readonly #gathered: Float32Array;
  readonly #weight: Float32Array;
  readonly #sums: Float32Array;
  readonly #out: Uint8Array;
  /** The row of the source that is gathered. */
  #held = -1;

  constructor(source: Raster, shares: Shares, width: number) {
    const { channels } = source;
    const length = width * channels;
    const packed = width + 2 * shares.target.length;
    const memory = ResizeMemory.of([
      ...[source.width * channels, 4 * packed, 4 * length, 4, 4 * length, length],
    ]);
    this.loops = memory.loops;
    this.#source = source;
    this.#row = memory.bytes(source.width * channels);
    this.#table = memory.integers(packed);
    packShares(shares, channels, this.#table);
    this.#gathered = memory.floats(length);
    this.#weight = memory.floats(1);
    this.#sums = memory.floats(length);
    this.#out = memory.bytes(length);
  }

  /** Sum of row y over the shares of the target's columns, in float32. */
  #gather(y: number): void {
    if (this.#held === y) return;
    this.#held = y;
    const { channels, data, width } = this.#source;
    const length = width * channels;
    this.#row.set(data.subarray(y * length, (y + 1) * length));
    const { byteOffset, byteLength } = this.#table;
    const [from, end] = [this.#row.byteOffset, byteOffset + byteLength];
    this.loops.gather(from, byteOffset, end, this.#gathered.byteOffset, 4 * channels);
  }

  begin(): void {
    this.#sums.fill(0);
  }

  add(y: number, weight: number): void {
    this.#gather(y);
    this.#weight[0] = weight;
    const { byteOffset, byteLength } = this.#sums;
    const [row, factor] = [this.#gathered.byteOffset, this.#weight.byteOffset];
    this.loops.accumulate(row, factor, byteOffset, byteOffset + byteLength);
  }

  end(): Uint8Array {
    const { byteOffset, length } = this.#out;
    this.loops.toBytes(this.#sums.byteOffset, byteOffset, byteOffset + length);
    return this.#out;
  }
}

/** Shares of target pixels, as the kernel's `gather` reads them. */
function packShares({ target, source, weight }: Shares, channels: number, out: Int32Array): void {
  const weights = new Float32Array(out.buffer, out.byteOffset, out.length);
  let size = 0;
  for (let k = 0, o = 0; k < target.length; k++) {
    if (target[k] !== target[k - 1]) {
      size = o++;
      out[size] = 0;
    }
    out[size] += 8;
    out[o++] = source[k] * channels;
    weights[o++] = weight[k];
  }
}

/** Shrinks to `width` × `height`, neither larger than the source's. */
export function resizeOpencvArea(source: Raster, width: number, height: number): Raster {
  const { channels } = source;
  if (source.width % width === 0 && source.height % height === 0) {
    return wholeRatio(source, width, height);
  }
  const down = areaShares(source.height, height, 'area');
  const rows = new ShrunkRows(source, areaShares(source.width, width, 'area'), width);
  const length = width * channels;
  const data = new Uint8Array(length * height);
  for (let k = 0; k < down.target.length; k++) {
    const y = down.target[k];
    if (y !== down.target[k - 1]) rows.begin();
    rows.add(down.source[k], down.weight[k]);
    if (y !== down.target[k + 1]) data.set(rows.end(), y * length);
  }
  return { width, height, channels, data };
}
