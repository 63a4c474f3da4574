import { ascending, type Id } from '../data/ids.js';
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';
import { nanMean, nanMedian, stdDdof0 } from '../numerics/statistics/statistics.js';
import type { MetricResult, Warning } from './metric.js';

/**
 * From one value a split and neuroid to the number that is reported (spec §1.5): median over
 * neuroids, NaN left out, then mean over splits; error = standard deviation over splits (ddof 0)
 * divided by √splits. `perSplit[s][k]` belongs to `neuroidIds[k]`; the result's columns ascend.
 */
export function aggregateSplits(
  perSplit: readonly ArrayLike<number>[],
  neuroidIds: readonly Id[],
  warnings: readonly Warning[],
): MetricResult {
  const order = ascending(neuroidIds);
  const values = matrix(perSplit.length, order.length);
  perSplit.forEach((row, s) => {
    order.forEach((k, column) => {
      values.data[s * order.length + column] = row[k];
    });
  });
  return {
    ...overSplits(perSplit.map((row) => nanMedian(row))),
    neuroids: { ids: order.map((k) => neuroidIds[k]), values },
    warnings: [...warnings, ...dropped(values)],
  };
}

/** Mean and error of the aggregates of splits; NaN is left out. */
export const overSplits = (
  splits: readonly number[],
): Pick<MetricResult, 'value' | 'error' | 'errorKind' | 'splits'> => ({
  value: nanMean(splits),
  error: stdDdof0(splits.filter((median) => !Number.isNaN(median))) / Math.sqrt(splits.length),
  errorKind: 'sem over splits',
  splits,
});

/** Says in which splits neuroids have no correlation and so do not enter the median. */
function dropped({ rows, cols, data }: Matrix): Warning[] {
  const splitsByCount = new Map<number, number[]>();
  for (let s = 0; s < rows; s++) {
    const missing = data.subarray(s * cols, (s + 1) * cols).filter(Number.isNaN).length;
    if (missing > 0) splitsByCount.set(missing, [...(splitsByCount.get(missing) ?? []), s]);
  }
  return [...splitsByCount].map(([missing, splits]) => ({
    code: 'neuroids-dropped',
    detail: `${missing} of ${cols} without a correlation (constant or missing values) in ${inSplits(splits, rows)}`,
  }));
}

/** "split 3", "splits 1, 2 and 5" or "every split". */
export function inSplits(splits: readonly number[], of: number): string {
  if (splits.length === of) return 'every split';
  if (splits.length === 1) return `split ${splits[0]}`;
  return `splits ${splits.slice(0, -1).join(', ')} and ${splits.at(-1)}`;
}
