/**
 * The values of one layer (or of any other source) for a row of stimuli: presentation × neuroid.
 * They may are in memory or on scratch disk; numerics reads them by column blocks only.
 */
export interface Features {
  /** Number of presentations. */
  readonly rows: number;
  /** Number of neuroids (units). */
  readonly cols: number;
  /** float32 stays float32 (the reference rounds inside predict, spec §2.5); integers arrive as float64. */
  readonly dtype: 'float32' | 'float64';
  /**
   * Columns [from, to) of all rows, row-major, rows × (to − from). The caller may not change them.
   * @param room values of `dtype` that are no longer needed: what is copied goes there if it fits
   */
  columns(
    from: number,
    to: number,
    room?: Float32Array | Float64Array,
  ): Promise<Float32Array | Float64Array>;
  /** All values, row-major, where they lie in memory like that; the caller may not change them. */
  readonly values?: Float32Array | Float64Array;
}

/** Features in memory; `data` is row-major, rows × cols, and is not copied. */
export function denseFeatures(
  rows: number,
  cols: number,
  data: Float32Array | Float64Array,
): Features {
  if (data.length !== rows * cols) {
    throw new RangeError(`${rows} × ${cols} needs ${rows * cols} values, not ${data.length}`);
  }
  return {
    rows,
    cols,
    dtype: data instanceof Float32Array ? 'float32' : 'float64',
    values: data,
    async columns(from, to) {
      if (from === 0 && to === cols) return data;
      const width = to - from;
      const block =
        data instanceof Float32Array
          ? new Float32Array(rows * width)
          : new Float64Array(rows * width);
      for (let i = 0; i < rows; i++)
        block.set(data.subarray(i * cols + from, i * cols + to), i * width);
      return block;
    },
  };
}

/** The same features with their rows picked and reordered: row i of the result is row `index[i]`. */
export function selectRows(features: Features, index: readonly number[]): Features {
  return {
    rows: index.length,
    cols: features.cols,
    dtype: features.dtype,
    async columns(from, to) {
      const all = await features.columns(from, to);
      const width = to - from;
      const block =
        all instanceof Float32Array
          ? new Float32Array(index.length * width)
          : new Float64Array(index.length * width);
      index.forEach((row, i) => {
        block.set(all.subarray(row * width, (row + 1) * width), i * width);
      });
      return block;
    },
  };
}

/** Several sets of rows of the same columns, one below the other. */
export function stackRows(parts: readonly Features[]): Features {
  if (parts.length === 1) return parts[0];
  const { cols } = parts[0];
  if (parts.some((part) => part.cols !== cols)) throw new RangeError('features of unequal widths');
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const dtype = parts.every((part) => part.dtype === 'float32') ? 'float32' : 'float64';
  return {
    rows,
    cols,
    dtype,
    async columns(from, to) {
      const length = rows * (to - from);
      const block = dtype === 'float32' ? new Float32Array(length) : new Float64Array(length);
      let at = 0;
      for (const part of parts) {
        block.set(await part.columns(from, to), at);
        at += part.rows * (to - from);
      }
      return block;
    },
  };
}
