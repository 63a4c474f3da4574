import { evenBlocks } from './column-source.js';
import { matmul } from './gemm.js';
import { type BlockReflection, reflectPanel } from './householder.js';
import { type Matrix, matrix } from './matrix.js';

/** A symmetric block tridiagonal matrix. */
export interface BlockTridiagonal {
  readonly size: number;
  /** Rows of each block but the last, which may have fewer. */
  readonly block: number;
  readonly diagonal: readonly Matrix[];
  /** `below[k]` is the block under `diagonal[k]`. */
  readonly below: readonly Matrix[];
}

/** A = Q B Qᵀ with B block tridiagonal. */
export interface BandForm {
  readonly band: BlockTridiagonal;
  /** Qᵀ */
  readonly basis: Matrix;
}

/** Wide blocks make products that are worth their start, narrow ones leave less to plain loops. */
const blockOf = (size: number) => (size > 1000 ? 64 : 32);

/**
 * A symmetric matrix in block tridiagonal form: its spectrum for all that (A + α)⁻¹ is asked for, at the price of matrix
 * products alone (Bischof, Lang and Sun, A framework for symmetric band reduction, 2000, first step). It takes the memory of
 * `a`, in which the basis is in the end; half as much holds the reflections until then.
 */
export async function bandForm(a: Matrix): Promise<BandForm> {
  const size = a.rows;
  const block = blockOf(size);
  const diagonal: Matrix[] = [];
  const below: Matrix[] = [];
  const reflections: BlockReflection[] = [];
  let rest = a;
  while (rest.rows > 2 * block) {
    diagonal.push(part(rest, [0, block], [0, block]));
    const { block: reflected, r } = reflectPanel(part(rest, [block, rest.rows], [0, block]));
    below.push(r);
    rest = await reflectBothSides(rest, block, reflected);
    reflections.push(reflected);
  }
  const head = Math.min(block, rest.rows);
  diagonal.push(part(rest, [0, head], [0, head]));
  if (rest.rows > head) {
    below.push(part(rest, [head, rest.rows], [0, head]));
    diagonal.push(part(rest, [head, rest.rows], [head, rest.rows]));
  }
  return {
    band: { size, block, diagonal, below },
    basis: await basisOf(reflections, a, block),
  };
}

/** Hᵀ A H of the rows and columns of a matrix behind the first `from`, in its memory. */
async function reflectBothSides(
  whole: Matrix,
  from: number,
  { v, t }: BlockReflection,
): Promise<Matrix> {
  const vt = await matmul(v, t);
  const across = matrix(whole.rows, vt.cols);
  across.data.set(vt.data, from * vt.cols);
  const product = await matmul(whole, across);
  const image = matrix(v.rows, v.cols, product.data.subarray(from * v.cols));
  const middle = await matmul(vt, image, { transposeA: true });
  const half = await matmul(v, middle);
  const w = matrix(
    v.rows,
    v.cols,
    image.data.map((value, i) => value - half.data[i] / 2),
  );
  return trailingPlus(whole, from, beside(v, w, -1), beside(w, v, 1));
}

/** The columns of two matrices, times `sign`. */
function beside(a: Matrix, b: Matrix, sign: 1 | -1): Matrix {
  const { rows, cols } = a;
  const both = matrix(rows, 2 * cols);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) {
      both.data[i * 2 * cols + j] = sign * a.data[i * cols + j];
      both.data[i * 2 * cols + cols + j] = sign * b.data[i * cols + j];
    }
  return both;
}

/** Rows of a large matrix that are computed at once. */
const STRIP = 512;

const strips = (rows: number) => evenBlocks(rows, Math.ceil(rows / STRIP));

/** The rows and columns of a square matrix from `from` on, plus P Rᵀ, in its memory. */
async function trailingPlus(x: Matrix, from: number, p: Matrix, r: Matrix): Promise<Matrix> {
  const size = x.rows - from;
  for (const [top, bottom] of strips(size)) {
    const product = await matmul(rowsOf(p, top, bottom), r, { transposeB: true });
    for (let row = top; row < bottom; row++) addMoved(x, from, row, product.data, row - top);
  }
  return matrix(size, size, x.data.subarray(0, size * size));
}

/** Row `row` of what is behind the first `from` rows and columns, plus a row of a product, to its place in their memory. */
function addMoved(
  { rows, cols, data }: Matrix,
  from: number,
  row: number,
  product: Float64Array,
  of: number,
): void {
  const size = rows - from;
  const [to, source, other] = [row * size, (row + from) * cols + from, of * size];
  for (let j = 0; j < size; j++) data[to + j] = data[source + j] + product[other + j];
}

