/** A dense float64 matrix, row-major: element (i, j) is `data[i * cols + j]`. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

/**
 * A matrix of zeros, or one around the given row-major values.
 * @throws RangeError on a wrong length
 */
export function matrix(rows: number, cols: number, data?: Float64Array): Matrix {
  if (data !== undefined && data.length !== rows * cols) {
    throw new RangeError(`${rows} × ${cols} needs ${rows * cols} values, not ${data.length}`);
  }
  return { rows, cols, data: data ?? new Float64Array(rows * cols) };
}

/** Rows and columns of a matrix in the order of the indices. */
export function submatrix(
  { cols, data }: Matrix,
  rows: readonly number[],
  columns: readonly number[],
): Matrix {
  const picked = matrix(rows.length, columns.length);
  const index = Int32Array.from(columns);
  const [first = 0] = index;
  const adjacent = index.every((column, j) => column === first + j);
  let at = 0;
  for (const row of rows) {
    const from = row * cols;
    if (adjacent) {
      picked.data.set(data.subarray(from + first, from + first + index.length), at);
      at += index.length;
    } else for (let j = 0; j < index.length; j++) picked.data[at++] = data[from + index[j]];
  }
  return picked;
}

/** Mean of each column. */
export function columnMeans({ rows, cols, data }: Matrix): Float64Array {
  const means = new Float64Array(cols);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) means[col] += data[i++];
  }
  for (let col = 0; col < cols; col++) means[col] /= rows;
  return means;
}

/** Rows of a square that is transposed at once: they stay in the cache. */
const SQUARE = 32;

/** The transpose of a matrix, in `into`. */
export function transpose({ rows, cols, data }: Matrix, into: Matrix = matrix(cols, rows)): Matrix {
  for (let top = 0; top < rows; top += SQUARE)
    for (let left = 0; left < cols; left += SQUARE)
      for (let i = top; i < Math.min(rows, top + SQUARE); i++)
        for (let j = left; j < Math.min(cols, left + SQUARE); j++)
          into.data[j * rows + i] = data[i * cols + j];
  return into;
}
