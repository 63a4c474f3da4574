/**
 * Median of the first `n` values, which it reorders; none of them may be NaN. NaN where there are none.
 */
export function medianOf(values: Float64Array, n: number): number {
  if (n === 0) return Number.NaN;
  const upper = n >> 1;
  select(values, n, upper);
  if (n % 2 === 1) return values[upper];
  let lower = values[0];
  for (let i = 1; i < upper; i++) if (values[i] > lower) lower = values[i];
  return (lower + values[upper]) / 2;
}

/** Brings the value of rank `k` to its place, smaller ones before it and larger ones behind (Hoare 1961). */
function select(values: Float64Array, n: number, k: number): void {
  let [low, high] = [0, n - 1];
  while (low < high) {
    const pivot = values[(low + high) >> 1];
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i > j) break;
      const kept = values[i];
      values[i++] = values[j];
      values[j--] = kept;
    }
    if (k <= j) high = j;
    else if (k >= i) low = i;
    else return;
  }
}
