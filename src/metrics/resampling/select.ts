import { DenseKernel, type KernelVector, kernelSize } from '../../numerics/algebra/dense-kernel.js';

/** Where values are selected from, as long as the longest so far. */
let room: { readonly kernel: DenseKernel; readonly taken: KernelVector } | undefined;

function roomFor(length: number): NonNullable<typeof room> {
  if (room && room.taken.values.length >= length) return room;
  const kernel = room?.kernel ?? new DenseKernel();
  kernel.reset(kernelSize(1, length));
  room = { kernel, taken: kernel.vector(length) };
  return room;
}

/** Median of the values that are not NaN; NaN where there are none. */
export function medianOfKnown(values: Float64Array): number {
  const { kernel, taken } = roomFor(values.length);
  const known = taken.values;
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    known[n] = values[i];
    if (!Number.isNaN(values[i])) n++;
  }
  if (n === 0) return Number.NaN;
  const upper = n >> 1;
  kernel.select(taken, n, upper);
  return n % 2 === 1 ? known[upper] : (largest(known, upper) + known[upper]) / 2;
}

function largest(values: Float64Array, n: number): number {
  let most = values[0];
  for (let i = 1; i < n; i++) if (values[i] > most) most = values[i];
  return most;
}

/**
 * Median of the first `n` values, which it reorders; none of them may be NaN. NaN where there are none.
 */
export function medianOf(values: Float64Array, n: number): number {
  if (n === 0) return Number.NaN;
  const upper = n >> 1;
  select(values, n, upper);
  if (n % 2 === 1) return values[upper];
  return (largest(values, upper) + values[upper]) / 2;
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
