import type { Features } from './features.js';

/** Several layers side by side, their neuroids in the order given (spec §5.4); rows must agree. */
export function concatFeatures(parts: readonly Features[]): Features {
  if (parts.length === 1) return parts[0];
  const rows = parts[0].rows;
  if (parts.some((part) => part.rows !== rows))
    throw new RangeError('features of unequal numbers of presentations');
  const cols = parts.reduce((sum, part) => sum + part.cols, 0);
  const dtype = parts.every((part) => part.dtype === 'float32') ? 'float32' : 'float64';
  return {
    rows,
    cols,
    dtype,
    async columns(from, to) {
      const width = to - from;
      const block =
        dtype === 'float32' ? new Float32Array(rows * width) : new Float64Array(rows * width);
      let start = 0;
      for (const part of parts) {
        const a = Math.max(from, start);
        const b = Math.min(to, start + part.cols);
        if (a < b) {
          const piece = await part.columns(a - start, b - start);
          for (let row = 0; row < rows; row++) {
            block.set(piece.subarray(row * (b - a), (row + 1) * (b - a)), row * width + a - from);
          }
        }
        start += part.cols;
      }
      return block;
    },
  };
}
