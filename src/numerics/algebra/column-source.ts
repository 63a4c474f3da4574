import { type Matrix, matrix } from './matrix.js';

/** A matrix of which some columns are in memory at a time. */
export interface ColumnSource {
  readonly rows: number;
  readonly cols: number;
  /** Columns [from, to). */
  columns(from: number, to: number): Matrix;
}

/** The columns of a matrix in memory; the matrix itself where all are asked for. */
export const columnSource = (whole: Matrix): ColumnSource => ({
  ...{ rows: whole.rows, cols: whole.cols },
  columns: (from, to) => columnsOf(whole, from, to),
});

/** Columns [from, to) of a matrix; itself where these are all. */
export function columnsOf(whole: Matrix, from: number, to: number): Matrix {
  const { rows, cols, data } = whole;
  if (from === 0 && to === cols) return whole;
  const some = matrix(rows, to - from);
  for (let i = 0; i < rows; i++)
    some.data.set(data.subarray(i * cols + from, i * cols + to), i * some.cols);
  return some;
}

/** Writes columns of a matrix from `from` on. */
export function setColumns(into: Matrix, from: number, { rows, cols, data }: Matrix): void {
  for (let i = 0; i < rows; i++)
    into.data.set(data.subarray(i * cols, (i + 1) * cols), i * into.cols + from);
}

/** Bounds of so many blocks, as equal as they can be. */
export function evenBlocks(cols: number, count: number): (readonly [from: number, to: number])[] {
  const edge = (i: number) => Math.floor((i * cols) / count);
  return Array.from({ length: count }, (_, i) => [edge(i), edge(i + 1)] as const);
}