/** Qᵀ of reflections, each of which starts a block below the one before, in the memory of `a`. */
async function basisOf(
  reflections: readonly BlockReflection[],
  a: Matrix,
  block: number,
): Promise<Matrix> {
  if (reflections.length === 0) return identity(a, a.rows);
  const strip = new Float64Array(Math.min(STRIP, a.rows) * a.rows);
  let basis = identity(a, a.rows - (reflections.length + 1) * block);
  for (const reflected of reflections.toReversed()) basis = await grown(a, basis, reflected, strip);
  return embedded(a, basis);
}

function identity({ data }: Matrix, size: number): Matrix {
  const one = matrix(size, size, data.subarray(0, size * size).fill(0));
  for (let i = 0; i < size; i++) one.data[i * (size + 1)] = 1;
  return one;
}

/**
 * Z − (Z V + E) (V T)ᵀ, where Z is the basis below and right of an identity, and E the identity's part of V: in the memory of
 * `whole`, from the last rows on, since each is moved behind where it was.
 */
async function grown(
  { data }: Matrix,
  basis: Matrix,
  { v, t }: BlockReflection,
  strip: Float64Array,
): Promise<Matrix> {
  const by = v.cols;
  const size = basis.rows + by;
  const n = await matmul(v, t);
  for (let i = 0; i < n.data.length; i++) n.data[i] = -n.data[i];
  for (const [top, bottom] of strips(size).toReversed()) {
    const z = matrix(bottom - top, size, strip.subarray(0, (bottom - top) * size));
    for (let row = top; row < bottom; row++) moveRight(basis, row - by, z, row - top);
    const along = await matmul(z, v);
    if (top < by) along.data.set(rowsOf(v, top, Math.min(by, bottom)).data);
    const product = await matmul(along, n, { transposeB: true });
    sum(z, product, data.subarray(top * size));
  }
  for (let i = 0; i < by; i++) data[i * (size + 1)] += 1;
  return matrix(size, size, data.subarray(0, size * size));
}

function sum(a: Matrix, b: Matrix, into: Float64Array): void {
  for (let i = 0; i < a.data.length; i++) into[i] = a.data[i] + b.data[i];
}

/** A row of a matrix behind zeros, as a row of a wider one; zeros alone where there is no such row. */
function moveRight({ cols, data }: Matrix, row: number, into: Matrix, at: number): void {
  const [from, to] = [at * into.cols, (at + 1) * into.cols];
  into.data.fill(0, from, row < 0 ? to : to - cols);
  if (row >= 0) into.data.set(data.subarray(row * cols, (row + 1) * cols), to - cols);
}

/** A square matrix below and right of an identity as large as `whole`, in its memory. */
function embedded(whole: Matrix, { rows, cols }: Matrix): Matrix {
  const { cols: size, data } = whole;
  const by = size - rows;
  for (let row = rows - 1; row >= 0; row--) {
    const to = (row + by) * size + by;
    data.copyWithin(to, row * cols, (row + 1) * cols);
    data.fill(0, to - by, to);
  }
  data.fill(0, 0, by * size);
  for (let i = 0; i < by; i++) data[i * (size + 1)] = 1;
  return whole;
}

const rowsOf = ({ cols, data }: Matrix, from: number, to: number): Matrix =>
  matrix(to - from, cols, data.subarray(from * cols, to * cols));

/** Rows and columns [from, to) of a matrix, copied. */
function part(
  { cols, data }: Matrix,
  [top, bottom]: readonly [number, number],
  [left, right]: readonly [number, number],
): Matrix {
  const some = matrix(bottom - top, right - left);
  for (let row = top; row < bottom; row++)
    some.data.set(data.subarray(row * cols + left, row * cols + right), (row - top) * some.cols);
  return some;
}

/** The largest sum of absolute values of a row, which no eigenvalue exceeds. */
export function largestRowSum({ diagonal, below }: BlockTridiagonal): number {
  let largest = 0;
  for (const [k, block] of diagonal.entries())
    for (let i = 0; i < block.rows; i++) {
      let sum = absoluteSum(block, i);
      if (k > 0) sum += absoluteSum(below[k - 1], i);
      if (k < below.length)
        for (let j = 0; j < below[k].rows; j++)
          sum += Math.abs(below[k].data[j * below[k].cols + i]);
      // A NaN is never the larger of two.
      if (!(sum <= largest)) largest = sum;
    }
  return largest;
}

function absoluteSum({ cols, data }: Matrix, row: number): number {
  let sum = 0;
  for (let j = row * cols; j < (row + 1) * cols; j++) sum += Math.abs(data[j]);
  return sum;
}

