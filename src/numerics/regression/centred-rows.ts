import {
  type BlockFactor,
  type BlockTridiagonal,
  bandForm,
  factorPlus,
  largestRowSum,
  solveBackward,
  solveForward,
} from '../algebra/block-tridiagonal.js';
import { columnsOf } from '../algebra/column-source.js';
import { matmul } from '../algebra/gemm.js';
import { orthonormalRows } from '../algebra/householder.js';
import { type Matrix, matrix, transpose } from '../algebra/matrix.js';
import type { Spectrum } from './penalty-nodes.js';

/** Targets in the directions in which the rows differ. */
export interface Coordinates {
  /** Number of targets. */
  readonly count: number;
  /** direction × target */
  readonly along: Matrix;
  /** What no direction reaches (row × target), where the directions are fewer than the rows. */
  readonly beyond: Matrix | undefined;
  columns(from: number, to: number): Coordinates;
}

/**
 * Rows of features without their mean, in block tridiagonal form: one decomposition for ridge regressions of any penalty on
 * any targets. The constant, along which the intercept is not penalised, is left out of the directions before anything is
 * decomposed, and where features are fewer than rows so is what they do not reach: neither is left to rounding.
 */
export class CentredRows {
  /** Rows. */
  readonly count: number;
  /** Where the eigenvalues of the products of the rows lie. */
  readonly eigenvalues: Spectrum;
  /** To what the eigenvalues are known. */
  readonly rounding: number;
  readonly #band: BlockTridiagonal;
  /** direction × row, orthonormal */
  readonly #basis: Matrix;
  /** Of each row the square of its part beyond the directions; undefined where they reach everything. */
  readonly #beyond: Float64Array | undefined;
  readonly #leverages = new Map<number, Float64Array>();
  readonly #factors = new Map<number, PenaltyFactor>();
  #room: Room | undefined;

  private constructor(band: BlockTridiagonal, basis: Matrix, reach: 'all' | 'some') {
    this.count = basis.cols;
    const largest = largestRowSum(band);
    this.rounding = 4 * Number.EPSILON * largest;
    const smallest = boundBelow(band, largest, 1e3 * this.rounding);
    this.eigenvalues = { smallest, largest, zero: reach === 'some' };
    this.#band = band;
    this.#basis = basis;
    this.#beyond = reach === 'some' ? squaresBeyond(basis) : undefined;
  }

  /** From the products of the rows, centred or not, whose memory it takes. */
  static async ofKernel(kernel: Matrix): Promise<CentredRows> {
    const { band, basis } = await bandForm(withoutConstant(kernel));
    return new CentredRows(band, withConstantReflected(basis, kernel.data), 'all');
  }

  /** From features (row × feature), fewer than rows less one. */
  static async ofFeatures(x: Matrix): Promise<CentredRows> {
    const reflected = matrix(x.rows, x.cols, x.data.slice());
    reflectConstant(reflected);
    const below = matrix(x.rows - 1, x.cols, reflected.data.subarray(x.cols));
    const { rows, r } = await orthonormalRows(below);
    const { band, basis } = await bandForm(await matmul(r, r, { transposeB: true }));
    return new CentredRows(band, withConstantReflected(await matmul(basis, rows)), 'some');
  }

