import { matmul } from './gemm.js';
import { type Matrix, matrix } from './matrix.js';

/** The orthogonal matrix I − V T Vᵀ: reflections of a panel, together. */
export interface BlockReflection {
  /** row × reflection */
  readonly v: Matrix;
  /** reflection × reflection, upper triangular */
  readonly t: Matrix;
}

/**
 * Householder's QR of a tall panel (at least as many rows as columns): (I − V T Vᵀ)ᵀ times the panel is R over zeros.
 * Schreiber and Van Loan, A storage-efficient WY representation for products of Householder transformations (1989).
 */
export function reflectPanel(panel: Matrix): {
  readonly block: BlockReflection;
  readonly r: Matrix;
} {
  const { rows, cols } = panel;
  const columns = transposed(panel);
  const v = Array.from({ length: cols }, () => new Float64Array(rows));
  const t = matrix(cols, cols);
  for (let j = 0; j < cols; j++) {
    const scale = reflection(columns[j], j, v[j]);
    t.data[j * cols + j] = scale;
    if (scale === 0) continue;
    for (let k = j + 1; k < cols; k++) {
      const along = scale * dot(v[j], columns[k], j);
      subtract(columns[k], v[j], along, j);
    }
    extend(t, v, j);
  }
  const r = matrix(cols, cols);
  for (let i = 0; i < cols; i++)
    for (let j = i; j < cols; j++) r.data[i * cols + j] = columns[j][i];
  return { block: { v: standing(v, rows), t }, r };
}

/** Makes the reflection of `column` from row `from` on, and gives its factor; 0 where nothing is to reflect. */
function reflection(column: Float64Array, from: number, v: Float64Array): number {
  let tail = 0;
  for (let i = from + 1; i < column.length; i++) tail += column[i] * column[i];
  if (tail === 0) return 0;
  const head = column[from];
  const norm = Math.sqrt(head * head + tail);
  const end = head > 0 ? -norm : norm;
  v[from] = 1;
  for (let i = from + 1; i < column.length; i++) v[i] = column[i] / (head - end);
  column[from] = end;
  return (end - head) / end;
}

/** The column of T that joins reflection j to those before it. */
function extend(t: Matrix, v: readonly Float64Array[], j: number): void {
  const { cols, data } = t;
  const scale = data[j * cols + j];
  const along = Float64Array.from({ length: j }, (_, i) => dot(v[i], v[j], j));
  for (let i = 0; i < j; i++) {
    let sum = 0;
    for (let k = i; k < j; k++) sum += data[i * cols + k] * along[k];
    data[i * cols + j] = -scale * sum;
  }
}

/** Two sums, so that additions overlap. */
function dot(a: Float64Array, b: Float64Array, from: number): number {
  let even = 0;
  let odd = 0;
  let i = from;
  for (; i + 1 < a.length; i += 2) {
    even += a[i] * b[i];
    odd += a[i + 1] * b[i + 1];
  }
  if (i < a.length) even += a[i] * b[i];
  return even + odd;
}

function subtract(from: Float64Array, what: Float64Array, times: number, start: number): void {
  for (let i = start; i < from.length; i++) from[i] -= times * what[i];
}

function transposed({ rows, cols, data }: Matrix): Float64Array[] {
  const columns = Array.from({ length: cols }, () => new Float64Array(rows));
  for (let i = 0, at = 0; i < rows; i++) for (let j = 0; j < cols; j++) columns[j][i] = data[at++];
  return columns;
}

function standing(columns: readonly Float64Array[], rows: number): Matrix {
  const all = matrix(rows, columns.length);
  for (let i = 0, at = 0; i < rows; i++)
    for (let j = 0; j < columns.length; j++) all.data[at++] = columns[j][i];
  return all;
}

/** Columns of a panel of {@link orthonormalRows}. */
const PANEL = 32;

/**
 * X = Uᵀ R of a matrix with at least as many rows as columns: `rows` is U (column × row), whose rows are orthonormal however
 * dependent the columns are.
 */
export async function orthonormalRows(
  x: Matrix,
): Promise<{ readonly rows: Matrix; readonly r: Matrix }> {
  const { cols } = x;
  const r = matrix(cols, cols);
  const blocks: BlockReflection[] = [];
  let rest = x;
  for (let from = 0; from < cols; from += PANEL) {
    const width = Math.min(PANEL, cols - from);
    const { block, r: corner } = reflectPanel(columnsOf(rest, 0, width));
    blocks.push(block);
    place(corner, r, from, from);
    const reflected = await reflect(columnsOf(rest, width, rest.cols), block, true);
    place(rowsOf(reflected, 0, width), r, from, from + width);
    rest = rowsOf(reflected, width, reflected.rows);
  }
  let basis = matrix(x.rows - cols, 0);
  for (const block of blocks.toReversed()) {
    const grown = matrix(block.v.rows, basis.cols + block.v.cols);
    for (let i = 0; i < block.v.cols; i++) grown.data[i * (grown.cols + 1)] = 1;
    place(basis, grown, block.v.cols, block.v.cols);
    basis = await reflect(grown, block, false);
  }
  const rows = matrix(cols, x.rows);
  for (const [j, column] of transposed(basis).entries()) rows.data.set(column, j * x.rows);
  return { rows, r };
}

/** X − V T Vᵀ X, or with T transposed. */
async function reflect(x: Matrix, { v, t }: BlockReflection, transposeA: boolean): Promise<Matrix> {
  const along = await matmul(t, await matmul(v, x, { transposeA: true }), { transposeA });
  const off = await matmul(v, along);
  return matrix(
    x.rows,
    x.cols,
    off.data.map((value, i) => x.data[i] - value),
  );
}

function columnsOf({ rows, cols, data }: Matrix, from: number, to: number): Matrix {
  const some = matrix(rows, to - from);
  for (let row = 0; row < rows; row++)
    some.data.set(data.subarray(row * cols + from, row * cols + to), row * some.cols);
  return some;
}

const rowsOf = ({ cols, data }: Matrix, from: number, to: number) =>
  matrix(to - from, cols, data.subarray(from * cols, to * cols));

/** Copies `some` into `into`, its first value to a row and a column. */
function place(some: Matrix, into: Matrix, row: number, col: number): void {
  for (let i = 0; i < some.rows; i++)
    into.data.set(
      some.data.subarray(i * some.cols, (i + 1) * some.cols),
      (row + i) * into.cols + col,
    );
}
