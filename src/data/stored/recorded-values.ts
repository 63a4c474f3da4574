import { ArrayInPieces, type Digestible } from '../../formats/digest.js';
import { type Matrix, matrix } from '../../numerics/algebra/matrix.js';
import type { Recordings } from '../recordings.js';

type Values = Recordings['values'];

/** The values of recordings, presentation × neuroid, which need not be in memory together. */
export interface RecordedValues {
  readonly rows: number;
  readonly cols: number;
  readonly dtype: 'float32' | 'float64';
  /** All of them, row-major, where they are in memory. */
  readonly data?: Values;
  /** Columns [from, to) of a row, all unless said; the next call may write over what this one gave. */
  row(index: number, from?: number, to?: number): Values;
}

const dtypeOf = (values: Values) => (values instanceof Float32Array ? 'float32' : 'float64');

/** Values in memory. */
export function valuesInMemory(rows: number, cols: number, data: Values): RecordedValues {
  return {
    ...{ rows, cols, data, dtype: dtypeOf(data) },
    row: (index, from = 0, to = cols) => data.subarray(index * cols + from, index * cols + to),
  };
}

/** A matrix as values. */
export const valuesOf = ({ rows, cols, data }: Matrix): RecordedValues =>
  valuesInMemory(rows, cols, data);

/** Some rows and columns of others, in the order given; all where none are given. In another type where one is. */
export function selectedValues(
  source: RecordedValues,
  { rows, columns }: { readonly rows?: readonly number[]; readonly columns?: readonly number[] },
  dtype = source.dtype,
): RecordedValues {
  const index = Int32Array.from(columns ?? Array.from({ length: source.cols }, (_, k) => k));
  const cols = index.length;
  const room = dtype === 'float32' ? new Float32Array(cols) : new Float64Array(cols);
  return {
    ...{ rows: rows?.length ?? source.rows, cols, dtype },
    row(at, from = 0, to = cols) {
      const picked = pick(source, rows ? rows[at] : at, index.subarray(from, to), room);
      if (dtypeOf(picked) === dtype) return picked;
      room.set(picked);
      return room.subarray(0, picked.length);
    },
  };
}

/** Columns of one row: as they stand where they are adjacent, else put into `room`. */
function pick(source: RecordedValues, row: number, columns: Int32Array, room: Values): Values {
  let [low, high, adjacent] = [columns[0] ?? 0, columns[0] ?? -1, true];
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i];
    if (column < low) low = column;
    if (column > high) high = column;
    if (column !== columns[0] + i) adjacent = false;
  }
  const range = source.row(row, low, high + 1);
  if (adjacent) return range;
  for (let i = 0; i < columns.length; i++) room[i] = range[columns[i] - low];
  return room.subarray(0, columns.length);
}

/** Means over groups of rows, made as they are read: NaN left out, with the bits of `averageRepetitions`. */
export function averagedValues(
  source: RecordedValues,
  groups: readonly (readonly number[])[],
): RecordedValues {
  const { cols, dtype } = source;
  const sums = dtype === 'float32' ? new Float32Array(cols) : new Float64Array(cols);
  const counts = new Uint32Array(cols);
  const means = sums instanceof Float64Array ? sums : new Float64Array(cols);
  return {
    ...{ rows: groups.length, cols, dtype: 'float64' },
    row(at, from = 0, to = cols) {
      const length = to - from;
      sums.fill(0, 0, length);
      counts.fill(0, 0, length);
      for (const row of groups[at]) addRow(source.row(row, from, to), sums, counts);
      for (let k = 0; k < length; k++) sums[k] /= counts[k];
      if (means !== sums) means.set(sums.subarray(0, length));
      return means.subarray(0, length);
    },
  };
}

/** Adds what is there of a row; float32 sums are rounded at each step, as numpy's are. */
export function addRow(row: Values, sums: Values, counts: Uint32Array): void {
  for (let k = 0; k < row.length; k++) {
    if (Number.isNaN(row[k])) continue;
    sums[k] += row[k];
    counts[k]++;
  }
}

/** Columns [from, to) as a matrix, all unless said: the values themselves where they are one already. */
export function matrixOf(values: RecordedValues, from = 0, to = values.cols): Matrix {
  const { rows, cols, data } = values;
  if (data instanceof Float64Array && from === 0 && to === cols) return matrix(rows, cols, data);
  const made = matrix(rows, to - from);
  for (let row = 0; row < rows; row++) made.data.set(values.row(row, from, to), row * made.cols);
  return made;
}

/** All values in memory. */
export function wholeValues(values: RecordedValues): Values {
  const { rows, cols, dtype, data } = values;
  if (data) return data;
  const made = dtype === 'float32' ? new Float32Array(rows * cols) : new Float64Array(rows * cols);
  for (let row = 0; row < rows; row++) made.set(values.row(row), row * cols);
  return made;
}

/** What a digest takes of values: the same wherever they are. */
export function digestibleOf(values: RecordedValues): Digestible {
  const { rows, cols, dtype, data } = values;
  if (data) return data;
  const [type, bytes] =
    dtype === 'float32' ? (['Float32Array', 4] as const) : (['Float64Array', 8] as const);
  return new ArrayInPieces(type, bytes * rows * cols, function* () {
    for (let row = 0; row < rows; row++) {
      const { buffer, byteOffset, byteLength } = values.row(row);
      yield new Uint8Array(buffer, byteOffset, byteLength);
    }
  });
}
