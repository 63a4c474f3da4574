import { columnBlocks } from '../algebra/column-blocks.js';
import type { Features } from '../algebra/features.js';
import { stdDdof0 } from './statistics.js';

/**
 * The columns that vary and whose mean over rows is further from 0 than `above` standard deviations (ddof 0) of the means of
 * all columns that vary, each z-scored over rows (ddof 0). As in numpy every step of float32 features is rounded to float32.
 * Two walks over the columns; memory is two numbers a column and one block.
 */
export async function responsiveColumns(features: Features, above: number): Promise<Features> {
  const { means, deviations } = await columnMoments(features);
  const varying = Array.from(means.keys()).filter((col) => deviations[col] > 0);
  const spread = stdDdof0(varying.map((col) => means[col]));
  const kept = varying.filter((col) => Math.abs(means[col]) > above * spread);
  const { rows } = features;
  return {
    rows,
    cols: kept.length,
    dtype: features.dtype,
    async columns(from, to) {
      const width = to - from;
      const z = new (features.dtype === 'float32' ? Float32Array : Float64Array)(rows * width);
      if (width === 0) return z;
      const [first, last] = [kept[from], kept[to - 1] + 1];
      const round = rounding(features);
      for (const [start, end] of spans(features, first, last)) {
        const block = await features.columns(start, end);
        for (let k = from; k < to; k++) {
          const col = kept[k];
          if (col < start || col >= end) continue;
          for (let row = 0; row < rows; row++) {
            const centred = round(block[row * (end - start) + col - start] - means[col]);
            z[row * width + k - from] = centred / deviations[col];
          }
        }
      }
      return z;
    },
  };
}

const rounding = ({ dtype }: Features) =>
  dtype === 'float32' ? Math.fround : (value: number) => value;

/** Column blocks of [first, last). */
const spans = (features: Features, first: number, last: number): [number, number][] =>
  columnBlocks({ ...features, cols: last - first }).map(([from, to]) => [first + from, first + to]);

/** Mean and standard deviation (ddof 0) of each column, summed as numpy sums a column that lies in one piece. */
async function columnMoments(features: Features) {
  const { rows, cols } = features;
  const [means, deviations] = [new Float64Array(cols), new Float64Array(cols)];
  const round = rounding(features);
  const column = new Float64Array(rows);
  for (const [from, to] of columnBlocks(features)) {
    const block = await features.columns(from, to);
    const width = to - from;
    for (let k = 0; k < width; k++) {
      for (let row = 0; row < rows; row++) column[row] = block[row * width + k];
      const mean = round(pairwiseSum(column, round) / rows);
      means[from + k] = mean;
      for (let row = 0; row < rows; row++) {
        const centred = round(column[row] - mean);
        column[row] = round(centred * centred);
      }
      deviations[from + k] = round(Math.sqrt(round(pairwiseSum(column, round) / rows)));
    }
  }
  return { means, deviations };
}

/** The sum as numpy takes it: eight partial sums of up to 128 values, halves of more, every addition rounded. */
function pairwiseSum(values: Float64Array, round: (value: number) => number): number {
  const n = values.length;
  if (n > 128) {
    const half = Math.floor(n / 2) - (Math.floor(n / 2) % 8);
    const parts = [values.subarray(0, half), values.subarray(half)];
    return round(pairwiseSum(parts[0], round) + pairwiseSum(parts[1], round));
  }
  const whole = n < 8 ? 0 : n - (n % 8);
  const sums = values.slice(0, Math.min(whole, 8));
  for (let i = 8; i < whole; i++) sums[i % 8] = round(sums[i % 8] + values[i]);
  for (let step = 1; step < sums.length; step *= 2)
    for (let i = 0; i < sums.length; i += 2 * step) sums[i] = round(sums[i] + sums[i + step]);
  let sum = whole > 0 ? sums[0] : 0;
  for (let i = whole; i < n; i++) sum = round(sum + values[i]);
  return sum;
}
