import type { Matrix } from '../numerics/matrix.js';
import { RandomState } from '../numerics/random-state.js';
import { nanMedian, percentile } from '../numerics/statistics.js';

/** Draws and seed of every interval (design §3). */
export const DRAWS = 2000;
const SEED = 0;

/**
 * 95 % percentile interval of a statistic over resamples.
 * @param draw the statistic of one resample, which it draws from `random`
 * @returns null where fewer than half of the draws are finite
 */
export function percentileInterval(
  draw: (random: RandomState) => number,
): readonly [number, number] | null {
  const random = new RandomState(SEED);
  const drawn: number[] = [];
  for (let i = 0; i < DRAWS; i++) {
    const value = draw(random);
    if (Number.isFinite(value)) drawn.push(value);
  }
  if (drawn.length < DRAWS / 2) return null;
  return [percentile(drawn, 2.5), percentile(drawn, 97.5)];
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

/** Mean over splits of the median over the chosen neuroids of a split × neuroid matrix, NaN skipped. */
export function medianOverNeuroids(values: Matrix, columns: readonly number[]): number {
  const picked = new Float64Array(columns.length);
  let sum = 0;
  for (let split = 0; split < values.rows; split++) {
    for (let j = 0; j < columns.length; j++)
      picked[j] = values.data[split * values.cols + columns[j]];
    sum += nanMedian(picked);
  }
  return sum / values.rows;
}
