/** Descriptive statistics as numpy defines them (float64); NaN if there is nothing to describe. */

/** Arithmetic mean; NaN if empty or if any value is NaN. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/** Mean of the values that are not NaN (numpy.nanmean); NaN if there are none. */
export function nanMean(values: ArrayLike<number>): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) continue;
    sum += values[i];
    count++;
  }
  return sum / count;
}

/** Median: the mean of the two middle values where the count is even; NaN if any value is NaN. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  // A typed array sorts NaN to its end.
  if (n === 0 || Number.isNaN(sorted[n - 1])) return Number.NaN;
  return n % 2 === 1 ? sorted[(n - 1) / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/** Median of the values that are not NaN; NaN if there are none. */
export function nanMedian(values: ArrayLike<number>): number {
  return median(Float64Array.from(values).filter((value) => !Number.isNaN(value)));
}

/** Population standard deviation (ddof 0). */
export function stdDdof0(values: ArrayLike<number>): number {
  const centre = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] - centre) ** 2;
  return Math.sqrt(sum / values.length);
}

/** Percentile (0 … 100) with numpy's default linear interpolation; NaN if any value is NaN. */
export function percentile(values: ArrayLike<number>, percent: number): number {
  return percentileOfSorted(Float64Array.from(values).sort(), percent);
}

/** The same of ascending values, NaN last. */
export function percentileOfSorted(sorted: Float64Array, percent: number): number {
  const n = sorted.length;
  if (n === 0 || Number.isNaN(sorted[n - 1])) return Number.NaN;
  const position = (percent / 100) * (n - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, n - 1);
  const share = position - below;
  const step = sorted[above] - sorted[below];
  // As numpy: interpolate from the nearer end, so that both ends come out exactly.
  return share >= 0.5 ? sorted[above] - step * (1 - share) : sorted[below] + step * share;
}
