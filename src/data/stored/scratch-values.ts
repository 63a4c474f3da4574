import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { VentralError } from '../../errors/ventral-error.js';
import type { PresentationGroups } from '../average-repetitions.js';
import type { Recordings } from '../recordings.js';
import { addRow, type RecordedValues } from './recorded-values.js';

type Values = Recordings['values'];

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Bytes by place in a file of its own, which goes when it is closed. */
class ScratchBytes {
  readonly #path: string;
  readonly #file: number;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'wx+', 0o600);
  }

  /** @throws VentralError `disk-full`, `disk-failed` */
  write(values: ArrayBufferView, position: number): void {
    const bytes = bytesOf(values);
    try {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#file, bytes, done, bytes.length - done, position + done);
    } catch (error) {
      throw VentralError.from(Object.assign(error as Error, { path: this.#path }));
    }
  }

  read(values: ArrayBufferView, position: number): void {
    const bytes = bytesOf(values);
    for (let done = 0; done < bytes.length; ) {
      const got = readSync(this.#file, bytes, done, bytes.length - done, position + done);
      if (got === 0) throw new Error('a scratch file is shorter than what was written to it');
      done += got;
    }
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }
}

/** Bytes that are read at once where rows are asked for one after the other. */
const AHEAD = 4 * 2 ** 20;

/** Values on scratch disk, written once. Close them when done. */
export class ScratchValues implements RecordedValues {
  #dtype: 'float32' | 'float64' = 'float64';
  readonly #bytes: ScratchBytes;
  /** Rows that were read ahead. */
  #window: Values = new Float64Array();
  #first = 0;
  #held = 0;
  #part: Values = new Float64Array();

  /** @param path of a file that is not there yet */
  constructor(
    path: string,
    readonly rows: number,
    readonly cols: number,
  ) {
    this.#bytes = new ScratchBytes(path);
  }

  get dtype(): 'float32' | 'float64' {
    return this.#dtype;
  }

  /** Writes whole rows from `first` on, all of one type. */
  put(first: number, values: Values): void {
    this.#dtype = values instanceof Float32Array ? 'float32' : 'float64';
    this.#bytes.write(values, first * this.cols * values.BYTES_PER_ELEMENT);
  }

  row(index: number, from = 0, to = this.cols): Values {
    if (2 * (to - from) < this.cols) return this.#some(index, from, to);
    this.#hold(index);
    const at = (index - this.#first) * this.cols;
    return this.#window.subarray(at + from, at + to);
  }

  #some(index: number, from: number, to: number): Values {
    if (this.#part.length < to - from || this.#part.BYTES_PER_ELEMENT !== this.#size)
      this.#part = this.#array(to - from);
    const part = this.#part.subarray(0, to - from);
    this.#bytes.read(part, (index * this.cols + from) * this.#size);
    return part;
  }

  #hold(index: number): void {
    if (index >= this.#first && index < this.#first + this.#held) return;
    const most = Math.max(1, Math.floor(AHEAD / (this.#size * this.cols)));
    if (this.#window.length === 0) this.#window = this.#array(most * this.cols);
    const next = index === this.#first + this.#held;
    const count = next ? Math.min(most, this.rows - index) : 1;
    this.#bytes.read(this.#window.subarray(0, count * this.cols), index * this.cols * this.#size);
    this.#first = index;
    this.#held = count;
  }

  get #size(): number {
    return this.#dtype === 'float32' ? 4 : 8;
  }

  #array(length: number): Values {
    return this.#dtype === 'float32' ? new Float32Array(length) : new Float64Array(length);
  }

  /** Lets the file go. */
  close(): void {
    this.#bytes.close();
  }
}

/** The sum of a group of which presentations are still to come. */
interface OpenSum {
  readonly sums: Values;
  readonly counts: Uint32Array;
}

/** Bytes of a sum and its counts, for each neuroid. */
export const SUM_BYTES = 12;

/** Groups of which some presentations have come and others not, at the most, in the order of the presentations. */
export function mostOpen({ members, groupOf }: PresentationGroups): number {
  const left = Int32Array.from(members, ({ length }) => length);
  let [open, most] = [0, 0];
  for (const group of groupOf) {
    if (left[group] === members[group].length) most = Math.max(most, ++open);
    if (--left[group] === 0) open--;
  }
  return most;
}

/** Where running means are kept. */
export interface MeansPlace {
  /** Paths of files that are not there yet: of the means, and of sums for which there is no room in memory. */
  readonly means: string;
  readonly sums: string;
  /** Bytes of sums in memory. */
  readonly memory: number;
}

/** `RunningMeans` whose means are on scratch disk: a group is written as soon as its last presentation was added. */
export class ScratchMeans {
  readonly #groups: PresentationGroups;
  readonly #cols: number;
  readonly #place: MeansPlace;
  readonly #means: ScratchValues;
  /** Presentations that each group waits for. */
  readonly #left: Int32Array;
  /** In the order of their last use. */
  readonly #open = new Map<number, OpenSum>();
  #spilled: ScratchBytes | undefined;
  readonly #away = new Set<number>();

  constructor(groups: PresentationGroups, cols: number, place: MeansPlace) {
    this.#groups = groups;
    this.#cols = cols;
    this.#place = place;
    this.#means = new ScratchValues(place.means, groups.members.length, cols);
    this.#left = Int32Array.from(groups.members, ({ length }) => length);
  }

  /** Adds the values of presentations from `first` on, in their order. */
  add(first: number, values: Values): void {
    const cols = this.#cols;
    for (let from = 0, row = first; from < values.length; from += cols, row++) {
      const group = this.#groups.groupOf[row];
      const partial = this.#partial(group, values);
      addRow(values.subarray(from, from + cols), partial.sums, partial.counts);
      if (--this.#left[group] === 0) this.#write(group, partial);
    }
  }

  #partial(group: number, { constructor: type }: Values): OpenSum {
    const Sums = type as typeof Float32Array | typeof Float64Array;
    const held = this.#open.get(group);
    const partial = held ?? { sums: new Sums(this.#cols), counts: new Uint32Array(this.#cols) };
    this.#open.delete(group);
    this.#open.set(group, partial);
    if (held) return partial;
    if (this.#away.delete(group)) {
      this.#spilled?.read(partial.sums, this.#position(group));
      this.#spilled?.read(partial.counts, this.#position(group) + 8 * this.#cols);
    }
    const [oldest] = this.#open;
    if (this.#open.size * SUM_BYTES * this.#cols > this.#place.memory && oldest[0] !== group)
      this.#spill(...oldest);
    return partial;
  }

  #spill(group: number, { sums, counts }: OpenSum): void {
    this.#spilled ??= new ScratchBytes(this.#place.sums);
    this.#spilled.write(sums, this.#position(group));
    this.#spilled.write(counts, this.#position(group) + 8 * this.#cols);
    this.#open.delete(group);
    this.#away.add(group);
  }

  #position(group: number): number {
    return group * SUM_BYTES * this.#cols;
  }

  #write(group: number, { sums, counts }: OpenSum): void {
    for (let k = 0; k < sums.length; k++) sums[k] /= counts[k];
    this.#means.put(group, sums instanceof Float64Array ? sums : new Float64Array(sums));
    this.#open.delete(group);
  }

  /** The means of all groups; every presentation was added. */
  finish(): ScratchValues {
    this.#spilled?.close();
    this.#spilled = undefined;
    return this.#means;
  }

  /** Lets the files go. */
  close(): void {
    this.#spilled?.close();
    this.#means.close();
  }
}
