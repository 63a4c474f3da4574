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
  const means = new RunningMeans(recordings, over);
  means.add(0, recordings.values);
  return means.finish();
}

/** Recordings without their values. */
export type RecordingLabels = Omit<Recordings, 'values'>;

/** The presentations that are averaged together, in the order in which their means come out. */
export class PresentationGroups {
  /** Rows of each group, ascending. */
  readonly members: readonly (readonly number[])[];
  /** Group of each presentation. */
  readonly groupOf: Int32Array;
  /** Of each group. */
  readonly stimulusIds: readonly Id[];
  /** Coordinates of the groups in level order. */
  readonly coords: ReadonlyMap<string, Coordinate>;

  /** @throws as {@link averageRepetitions} */
  constructor(labels: Pick<RecordingLabels, 'coords' | 'stimulusIds'>, over?: readonly string[]) {
    const levels = levelsOf(labels, over);
    this.members = groupsOf(levels);
    this.groupOf = new Int32Array(labels.stimulusIds.length);
    this.members.forEach((rows, group) => {
      for (const row of rows) this.groupOf[row] = group;
    });
    const first = this.members.map(([row]) => row);
    this.stimulusIds = first.map((row) => labels.stimulusIds[row]);
    this.coords = new Map(
      Array.from(levels, ([name, level]) => [
        name,
        { ...level, values: first.map((row) => level.values[row]) },
      ]),
    );
  }

  /** Presentations of the largest group. */
  get most(): number {
    return this.members.reduce((most, { length }) => Math.max(most, length), 0);
  }
}

/** The same average of values that come some presentations at a time: those that were added need not be kept. */
export class RunningMeans {
  readonly #recordings: RecordingLabels;
  readonly #groups: PresentationGroups;
  #sums: Float64Array | Float32Array | undefined;
  readonly #counts: Uint8Array | Uint32Array;

  /** @throws as {@link averageRepetitions} */
  constructor(
    recordings: RecordingLabels,
    over?: readonly string[],
    groups = new PresentationGroups(recordings, over),
  ) {
    this.#recordings = recordings;
    this.#groups = groups;
    const cells = groups.members.length * recordings.neuroidIds.length;
    this.#counts = groups.most < 256 ? new Uint8Array(cells) : new Uint32Array(cells);
  }

  /** Adds the values of presentations from `first` on, in their order; float32 sums are rounded at each step, as numpy's are. */
  add(first: number, values: Float64Array | Float32Array): void {
    const counts = this.#counts;
    this.#sums ??= new (values instanceof Float32Array ? Float32Array : Float64Array)(
      counts.length,
    );
    const sums = this.#sums;
    const cols = this.#recordings.neuroidIds.length;
    for (let from = 0, row = first; from < values.length; from += cols, row++) {
      const at = this.#groups.groupOf[row] * cols;
      for (let k = 0; k < cols; k++) {
        const value = values[from + k];
        if (Number.isNaN(value)) continue;
        sums[at + k] += value;
        counts[at + k]++;
      }
    }
  }

  /** The averages; nothing can be added afterwards. */
  finish(): Averaged {
    const { neuroidIds, animals } = this.#recordings;
    const { stimulusIds, coords, members } = this.#groups;
    const sums = this.#sums ?? new Float64Array(this.#counts.length);
    for (let i = 0; i < sums.length; i++) sums[i] /= this.#counts[i];
    const means = sums instanceof Float64Array ? sums : new Float64Array(sums);
    return {
      stimulusIds,
      neuroidIds,
      ...present({ animals }),
      values: matrix(members.length, neuroidIds.length, means),
      coords,
    };
  }
}

function levelsOf(
  { coords, stimulusIds }: Pick<RecordingLabels, 'coords' | 'stimulusIds'>,
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
