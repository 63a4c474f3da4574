import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gramBlockWidth } from '../numerics/block-width.js';
import type { Features } from '../numerics/features.js';

/** Element types that a layer's values are kept in. */
type Kept = Float32Array | Float64Array | Uint8Array | Int32Array;

const widths = { float32: 4, float64: 8, uint8: 1, int32: 4 } as const;
export type KeptDtype = keyof typeof widths;

/** Bytes that `rows × cols` values take. */
export const bytesOf = (dtype: KeptDtype, rows: number, cols: number): number =>
  widths[dtype] * rows * cols;

function allocate(dtype: KeptDtype, length: number): Kept {
  if (dtype === 'float32') return new Float32Array(length);
  if (dtype === 'float64') return new Float64Array(length);
  return dtype === 'uint8' ? new Uint8Array(length) : new Int32Array(length);
}

/** Some columns of all rows, which lie together. */
interface Tile {
  readonly from: number;
  readonly width: number;
}

/**
 * The activations of one layer while they are being written, batch by batch, in memory or in a scratch
 * file of raw little-endian values. They lie in tiles of the columns that a Gram matrix is summed over, so
 * that each block of a spilled layer is read at one go, and no more than that is ever in memory.
 */
export class ActivationStore implements Features {
  readonly rows: number;
  readonly cols: number;
  readonly dtype: 'float32' | 'float64';
  readonly #kept: KeptDtype;
  readonly #memory: Kept | undefined;
  readonly #path: string | undefined;
  readonly #tileWidth: number;
  #file: number | undefined;

  /** @param scratch folder of the scratch file, or undefined to stay in memory */
  constructor(
    shape: { rows: number; cols: number; dtype: KeptDtype },
    scratch?: { folder: string; name: string },
  ) {
    this.rows = shape.rows;
    this.cols = shape.cols;
    this.#kept = shape.dtype;
    this.#tileWidth = gramBlockWidth(shape.rows);
    // The reference casts integers to float64 before anything else (spec §2.5).
    this.dtype = shape.dtype === 'float32' ? 'float32' : 'float64';
    if (scratch) {
      this.#path = join(scratch.folder, scratch.name);
      this.#file = openSync(this.#path, 'wx+', 0o600);
    } else {
      this.#memory = allocate(shape.dtype, shape.rows * shape.cols);
    }
  }

  /** Bytes of all values. */
  get bytes(): number {
    return bytesOf(this.#kept, this.rows, this.cols);
  }

  /** True where the values lie on scratch disk. */
  get spilled(): boolean {
    return this.#path !== undefined;
  }

  /** Writes consecutive rows from `first` on; `values` is row-major. */
  write(first: number, values: Kept): void {
    const rows = values.length / this.cols;
    for (const tile of this.#tiles(0, this.cols)) {
      const part = this.#place(tile, first, rows);
      if (this.#memory) {
        copyColumns(
          values,
          this.cols,
          tile.from,
          this.#memory.subarray(part.start, part.end),
          tile,
        );
      } else {
        const block = allocate(this.#kept, rows * tile.width);
        copyColumns(values, this.cols, tile.from, block, tile);
        writeWhole(this.#file as number, block, part.start * widths[this.#kept]);
      }
    }
  }

  async columns(from: number, to: number): Promise<Float32Array | Float64Array> {
    const block = this.#block(from, to);
    return block instanceof Float32Array || block instanceof Float64Array
      ? block
      : Float64Array.from(block);
  }

  /** Rows [first, first + count) whole, row-major: what an export writes. */
  readRows(first: number, count: number): Float32Array | Float64Array {
    const rows = allocate(this.#kept, count * this.cols);
    for (const tile of this.#tiles(0, this.cols)) {
      pasteColumns(this.#read(tile, first, count), tile.width, rows, this.cols, tile.from);
    }
    return rows instanceof Float32Array || rows instanceof Float64Array
      ? rows
      : Float64Array.from(rows);
  }

  #block(from: number, to: number): Kept {
    const tiles = this.#tiles(from, to);
    const width = to - from;
    if (tiles.length === 1 && tiles[0].width === width) return this.#read(tiles[0], 0, this.rows);
    const block = allocate(this.#kept, this.rows * width);
    for (const tile of tiles) {
      const read = this.#read(tile, 0, this.rows);
      const inside = { from: Math.max(from, tile.from), to: Math.min(to, tile.from + tile.width) };
      for (let row = 0; row < this.rows; row++) {
        const start = row * tile.width - tile.from;
        block.set(
          read.subarray(start + inside.from, start + inside.to),
          row * width + inside.from - from,
        );
      }
    }
    return block;
  }

  /** The tiles that columns [from, to) lie in. */
  #tiles(from: number, to: number): Tile[] {
    const tiles: Tile[] = [];
    const width = this.#tileWidth;
    for (let at = Math.floor(from / width) * width; at < to; at += width)
      tiles.push({ from: at, width: Math.min(width, this.cols - at) });
    return tiles;
  }

  /** Positions of some rows of a tile among all values. */
  #place(tile: Tile, first: number, count: number): { start: number; end: number } {
    const start = tile.from * this.rows + first * tile.width;
    return { start, end: start + count * tile.width };
  }

  #read(tile: Tile, first: number, count: number): Kept {
    const { start, end } = this.#place(tile, first, count);
    if (this.#memory) return this.#memory.subarray(start, end);
    const block = allocate(this.#kept, end - start);
    readWhole(this.#file as number, block, start * widths[this.#kept]);
    return block;
  }

  /** Lets the scratch file go. */
  close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
    rmSync(this.#path as string, { force: true });
  }
}

/** Copies the columns of a tile out of row-major rows of `cols` values. */
function copyColumns(rows: Kept, cols: number, from: number, into: Kept, { width }: Tile): void {
  for (let at = 0, start = from; at < into.length; at += width, start += cols)
    into.set(rows.subarray(start, start + width), at);
}

/** Copies a tile's rows into columns of row-major rows of `cols` values. */
function pasteColumns(tile: Kept, width: number, into: Kept, cols: number, from: number): void {
  for (let at = 0, start = from; at < tile.length; at += width, start += cols)
    into.set(tile.subarray(at, at + width), start);
}

const bytesView = (values: Kept) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function writeWhole(file: number, values: Kept, position: number): void {
  const bytes = bytesView(values);
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }
}

function readWhole(file: number, values: Kept, position: number): void {
  const bytes = bytesView(values);
  for (let done = 0; done < bytes.length; ) {
    const got = readSync(file, bytes, done, bytes.length - done, position + done);
    if (got === 0) throw new Error('a scratch file is shorter than what was written to it');
    done += got;
  }
}
