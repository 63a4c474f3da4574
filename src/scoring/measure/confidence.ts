import type { Matrix } from '../../numerics/algebra/matrix.js';
import { RandomState } from '../../numerics/random/random-state.js';
import { percentileOfSorted } from '../../numerics/statistics/statistics.js';

/** Draws and seed of every interval (design §3). */
export const DRAWS = 2000;
const SEED = 0;

/**
 * A statistic over resamples, in the order of the draws. Where it takes the same numbers from `random`
 * for every layer and model, draw i of all of them is of one resample, and their differences are paired.
 * @param draw the statistic of one resample, which it draws from `random`
 */
export function resampled(draw: (random: RandomState) => number): Float64Array {
  const random = new RandomState(SEED);
  return Float64Array.from({ length: DRAWS }, () => draw(random));
}

/** 95 % percentile interval of the draws; null if fewer than half of them are finite. */
export function percentileInterval(draws: Float64Array): readonly [number, number] | null {
  const drawn = draws.filter(Number.isFinite).sort();
  if (drawn.length < draws.length / 2) return null;
  return [percentileOfSorted(drawn, 2.5), percentileOfSorted(drawn, 97.5)];
}

/**
 * Positions of a resample with replacement, drawn within each group so that every group keeps its size
 * (neuroids within an animal, images within an object).
 */
export function resampleWithin(
  groups: readonly (readonly number[])[],
  random: RandomState,
): number[] {
  return groups.flatMap((members) =>
    members.map(() => members[random.interval(members.length - 1)]),
  );
}

/** Positions 0…n−1 grouped by equal labels, in order of first appearance; one group without labels. */
export function groupsOf(n: number, labels?: readonly unknown[]): number[][] {
  const groups = new Map<unknown, number[]>();
  for (let i = 0; i < n; i++) {
    const label = labels?.[i];
    const group = groups.get(label);
    if (group) group.push(i);
    else groups.set(label, [i]);
  }
  return [...groups.values()];
}

/**
 * Mean over splits of the median over neuroids, for resamples of the neuroids: each split is sorted once,
 * and a resample, given as how often each column was drawn, is a walk along that order. NaN is skipped.
 */
export function resampledMedian(values: Matrix): (counts: Uint16Array) => number {
  const orders = Array.from({ length: values.rows }, (_, split) => sortedColumns(values, split));
  return (counts) => {
    let sum = 0;
    for (const { columns, sorted } of orders) sum += weightedMedian(columns, sorted, counts);
    return sum / orders.length;
  };
}

interface SortedColumns {
  readonly columns: Int32Array;
  readonly sorted: Float64Array;
}

function sortedColumns({ cols, data }: Matrix, split: number): SortedColumns {
  const row = data.subarray(split * cols, (split + 1) * cols);
  const columns = Int32Array.from(row.keys()).filter((k) => !Number.isNaN(row[k]));
  columns.sort((a, b) => row[a] - row[b]);
  return { columns, sorted: Float64Array.from(columns, (k) => row[k]) };
}

function weightedMedian(columns: Int32Array, sorted: Float64Array, counts: Uint16Array): number {
  let total = 0;
  for (let i = 0; i < columns.length; i++) total += counts[columns[i]];
  if (total === 0) return Number.NaN;
  const [below, above] = [(total - 1) >> 1, total >> 1];
  let seen = 0;
  let lower = Number.NaN;
  for (let i = 0; i < columns.length; i++) {
    seen += counts[columns[i]];
    if (Number.isNaN(lower) && seen > below) lower = sorted[i];
    if (seen > above) return (lower + sorted[i]) / 2;
  }
  return Number.NaN;
}

/** How often each of `n` positions is among those drawn. */
export function drawCounts(n: number, drawn: readonly number[]): Uint16Array {
  const counts = new Uint16Array(n);
  for (const position of drawn) counts[position]++;
  return counts;
}
