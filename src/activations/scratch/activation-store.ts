import type { Features } from '../../numerics/algebra/features.js';
import { type ScratchFile, wholePages } from './scratch-file.js';

/** Element types that a layer's values are kept in. */
type Kept = Float32Array | Float64Array | Uint8Array | Int32Array;

const widths = { float32: 4, float64: 8, uint8: 1, int32: 4 } as const;
export type KeptDtype = keyof typeof widths;

/** Bytes that `rows × cols` values take. */
export const bytesOf = (dtype: KeptDtype, rows: number, cols: number): number =>
  widths[dtype] * rows * cols;

/** A layer to store: stimulus × unit, written in batches of this many rows. */
export interface StoreShape {
  readonly rows: number;
  readonly cols: number;
  readonly dtype: KeptDtype;
  readonly batch: number;
}

/** Bytes that a layer takes on scratch disk, where each batch has pages to itself. */
export const scratchBytesOf = (shape: StoreShape): number =>
  Math.ceil(shape.rows / shape.batch) * batchBytes(shape);

/** Of one batch. */
export const batchBytes = ({ dtype, batch, cols }: StoreShape): number =>
  wholePages(bytesOf(dtype, batch, cols));

/** Zeros of a type. */
export function allocate(dtype: KeptDtype, length: number): Kept {
  if (dtype === 'float32') return new Float32Array(length);
  if (dtype === 'float64') return new Float64Array(length);
  return dtype === 'uint8' ? new Uint8Array(length) : new Int32Array(length);
}

/** Values to be written over: of `room` where they are of the type and enough, else new ones. */
function roomFor(dtype: KeptDtype, length: number, room: Kept | undefined): Kept {
  const fits =
    (room instanceof Float32Array && dtype === 'float32') ||
    (room instanceof Float64Array && dtype === 'float64');
  return fits && room.length >= length ? room.subarray(0, length) : allocate(dtype, length);
}

/** Batches that are read ahead concurrently: as many as there are file threads. */
const LANES = 4;
/** Bytes of one reading ahead. */
const AHEAD = 4 * 2 ** 20;

/** Where on scratch a layer lies: its batches, each from a page on, amid those of other layers. */
export interface ScratchPlace {
  readonly file: ScratchFile;
  /** Bytes from the beginning of the file to the first batch, and from one batch to the next. */
  readonly offset: number;
  readonly pitch: number;
}

/**
 * The activations of one layer while they are being written, batch by batch, in memory or in a scratch
 * file of raw little-endian values (stimulus × unit): a batch is written as the runtime gives it, without a
 * copy. Read back by column blocks, so that no more than a block of a spilled layer is ever in memory.
 */
export class ActivationStore implements Features {
  readonly rows: number;
  readonly cols: number;
  readonly dtype: 'float32' | 'float64';
  readonly #shape: StoreShape;
  readonly #memory: Kept | undefined;
  #place: ScratchPlace | undefined;

  /** @param place where on scratch, or undefined to stay in memory */
  constructor(shape: StoreShape, place?: ScratchPlace) {
    this.rows = shape.rows;
    this.cols = shape.cols;
    this.#shape = shape;
    // The reference casts integers to float64 before anything else (spec §2.5).
    this.dtype = shape.dtype === 'float32' ? 'float32' : 'float64';
    if (place) this.#place = { ...place, file: place.file.enter() };
    else this.#memory = allocate(shape.dtype, shape.rows * shape.cols);
  }

  /** Bytes of all values as stored. */
  get bytes(): number {
    const { dtype, rows, cols } = this.#shape;
    return this.spilled ? scratchBytesOf(this.#shape) : bytesOf(dtype, rows, cols);
  }

  /** True where the values are on scratch disk. */
  get spilled(): boolean {
    return this.#memory === undefined;
  }

  /** Whether values of a type are kept in memory as the runtime gives them. */
  takes(dtype: string): boolean {
    return this.#memory !== undefined && dtype === this.#shape.dtype;
  }

  /** Where in memory the batch that starts at row `first` is kept; undefined on scratch, and of a batch not all kept. */
  placeOf(first: number): Kept | undefined {
    const { rows, cols, batch } = this.#shape;
    if (first + batch > rows) return undefined;
    return this.#memory?.subarray(first * cols, (first + batch) * cols);
  }

  /**
   * Takes the values of the batch that starts at row `first`, row-major and all of them, the rows past the last
   * stimulus too: into memory unless they are there, or for the next `write` of the scratch file.
   */
  put(first: number, values: Kept): void {
    const memory = this.#memory;
    if (!memory) {
      this.#scratch.file.take(values, this.#offsetOf(first));
      return;
    }
    const start = memory.subarray(first * this.cols);
    const inPlace = start.buffer === values.buffer && start.byteOffset === values.byteOffset;
    if (!inPlace) start.set(values.subarray(0, start.length));
  }

  /**
   * Has the page cache hold what is on scratch, where memory has ample room for it: columns are then read
   * without waiting for the disk. Not to be closed before this is over.
   */
  async readAhead(): Promise<void> {
    if (!this.#place || this.bytes > process.availableMemory() / 4) return;
    const { file } = this.#place;
    const { rows, batch } = this.#shape;
    const firsts = Array.from({ length: Math.ceil(rows / batch) }, (_, i) => i * batch).values();
    // Disks serve scattered reads much faster when several are queued.
    const bytes = batchBytes(this.#shape);
    const lane = async () => {
      const room = new Uint8Array(Math.min(AHEAD, bytes));
      for (const first of firsts) await file.readAhead(this.#offsetOf(first), bytes, room);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  async columns(
    from: number,
    to: number,
    room?: Float32Array | Float64Array,
  ): Promise<Float32Array | Float64Array> {
    if (this.#memory && to - from === this.cols) return floats(this.#memory);
    return floats(this.#block({ first: 0, count: this.rows }, [from, to], room));
  }

  /** Rows [first, first + count) whole, row-major: what an export writes. */
  readRows(first: number, count: number): Float32Array | Float64Array {
    const { cols } = this;
    if (this.#memory) return floats(this.#memory.subarray(first * cols, (first + count) * cols));
    return floats(this.#block({ first, count }, [0, cols]));
  }

  #block(
    { first, count }: { first: number; count: number },
    [from, to]: readonly [number, number],
    room?: Kept,
  ): Kept {
    const width = to - from;
    const { dtype } = this.#shape;
    const block = roomFor(dtype, count * width, room);
    for (let i = 0; i < count; i++) {
      const row = block.subarray(i * width, (i + 1) * width);
      const start = (first + i) * this.cols + from;
      if (this.#memory) row.set(this.#memory.subarray(start, start + width));
      else this.#scratch.file.read(row, this.#offsetOf(first + i) + bytesOf(dtype, 1, from));
    }
    return block;
  }

  /** Where a row starts in the scratch file. */
  #offsetOf(row: number): number {
    const { dtype, cols, batch } = this.#shape;
    const { offset, pitch } = this.#scratch;
    return offset + Math.floor(row / batch) * pitch + bytesOf(dtype, row % batch, cols);
  }

  get #scratch(): ScratchPlace {
    if (!this.#place) throw new Error('the activations were released');
    return this.#place;
  }

  /** Lets the scratch file go. */
  close(): void {
    this.#place?.file.leave();
    this.#place = undefined;
  }
}

const floats = (values: Kept): Float32Array | Float64Array =>
  values instanceof Float32Array || values instanceof Float64Array
    ? values
    : Float64Array.from(values);
