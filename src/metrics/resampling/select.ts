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

/**
 * The same, interpolated between values by how many copies they have: a value stands in the middle of its copies. Without copies
 * it is the median. Over draws it moves in small steps, where the median jumps from one of few values to the next.
 */
export function interpolatedMedianOf(values: Float64Array, n: number): number {
  if (n === 0) return Number.NaN;
  const lower = (n - 1) >> 1;
  select(values, n, lower);
  const value = values[lower];
  const own = placeOf(values, n, value);
  if (own === n / 2) return value;
  const next = neighbourOf(values, n, value, own < n / 2);
  if (next === undefined) return value;
  const place = placeOf(values, n, next);
  return value + ((next - value) * (n / 2 - own)) / (place - own);
}

/** Where the middle of the copies of a value stands among all. */
function placeOf(values: Float64Array, n: number, value: number): number {
  let [below, equal] = [0, 0];
  for (let i = 0; i < n; i++) {
    if (values[i] < value) below++;
    else if (values[i] === value) equal++;
  }
  return below + equal / 2;
}

/** The next larger value, or the next smaller one. */
function neighbourOf(
  values: Float64Array,
  n: number,
  value: number,
  larger: boolean,
): number | undefined {
  let next: number | undefined;
  for (let i = 0; i < n; i++) {
    const candidate = values[i];
    if (larger ? candidate <= value : candidate >= value) continue;
    if (next === undefined || (larger ? candidate < next : candidate > next)) next = candidate;
  }
  return next;
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
