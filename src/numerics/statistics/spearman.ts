import { standardised } from './pearson.js';

/**
 * Spearman's rank correlation, ties at their mean rank (scipy.stats.spearmanr); NaN if either
 * vector holds NaN or is constant.
 * @throws as `pearson`
 */
export function spearman(x: Float64Array, y: Float64Array): number {
  return rankCorrelation(rankVector(x), rankVector(y));
}

/** Ranks of a vector as deviations of length 1, so that what is compared often is sorted once. */
export interface RankVector {
  readonly length: number;
  /** Whether the vector holds NaN. */
  readonly missing: boolean;
  /** Undefined where it does, or is constant. */
  readonly deviations: Float64Array | undefined;
}

/** Ranks a vector. */
export function rankVector(values: Float64Array): RankVector {
  const missing = hasNaN(values);
  const deviations = missing ? undefined : standardised(ranks(values));
  return { length: values.length, missing, deviations };
}

/**
 * {@link spearman} of vectors that are ranked.
 * @throws as `pearson`
 */
export function rankCorrelation(a: RankVector, b: RankVector): number {
  if (a.missing || b.missing) return Number.NaN;
  if (a.length !== b.length)
    throw new RangeError(`Vectors of ${a.length} and ${b.length} values cannot be correlated`);
  if (a.length < 2) throw new RangeError('A correlation needs at least two values');
  const { deviations: x } = a;
  const { deviations: y } = b;
  if (!x || !y) return Number.NaN;
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  // Two points always lie on a line, whatever the rounding.
  return x.length === 2 ? Math.sign(sum) : Math.max(-1, Math.min(1, sum));
}

function hasNaN(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) return true;
  return false;
}

/** Ranks from 1, ties at the mean of the ranks that they take up; NaN has no rank of meaning. */
export function ranks(values: Float64Array): Float64Array {
  const { sorted, order } = dealt(values) ?? compared(values);
  const found = new Float64Array(sorted.length);
  for (let first = 0, past = 0; first < sorted.length; first = past) {
    past++;
    while (past < sorted.length && sorted[past] === sorted[first]) past++;
    const rank = (first + past + 1) / 2;
    for (let at = first; at < past; at++) found[order[at]] = rank;
  }
  return found;
}

/** Values in ascending order, NaN last, and where each stood. */
interface Sorted {
  readonly sorted: Float64Array;
  readonly order: Int32Array;
}

/** Mean number of others in the bucket of a value above which dealing is not worth its while. */
const CROWDED = 16;

/**
 * Sorted by dealing values into as many equal intervals as there are values, which leaves each close to its place: several
 * times as fast as comparing, on which the comparison of dissimilarities spends its time. Undefined where many values fall
 * into few intervals, or a value is NaN or infinite.
 */
function dealt(values: Float64Array): Sorted | undefined {
  const n = values.length;
  const range = rangeOf(values);
  if (!range) return undefined;
  const { least, scale } = range;
  const starts = new Int32Array(n + 1);
  for (let i = 0; i < n; i++) starts[(((values[i] - least) * scale) | 0) + 1]++;
  let others = 0;
  for (let bucket = 1; bucket <= n; bucket++) {
    others += starts[bucket] * (starts[bucket] - 1);
    starts[bucket] += starts[bucket - 1];
  }
  if (others > CROWDED * n) return undefined;
  const sorted = new Float64Array(n);
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const at = starts[((values[i] - least) * scale) | 0]++;
    sorted[at] = values[i];
    order[at] = i;
  }
  insertInOrder({ sorted, order });
  return { sorted, order };
}

/** The least value, and what takes the largest to one less than their number; undefined where that is no finite number. */
function rangeOf(values: Float64Array): { least: number; scale: number } | undefined {
  let least = Number.POSITIVE_INFINITY;
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value < least) least = value;
    if (value > largest) largest = value;
    if (Number.isNaN(value)) return undefined;
  }
  const scale = (values.length - 1) / (largest - least);
  return scale > 0 && scale < Number.POSITIVE_INFINITY ? { least, scale } : undefined;
}

/** Insertion sort, for values that are close to their places. */
function insertInOrder({ sorted, order }: Sorted): void {
  for (let i = 1; i < sorted.length; i++) {
    const value = sorted[i];
    if (!(sorted[i - 1] > value)) continue;
    const from = order[i];
    let at = i;
    for (; at > 0 && sorted[at - 1] > value; at--) {
      sorted[at] = sorted[at - 1];
      order[at] = order[at - 1];
    }
    sorted[at] = value;
    order[at] = from;
  }
}

/** Sorted by comparing: each value is looked up among the sorted ones. */
function compared(values: Float64Array): Sorted {
  const sorted = values.slice().sort();
  const order = new Int32Array(values.length);
  /** Of the first of equal values how many were placed. */
  const placed = new Int32Array(values.length);
  let last = values.length;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (Number.isNaN(value)) {
      order[--last] = i;
      continue;
    }
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sorted[middle] >= value) high = middle;
      else low = middle + 1;
    }
    order[low + placed[low]++] = i;
  }
  return { sorted, order };
}
