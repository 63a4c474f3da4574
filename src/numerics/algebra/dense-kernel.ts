import type { Matrix } from './matrix.js';
import { simdModule } from './simd-module.js';

/**
 * Memory and loops for small dense algebra that runs thousands of times: matrices and vectors lie
 * in WebAssembly memory, padded with zeros to multiples of four, and the loops use SIMD. Three to
 * eight times as fast as the same loops in JavaScript, which decides what PLS costs.
 */

interface Loops {
  multiply(m: number, stride: number, end: number, v: number, out: number): void;
  addTransposed(m: number, stride: number, end: number, v: number, out: number): void;
  subtractOuters(
    m: number,
    stride: number,
    end: number,
    u: number,
    v: number,
    s: number,
    t: number,
  ): void;
  addFour(a: number, b: number, c: number, d: number, sums: number, end: number): void;
  correlate(sums: number, bytes: number, total: number, out: number, end: number): void;
  selectRank(low: number, k: number, high: number): void;
}

/** A vector in the kernel's memory; `values` has the length asked for, zeros follow it. */
export interface KernelVector {
  readonly values: Float64Array;
}

/** A matrix in the kernel's memory; row i starts at `values[i * stride]`. */
export interface KernelMatrix {
  readonly rows: number;
  readonly cols: number;
  readonly stride: number;
  /** All rows with their padding. */
  readonly values: Float64Array;
}

const padded = (length: number) => Math.ceil(length / 4) * 4;

/** What is used of WebAssembly, which neither the ES library nor @types/node 20 declares as a value. */
interface Wasm {
  Memory: new (size: {
    initial: number;
  }) => { readonly buffer: ArrayBuffer; grow(pages: number): void };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
}
export const wasm = (globalThis as unknown as { WebAssembly: Wasm }).WebAssembly;

let compiled: object | undefined;
const PAGE = 65536;

/** Memory for a few matrices and the loops over them. */
export class DenseKernel {
  readonly #memory = new wasm.Memory({ initial: 1 });
  readonly #loops: Loops;
  #used = 0;

  constructor() {
    compiled ??= new wasm.Module(simdModule());
    const instance = new wasm.Instance(compiled, { kernel: { memory: this.#memory } });
    this.#loops = instance.exports as Loops;
  }

  /** Forgets all matrices and vectors and makes room for `values` float64 in what comes. */
  reset(values: number): void {
    const missing = Math.ceil((8 * values) / PAGE) - this.#memory.buffer.byteLength / PAGE;
    if (missing > 0) this.#memory.grow(missing);
    this.#used = 0;
  }

  #take(length: number): Float64Array {
    const values = new Float64Array(this.#memory.buffer, this.#used, length);
    this.#used += 8 * length;
    return values.fill(0);
  }

  /** A vector of zeros. */
  vector(length: number): KernelVector {
    return { values: this.#take(padded(length)).subarray(0, length) };
  }

  /** A matrix of zeros. */
  matrix(rows: number, cols: number): KernelMatrix {
    const stride = padded(cols);
    return { rows, cols, stride, values: this.#take(padded(rows) * stride) };
  }

  /** out ← m v. */
  multiply(m: KernelMatrix, v: KernelVector, out: KernelVector): void {
    const from = m.values.byteOffset;
    this.#loops.multiply(
      from,
      8 * m.stride,
      from + m.values.byteLength,
      v.values.byteOffset,
      out.values.byteOffset,
    );
  }

  /** out ← mᵀ v. */
  multiplyTransposed(m: KernelMatrix, v: KernelVector, out: KernelVector): void {
    const from = m.values.byteOffset;
    out.values.fill(0);
    this.#loops.addTransposed(
      from,
      8 * m.stride,
      from + m.values.byteLength,
      v.values.byteOffset,
      out.values.byteOffset,
    );
  }

  /** sums ← sums + (a + b + c + d), of four rows of m by their numbers. */
  addRows(
    m: KernelMatrix,
    [a, b, c, d]: readonly [number, number, number, number],
    sums: KernelVector,
  ): void {
    const [first, bytes] = [m.values.byteOffset, 8 * m.stride];
    const at = (row: number) => first + row * bytes;
    const from = sums.values.byteOffset;
    this.#loops.addFour(at(a), at(b), at(c), at(d), from, from + bytes);
  }

  /**
   * r of each column, from its sums of y, p, y², p² and yp over `total` rows, which stand in five equal parts of `sums`: NaN where
   * y or p does not vary. The bits are those of the same formula in JavaScript.
   */
  correlate(sums: KernelVector, total: number, out: KernelVector): void {
    const { byteOffset, length } = out.values;
    this.#loops.correlate(
      sums.values.byteOffset,
      8 * length,
      total,
      byteOffset,
      byteOffset + 8 * length,
    );
  }

  /** Brings the value of rank k of the first n to its place, smaller ones before it and larger ones behind; none may be NaN. */
  select({ values: { byteOffset } }: KernelVector, n: number, k: number): void {
    this.#loops.selectRank(byteOffset, byteOffset + 8 * k, byteOffset + 8 * (n - 1));
  }

  /** m ← m − u vᵀ − s tᵀ. */
  subtractOuters(
    m: KernelMatrix,
    [u, v]: readonly [KernelVector, KernelVector],
    [s, t]: readonly [KernelVector, KernelVector],
  ): void {
    const from = m.values.byteOffset;
    this.#loops.subtractOuters(
      from,
      8 * m.stride,
      from + m.values.byteLength,
      u.values.byteOffset,
      v.values.byteOffset,
      s.values.byteOffset,
      t.values.byteOffset,
    );
  }
}

/** Values that {@link DenseKernel.reset} must count for a matrix of this size. */
export function kernelSize(rows: number, cols: number): number {
  return padded(rows) * padded(cols);
}

/** Copies a matrix into the kernel. */
export function fill(into: KernelMatrix, { rows, cols, data }: Matrix): void {
  for (let i = 0; i < rows; i++)
    into.values.set(data.subarray(i * cols, (i + 1) * cols), i * into.stride);
}

/** Copies the rows and columns `index` of a square matrix into the kernel. */
export function fillSubmatrix(
  into: KernelMatrix,
  { cols, data }: Matrix,
  index: readonly number[],
): void {
  const columns = Int32Array.from(index);
  for (let i = 0; i < columns.length; i++) {
    const from = columns[i] * cols;
    const to = i * into.stride;
    for (let j = 0; j < columns.length; j++) into.values[to + j] = data[from + columns[j]];
  }
}

/** A kernel matrix with its padding, not copied: good until the kernel's next reset. */
export function withPadding({ stride, values }: KernelMatrix): Matrix {
  return { rows: values.length / stride, cols: stride, data: values };
}

/** A copy of a kernel matrix without its padding. */
export function unpadded({ rows, cols, stride, values }: KernelMatrix): Matrix {
  const data = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++) data.set(values.subarray(i * stride, i * stride + cols), i * cols);
  return { rows, cols, data };
}
