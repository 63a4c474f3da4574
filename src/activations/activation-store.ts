import { closeSync, openSync, readSync, rmSync, write } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
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

/**
 * The activations of one layer while they are being written, batch by batch, in memory or in a scratch
 * file of raw little-endian values (stimulus × unit): a batch is written as the runtime gives it, in one piece
 * and without a copy. Read back by column blocks, so that no more than a block of a spilled layer is ever in
 * memory.
 */
export class ActivationStore implements Features {
  readonly rows: number;
  readonly cols: number;
  readonly dtype: 'float32' | 'float64';
  readonly #kept: KeptDtype;
  readonly #memory: Kept | undefined;
  readonly #path: string | undefined;
  #file: number | undefined;

  /** @param scratch folder of the scratch file, or undefined to stay in memory */
  constructor(
    shape: { rows: number; cols: number; dtype: KeptDtype },
    scratch?: { folder: string; name: string },
  ) {
    this.rows = shape.rows;
    this.cols = shape.cols;
    this.#kept = shape.dtype;
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

  /**
   * Writes consecutive rows from `first` on; `values` is row-major and may not change before this resolves.
   * Scratch is written beside whatever the thread does meanwhile.
   */
  write(first: number, values: Kept): Promise<void> {
    if (!this.#memory)
      return writeWhole(this.#file as number, values, first * this.cols * widths[this.#kept]);
    this.#memory.set(values, first * this.cols);
    return Promise.resolve();
  }

  async columns(from: number, to: number): Promise<Float32Array | Float64Array> {
    const block = this.#block(from, to);
    return block instanceof Float32Array || block instanceof Float64Array
      ? block
      : Float64Array.from(block);
  }

  /** Rows [first, first + count) whole, row-major: what an export writes. */
  readRows(first: number, count: number): Float32Array | Float64Array {
    let rows: Kept;
    if (this.#memory) rows = this.#memory.subarray(first * this.cols, (first + count) * this.cols);
    else {
      rows = allocate(this.#kept, count * this.cols);
      readWhole(this.#file as number, rows, first * this.cols * widths[this.#kept]);
    }
    return rows instanceof Float32Array || rows instanceof Float64Array
      ? rows
      : Float64Array.from(rows);
  }

  #block(from: number, to: number): Kept {
    const width = to - from;
    if (this.#memory && width === this.cols) return this.#memory;
    const block = allocate(this.#kept, this.rows * width);
    for (let row = 0; row < this.rows; row++) {
      const start = row * this.cols + from;
      if (this.#memory) block.set(this.#memory.subarray(start, start + width), row * width);
      else
        readWhole(
          this.#file as number,
          block.subarray(row * width, (row + 1) * width),
          start * widths[this.#kept],
        );
    }
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

const bytesView = (values: Kept) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

const writeSome = promisify(write);

async function writeWhole(file: number, values: Kept, position: number): Promise<void> {
  const bytes = bytesView(values);
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await writeSome(
      file,
      bytes,
      done,
      bytes.length - done,
      position + done,
    );
    done += bytesWritten;
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