/** B + α = L Lᵀ of a block tridiagonal matrix. */
export interface BlockFactor {
  /** Of each block row k of L, `[−G, L⁻¹]`: its inverse diagonal block, and that times the block before. */
  readonly steps: readonly Matrix[];
  readonly band: BlockTridiagonal;
}

/** The factor of B + `alpha`; undefined where it is not positive definite to rounding. */
export function factorPlus(band: BlockTridiagonal, alpha: number): BlockFactor | undefined {
  const steps: Matrix[] = [];
  let before: Matrix | undefined;
  for (const [k, own] of band.diagonal.entries()) {
    const block = matrix(own.rows, own.rows, own.data.slice());
    for (let i = 0; i < own.rows; i++) block.data[i * (own.rows + 1)] += alpha;
    const coupling = before && timesTransposed(band.below[k - 1], before);
    if (coupling) subtractSquare(block, coupling);
    const inverse = inverseFactor(block);
    if (!inverse) return undefined;
    steps.push(coupling ? joined(smallProduct(inverse, coupling), inverse) : inverse);
    before = inverse;
  }
  return { steps, band };
}

/** A Bᵀ of small matrices. */
function timesTransposed(a: Matrix, b: Matrix): Matrix {
  const out = matrix(a.rows, b.rows);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < b.rows; j++) {
      let sum = 0;
      for (let k = 0; k < a.cols; k++) sum += a.data[i * a.cols + k] * b.data[j * b.cols + k];
      out.data[i * b.rows + j] = sum;
    }
  return out;
}

function smallProduct(a: Matrix, b: Matrix): Matrix {
  const out = matrix(a.rows, b.cols);
  for (let i = 0; i < a.rows; i++)
    for (let k = 0; k < a.cols; k++) {
      const weight = a.data[i * a.cols + k];
      for (let j = 0; j < b.cols; j++) out.data[i * b.cols + j] += weight * b.data[k * b.cols + j];
    }
  return out;
}

/** A ← A − F Fᵀ */
function subtractSquare(a: Matrix, f: Matrix): void {
  const square = timesTransposed(f, f);
  for (let i = 0; i < a.data.length; i++) a.data[i] -= square.data[i];
}

/** L⁻¹ of A = L Lᵀ; undefined where A is not positive definite. */
function inverseFactor(a: Matrix): Matrix | undefined {
  const n = a.rows;
  const l = a.data;
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let value = l[i * n + j];
      for (let k = 0; k < j; k++) value -= l[i * n + k] * l[j * n + k];
      if (i === j && !(value > 0)) return undefined;
      l[i * n + j] = i === j ? Math.sqrt(value) : value / l[j * n + j];
    }
  const inverse = matrix(n, n);
  for (let j = 0; j < n; j++)
    for (let i = j; i < n; i++) {
      let value = i === j ? 1 : 0;
      for (let k = j; k < i; k++) value -= l[i * n + k] * inverse.data[k * n + j];
      inverse.data[i * n + j] = value / l[i * n + i];
    }
  return inverse;
}

/** `[−g, inverse]` */
function joined(g: Matrix, inverse: Matrix): Matrix {
  const cols = g.cols + inverse.cols;
  const step = matrix(g.rows, cols);
  for (let i = 0; i < g.rows; i++) {
    for (let j = 0; j < g.cols; j++) step.data[i * cols + j] = -g.data[i * g.cols + j];
    for (let j = 0; j < inverse.cols; j++)
      step.data[i * cols + g.cols + j] = inverse.data[i * inverse.cols + j];
  }
  return step;
}

/** L⁻¹ Y, in place of `y`. */
export async function solveForward({ steps, band }: BlockFactor, y: Matrix): Promise<void> {
  for (const [k, step] of steps.entries()) {
    const end = k * band.block + step.rows;
    const rows = y.data.subarray((end - step.cols) * y.cols, end * y.cols);
    const { data } = await matmul(step, matrix(step.cols, y.cols, rows));
    y.data.set(data, k * band.block * y.cols);
  }
}

/** L⁻ᵀ Y, in place of `y`. */
export async function solveBackward({ steps, band }: BlockFactor, y: Matrix): Promise<void> {
  for (let k = steps.length - 1; k >= 0; k--) {
    const step = steps[k];
    const from = k * band.block;
    const own = matrix(
      step.rows,
      y.cols,
      y.data.subarray(from * y.cols, (from + step.rows) * y.cols),
    );
    // The transposed step solves its own rows and takes their part from those of the block before.
    const { data } = await matmul(step, own, { transposeA: true });
    const before = step.cols - step.rows;
    for (let i = 0; i < before * y.cols; i++) y.data[(from - before) * y.cols + i] += data[i];
    y.data.set(data.subarray(before * y.cols), from * y.cols);
  }
}
