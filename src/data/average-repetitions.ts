import { quotedList } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import { present } from '../formats/present.js';
import { type Matrix, matrix } from '../numerics/algebra/matrix.js';
import type { Coordinate } from './assembly.js';
import { compareCodePoints, type Id } from './ids.js';
import type { Recordings } from './recordings.js';
import { sortAsNumpy } from './sort-as-numpy.js';

/**
 * The mean over repetitions (spec §2.4): presentations that agree in every coordinate but
 * `repetition` are one group; groups come out in the order of the reference, which the splits are
 * positional on. Order exact; float32 recordings are averaged in float32, as the reference does.
 */

/** Recordings averaged over repetitions. */
export interface Averaged {
  /** Presentation order: splits are positional on it. */
  readonly stimulusIds: readonly Id[];
  readonly neuroidIds: readonly Id[];
  readonly animals?: readonly string[];
  /** presentation × neuroid; NaN if no repetition has a value. */
  readonly values: Matrix;
  /** Coordinates of the groups in level order. */
  readonly coords: ReadonlyMap<string, Coordinate>;
}

/**
 * Averages over repetitions. An assembly whose only presentation coordinates are `repetition` and
 * one other fails, as it does in the reference.
 * @param over coordinates in which the presentations of a group may differ, where they are not only `repetition`
 * @throws VentralError `recordings-invalid`
 */
export function averageRepetitions(recordings: Recordings, over?: readonly string[]): Averaged {
  const levels = levelsOf(recordings, over);
  const groups = groupsOf(levels);
  const first = groups.map((rows) => rows[0]);
  const coords = new Map(
    Array.from(levels, ([name, level]) => [
      name,
      { ...level, values: first.map((row) => level.values[row]) },
    ]),
  );
  return {
    stimulusIds: first.map((row) => recordings.stimulusIds[row]),
    neuroidIds: recordings.neuroidIds,
    ...present({ animals: recordings.animals }),
    values: meansOf(recordings, groups),
    coords,
  };
}

function levelsOf(
  { coords, stimulusIds }: Recordings,
  over: readonly string[] | undefined,
): Map<string, Coordinate> {
  if (coords === undefined) {
    const dtype = stimulusIds.every((id) => typeof id === 'number') ? 'int64' : 'string';
    return new Map([['stimulus_id', { dim: 'presentation', dtype, values: stimulusIds }]]);
  }
  const averaged = over ?? ['repetition'];
  const levels = new Map([...coords].filter(([name]) => !averaged.includes(name)));
  if (levels.size < 2 && over === undefined) {
    const found = quotedList(coords.keys());
    throw new VentralError(
      'recordings-invalid',
      `The recordings have only the presentation coordinates ${found}; the average over repetitions needs two beside repetition`,
      { field: 'presentation', expected: 'two coordinates beside repetition', found },
    );
  }
  return levels;
}

type Value = Coordinate['values'][number];
const isMissing = (value: Value) => value === null || Number.isNaN(value);

/** Rows of each group, groups in the reference's order, rows in file order. */
function groupsOf(levels: ReadonlyMap<string, Coordinate>): number[][] {
  const columns = Array.from(levels.values(), ({ values }) => values);
  const count = columns[0]?.length ?? 0;
  const groups = new Map<string | number, number[]>();
  let hasMissing = false;
  for (let row = 0; row < count; row++) {
    const tuple = columns.map((values) => values[row]);
    // A missing value equals nothing, itself included: its presentation forms a separate group.
    const alone = tuple.some(isMissing);
    hasMissing ||= alone;
    const key = alone ? row : JSON.stringify(tuple);
    const rows = groups.get(key);
    if (rows === undefined) groups.set(key, [row]);
    else rows.push(row);
  }
  const found = [...groups.values()];
  const sorter = new TupleOrder(columns);
  const order = found.map((_, i) => i);
  const compare = (a: number, b: number) => sorter.compare(found[a][0], found[b][0]);
  return sortTuples(order, compare, hasMissing, () =>
    order.toSorted((a, b) => sorter.compareMissingLast(found[a][0], found[b][0]) || a - b),
  ).map((i) => found[i]);
}

/**
 * Without missing values the order of tuples is total and any sort gives it. With NaN it depends on
 * the algorithm, which is numpy's; where text would be compared with NaN, Python refuses and pandas
 * sorts level by level with missing values last.
 */
function sortTuples(
  order: number[],
  compare: (a: number, b: number) => number,
  hasMissing: boolean,
  missingLast: () => number[],
): number[] {
  if (!hasMissing) return order.toSorted(compare);
  try {
    return sortAsNumpy(order.length, compare);
  } catch (error) {
    if (error instanceof NotComparable) return missingLast();
    throw error;
  }
}

class NotComparable extends Error {}

/** Python's comparison of tuples of coordinate values. */
class TupleOrder {
  readonly #columns: readonly (readonly Value[])[];

  constructor(columns: readonly (readonly Value[])[]) {
    this.#columns = columns;
  }

  compare(a: number, b: number): number {
    for (const values of this.#columns) {
      const [x, y] = [values[a], values[b]];
      if (x === y) continue;
      if (isMissing(x) || isMissing(y)) {
        if (typeof x === 'string' || typeof y === 'string') throw new NotComparable();
        return 0;
      }
      return compareValues(x, y);
    }
    return 0;
  }

  compareMissingLast(a: number, b: number): number {
    for (const values of this.#columns) {
      const [x, y] = [values[a], values[b]];
      const [noX, noY] = [isMissing(x), isMissing(y)];
      if (noX !== noY) return noX ? 1 : -1;
      if (!noX && x !== y) return compareValues(x, y);
    }
    return 0;
  }
}

function compareValues(x: Value, y: Value): number {
  return typeof x === 'string' || typeof y === 'string'
    ? compareCodePoints(String(x), String(y))
    : Number(x) - Number(y);
}

/** Means of the groups' rows without NaN; float32 sums are rounded at each step, as numpy's are. */
function meansOf({ values, neuroidIds }: Recordings, groups: readonly number[][]): Matrix {
  const cols = neuroidIds.length;
  const means = matrix(groups.length, cols);
  const sums = values instanceof Float32Array ? new Float32Array(cols) : new Float64Array(cols);
  const counts = new Uint32Array(cols);
  groups.forEach((rows, group) => {
    sums.fill(0);
    counts.fill(0);
    for (const row of rows) {
      for (let k = 0; k < cols; k++) {
        const value = values[row * cols + k];
        if (Number.isNaN(value)) continue;
        sums[k] += value;
        counts[k]++;
      }
    }
    for (let k = 0; k < cols; k++) sums[k] /= counts[k];
    means.data.set(sums, group * cols);
  });
  return means;
}
