import { columnBlocks } from './column-blocks.js';
import type { Features } from './features.js';
import type { Matrix } from './matrix.js';

/** Values that are NaN or infinite. */
export interface NonFinite {
  readonly count: number;
  /** Index of the first. */
  readonly first: number;
}

/** What is NaN or infinite among every `step`-th value; undefined if all are finite. */
export function nonFinite(values: ArrayLike<number>, step = 1): NonFinite | undefined {
  let count = 0;
  let first = -1;
  for (let at = 0; at < values.length; at += step) {
    if (Number.isFinite(values[at])) continue;
    if (count === 0) first = at;
    count++;
  }
  return count === 0 ? undefined : { count, first };
}

/** The same of features, with the first row that holds such a value; memory is one block of columns. */
export async function nonFiniteRows(
  features: Features,
): Promise<{ readonly count: number; readonly row: number } | undefined> {
  let count = 0;
  let row = features.rows;
  for (const [from, to] of columnBlocks(features)) {
    const found = nonFinite(await features.columns(from, to));
    if (!found) continue;
    count += found.count;
    row = Math.min(row, Math.floor(found.first / (to - from)));
  }
  return count === 0 ? undefined : { count, row };
}

/**
 * Whether products of rows, with themselves or with other rows, are of finite values: a value that is
 * not makes all products of its row NaN or infinite, so that one of each row is read.
 */
export function finiteProducts({ rows, cols, data }: Matrix): boolean {
  return nonFinite(data, rows === cols ? rows + 1 : cols) === undefined;
}
