import {
  DenseKernel,
  fill,
  type KernelMatrix,
  type KernelVector,
  kernelSize,
} from '../../numerics/algebra/dense-kernel.js';
import type { Matrix } from '../../numerics/algebra/matrix.js';
import { correlationsOf } from './correlation-draws.js';

/** Sums over rows of a matrix, in the same order whoever makes them. */
export interface RowSums {
  readonly sums: Float64Array;
  /** sums ← sums + (a + b + c + d). */
  addFour(rows: Four): void;
  addOne(row: number): void;
  /** r from sums of y, p, y², p² and yp over as many rows as were added, as `correlationsOf` makes them. */
  correlations(total: number, r: Float64Array): void;
  /** Gives memory back; nothing can be added afterwards. */
  release(): void;
}

type Four = readonly [number, number, number, number];

/** Values that a kernel takes at the most, and that it may keep for the next matrix. */
const MOST = 2 ** 23;
const KEPT = 2 ** 20;
/** A kernel that no sums use at the moment. */
let idle: DenseKernel | undefined;

/**
 * Sums of the rows of a matrix, all 0 at first.
 * @param most values that are copied into a kernel, which is faster
 */
export const rowSums = (products: Matrix, most = MOST): RowSums =>
  products.rows * products.cols > most ? new PlainSums(products) : new KernelSums(products);

/** With SIMD. */
class KernelSums implements RowSums {
  readonly sums: Float64Array;
  readonly #kernel: DenseKernel;
  readonly #matrix: KernelMatrix;
  readonly #vector: KernelVector;
  readonly #r: KernelVector;
  readonly #isSmall: boolean;

  constructor(products: Matrix) {
    const { rows, cols } = products;
    const size = kernelSize(rows, cols) + kernelSize(1, cols) + kernelSize(1, cols / 5);
    this.#kernel = idle ?? new DenseKernel();
    idle = undefined;
    this.#kernel.reset(size);
    this.#isSmall = size <= KEPT;
    this.#matrix = this.#kernel.matrix(rows, cols);
    this.#vector = this.#kernel.vector(cols);
    this.#r = this.#kernel.vector(Math.floor(cols / 5));
    fill(this.#matrix, products);
    this.sums = this.#vector.values;
  }

  addFour(rows: Four): void {
    this.#kernel.addRows(this.#matrix, rows, this.#vector);
  }

  addOne(row: number): void {
    addRow(this.sums, this.#matrix.values, row * this.#matrix.stride);
  }

  correlations(total: number, r: Float64Array): void {
    this.#kernel.correlate(this.#vector, total, this.#r);
    r.set(this.#r.values);
  }

  release(): void {
    if (this.#isSmall) idle = this.#kernel;
  }
}

/** Of a matrix that is too large to be copied into a kernel. */
class PlainSums implements RowSums {
  readonly sums: Float64Array;
  readonly #matrix: Matrix;

  constructor(products: Matrix) {
    this.sums = new Float64Array(products.cols);
    this.#matrix = products;
  }

  addFour(rows: Four): void {
    const { cols, data } = this.#matrix;
    const { sums } = this;
    const [a, b, c, d] = rows.map((row) => row * cols);
    for (let k = 0; k < cols; k++) sums[k] += data[a + k] + data[b + k] + data[c + k] + data[d + k];
  }

  addOne(row: number): void {
    addRow(this.sums, this.#matrix.data, row * this.#matrix.cols);
  }

  correlations(total: number, r: Float64Array): void {
    correlationsOf(this.sums, total, r);
  }

  release(): void {}
}

function addRow(sums: Float64Array, data: Float64Array, from: number): void {
  for (let k = 0; k < sums.length; k++) sums[k] += data[from + k];
}
