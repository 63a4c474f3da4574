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
  return dealtRanks(values) ?? comparedRanks(values);
}

/** Mean number of values in an interval: a few kilobytes, which stay in the fastest cache. */
const INTERVAL = 512;
/** Parts of an interval. */
const PARTS = 1024;
/** Mean number of others in the part of a value above which dealing is not worth its while. */
const CROWDED = 16;

/** Some values and where each stood among all. */
interface Dealt {
  readonly values: Float64Array;
  readonly order: Int32Array;
}

/**
 * Ranks by dealing values into equal intervals and each interval into parts, which leaves a value close to its place: several
 * times as fast as comparing, and sorting is what comparing dissimilarities takes. Undefined where many values fall into few
 * parts, or a value is NaN or infinite.
 */
function dealtRanks(values: Float64Array): Float64Array | undefined {
  const intervals = Math.ceil(values.length / INTERVAL);
  const range = rangeOf(values, intervals);
  if (!range) return undefined;
  const { starts, dealt } = deal(values, intervals, range);
  let largest = 0;
  for (let k = 0; k < intervals; k++) largest = Math.max(largest, starts[k + 1] - starts[k]);
  const part: Dealt = { values: new Float64Array(largest), order: new Int32Array(largest) };
  const counts = new Int32Array(PARTS + 1);
  const found = new Float64Array(values.length);
  let others = 0;
  for (let k = 0; k < intervals; k++) {
    const [from, to] = [starts[k], starts[k + 1]];
    const inside = { least: range.least + k / range.scale, scale: PARTS * range.scale };
    others += dealAgain(dealt, [from, to], inside, counts, part);
    if (others > CROWDED * values.length) return undefined;
    insertInOrder(part, to - from);
    rankInOrder(part, to - from, from, found);
  }
  return found;
}

/** Where intervals begin, and how many there are to a unit. */
interface Range {
  readonly least: number;
  readonly scale: number;
}

/** Of intervals that cover the values; undefined where there are no such numbers. */
function rangeOf(values: Float64Array, intervals: number): Range | undefined {
  let least = Number.POSITIVE_INFINITY;
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value < least) least = value;
    if (value > largest) largest = value;
    if (Number.isNaN(value)) return undefined;
  }
  const scale = intervals / (largest - least);
  return scale > 0 && PARTS * scale < Number.POSITIVE_INFINITY ? { least, scale } : undefined;
}

/** The interval of a value: rounding may take it to a neighbour, but never one value past a larger one. */
const intervalOf = (value: number, { least, scale }: Range, last: number): number =>
  Math.max(0, Math.min(last, (value - least) * scale)) | 0;

/** The values interval by interval, and where each interval starts. */
function deal(
  values: Float64Array,
  intervals: number,
  range: Range,
): { readonly starts: Int32Array; readonly dealt: Dealt } {
  const last = intervals - 1;
  const starts = new Int32Array(intervals + 1);
  for (let i = 0; i < values.length; i++) starts[intervalOf(values[i], range, last) + 1]++;
  for (let k = 1; k <= intervals; k++) starts[k] += starts[k - 1];
  const next = starts.slice();
  const dealt = { values: new Float64Array(values.length), order: new Int32Array(values.length) };
  for (let i = 0; i < values.length; i++) {
    const at = next[intervalOf(values[i], range, last)]++;
    dealt.values[at] = values[i];
    dealt.order[at] = i;
  }
  return { starts, dealt };
}

/** Deals one interval into `into`, part by part; gives the number of pairs in the same part, each counted twice. */
function dealAgain(
  { values, order }: Dealt,
  [from, to]: readonly [number, number],
  range: Range,
  counts: Int32Array,
  into: Dealt,
): number {
  const last = PARTS - 1;
  counts.fill(0);
  for (let i = from; i < to; i++) counts[intervalOf(values[i], range, last) + 1]++;
  let pairs = 0;
  for (let k = 1; k <= PARTS; k++) {
    pairs += counts[k] * (counts[k] - 1);
    counts[k] += counts[k - 1];
  }
  for (let i = from; i < to; i++) {
    const at = counts[intervalOf(values[i], range, last)]++;
    into.values[at] = values[i];
    into.order[at] = order[i];
  }
  return pairs;
}

/** Insertion sort of the first `count`, which are close to their places. */
function insertInOrder({ values, order }: Dealt, count: number): void {
  for (let i = 1; i < count; i++) {
    const value = values[i];
    if (!(values[i - 1] > value)) continue;
    const from = order[i];
    let at = i;
    for (; at > 0 && values[at - 1] > value; at--) {
      values[at] = values[at - 1];
      order[at] = order[at - 1];
    }
    values[at] = value;
    order[at] = from;
  }
}

/** Writes the ranks of the first `count`, before which there are `below` smaller ones. */
function rankInOrder(
  { values, order }: Dealt,
  count: number,
  below: number,
  into: Float64Array,
): void {
  for (let first = 0, past = 0; first < count; first = past) {
    past++;
    while (past < count && values[past] === values[first]) past++;
    const rank = below + (first + past + 1) / 2;
    for (let at = first; at < past; at++) into[order[at]] = rank;
  }
}

/** Ranks by sorting the values, among which each is then looked up. */
function comparedRanks(values: Float64Array): Float64Array {
  const sorted = values.slice().sort();
  /** Of the first of equal values their rank. */
  const rankAt = new Float64Array(sorted.length);
  for (let first = 0, past = 0; first < sorted.length; first = past) {
    past++;
    while (past < sorted.length && sorted[past] === sorted[first]) past++;
    rankAt[first] = (first + past + 1) / 2;
  }
  const found = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sorted[middle] >= value) high = middle;
      else low = middle + 1;
    }
    found[i] = rankAt[low];
  }
  return found;
}