  /** Targets (row × target, their means taken) in the directions of the rows. */
  async coordinates(y: Matrix): Promise<Coordinates> {
    const along = await matmul(this.#basis, y);
    if (!this.#beyond) return coordinatesOf(along, undefined);
    const reached = await matmul(this.#basis, along, { transposeA: true });
    const beyond = y.data.map((value, i) =>
      this.#beyond?.[Math.floor(i / y.cols)] === 0 ? 0 : value - reached.data[i],
    );
    return coordinatesOf(along, matrix(y.rows, y.cols, beyond));
  }

  /** Dual weights (row × target) of a ridge regression: (K + α)⁻¹ Y with the intercept free. */
  async dual({ along, beyond }: Coordinates, alpha: number): Promise<Matrix> {
    const { factor, penalty } = this.#factor(alpha);
    const solved = matrix(along.rows, along.cols, along.data.slice());
    await solveForward(factor, solved);
    await solveBackward(factor, solved);
    const dual = await this.#alongRows(solved);
    if (beyond) for (let i = 0; i < dual.data.length; i++) dual.data[i] += beyond.data[i] / penalty;
    return dual;
  }

  /** What is in the directions of the rows (direction × target), in terms of the rows (row × target). */
  async #alongRows(solved: Matrix): Promise<Matrix> {
    if (solved.cols < WORTH) return matmul(this.#basis, solved, { transposeA: true });
    const { values, holds } = this.#takeRoom();
    const standing = matrix(this.count, this.#basis.rows, values);
    if (holds !== 'transposed') transpose(this.#basis, standing);
    const along = await matmul(standing, solved);
    this.#room = { values, holds: 'transposed' };
    return along;
  }

  /** Diagonal of (K + α)⁻¹, over which a dual weight is the residual of the row that is left out. */
  async leverages(alpha: number): Promise<Float64Array> {
    const known = this.#leverages.get(alpha);
    if (known) return known;
    const { factor, penalty } = this.#factor(alpha);
    const { values } = this.#takeRoom();
    values.set(this.#basis.data);
    const solved = matrix(this.#basis.rows, this.count, values);
    await solveForward(factor, solved);
    const leverages = squaresOfColumns(solved);
    this.#room = { values, holds: 'nothing' };
    this.#beyond?.forEach((square, i) => {
      leverages[i] += square / penalty;
    });
    this.#leverages.set(alpha, leverages);
    return leverages;
  }

  /** Memory that nobody else has until it is given back. */
  #takeRoom(): Room {
    const room = this.#room ?? {
      values: new Float64Array(this.#basis.data.length),
      holds: 'nothing',
    };
    this.#room = undefined;
    return room;
  }

  /** A penalty below the rounding of the eigenvalues counts as that much. Factors are kept, those of the last penalties. */
  #factor(alpha: number): PenaltyFactor {
    const known = this.#factors.get(alpha);
    if (known) return known;
    const made = this.#newFactor(alpha);
    const [oldest] = this.#factors.keys();
    if (this.#factors.size >= mostFactors(this.#band)) this.#factors.delete(oldest);
    this.#factors.set(alpha, made);
    return made;
  }

  #newFactor(alpha: number): PenaltyFactor {
    for (let penalty = Math.max(alpha, this.rounding); penalty < Infinity; penalty *= 8) {
      const factor = factorPlus(this.#band, penalty);
      if (factor) return { factor, penalty };
    }
    throw new RangeError('The products of the rows are not finite');
  }
}

/** Targets for which the basis is transposed: a product with it then takes two thirds of the time, to the same bits. */
const WORTH = 128;

/** Memory as large as the basis, for leverages or for the basis transposed. */
interface Room {
  readonly values: Float64Array;
  readonly holds: 'transposed' | 'nothing';
}

interface PenaltyFactor {
  readonly factor: BlockFactor;
  readonly penalty: number;
}

/** Values of all factors that are kept where rows are few; of many, no more than half as many as the basis has. */
const FACTOR_VALUES = 1 << 23;

const mostFactors = ({ size, block }: BlockTridiagonal) =>
  Math.max(1, Math.floor(Math.max(FACTOR_VALUES, size ** 2 / 2) / (2 * block * size)));

/** A number that no eigenvalue is below, to a quarter of the least of them; 0 where that is not far above their rounding. */
function boundBelow(band: BlockTridiagonal, largest: number, rounding: number): number {
  for (let bound = largest / 4; bound > rounding; bound /= 4)
    if (factorPlus(band, -bound)) return bound;
  return 0;
}

function coordinatesOf(along: Matrix, beyond: Matrix | undefined): Coordinates {
  return {
    count: along.cols,
    along,
    beyond,
    columns: (from, to) =>
      coordinatesOf(columnsOf(along, from, to), beyond && columnsOf(beyond, from, to)),
  };
}

function squaresOfColumns({ rows, cols, data }: Matrix): Float64Array {
  const sums = new Float64Array(cols);
  for (let row = 0, at = 0; row < rows; row++)
    for (let col = 0; col < cols; col++, at++) sums[col] += data[at] * data[at];
  return sums;
}

/** Squares of what is left of a row beside the constant and the directions; of a row that they reach, 0 and not rounding. */
function squaresBeyond(basis: Matrix): Float64Array {
  const reached = 1e-13 * basis.cols;
  return squaresOfColumns(basis).map((square) => {
    const left = 1 - 1 / basis.cols - square;
    return left > reached ? left : 0;
  });
}

/** v of the reflection I − β v vᵀ that takes the constant to the first axis: 1 + √n, 1, 1 … */
const constantReflection = (rows: number) => {
  const head = 1 + Math.sqrt(rows);
  return { head, beta: 2 / (head * head + rows - 1) };
};

/** Reflects the rows so that their constant is the first. */
function reflectConstant({ rows, cols, data }: Matrix): void {
  const { head, beta } = constantReflection(rows);
  const along = new Float64Array(cols);
  for (let row = 0, at = 0; row < rows; row++)
    for (let col = 0; col < cols; col++) along[col] += (row === 0 ? head : 1) * data[at++];
  for (let row = 0, at = 0; row < rows; row++)
    for (let col = 0; col < cols; col++) data[at++] -= beta * (row === 0 ? head : 1) * along[col];
}

/** The products of rows in the directions orthogonal to the constant, in their memory. */
function withoutConstant(kernel: Matrix): Matrix {
  const n = kernel.rows;
  const { head, beta } = constantReflection(n);
  reflectConstant(kernel);
  for (let i = 1, at = 0; i < n; i++) {
    const row = kernel.data.subarray(i * n, (i + 1) * n);
    let along = head * row[0];
    for (let j = 1; j < n; j++) along += row[j];
    for (let j = 1; j < n; j++) kernel.data[at++] = row[j] - beta * along;
  }
  return matrix(n - 1, n - 1, kernel.data.subarray(0, (n - 1) ** 2));
}

/**
 * Directions (direction × row) in terms of the rows, from those in which the constant was left out. They may be at the start
 * of `memory`.
 */
function withConstantReflected(
  { rows, cols, data }: Matrix,
  memory: Float64Array = new Float64Array(rows * (cols + 1)),
): Matrix {
  const n = cols + 1;
  const { head, beta } = constantReflection(n);
  for (let i = rows - 1; i >= 0; i--) {
    const row = data.subarray(i * cols, (i + 1) * cols);
    const along = beta * row.reduce((sum, value) => sum + value, 0);
    for (let j = cols; j > 0; j--) memory[i * n + j] = row[j - 1] - along;
    memory[i * n] = -along * head;
  }
  return matrix(rows, n, memory.subarray(0, rows * n));
}
