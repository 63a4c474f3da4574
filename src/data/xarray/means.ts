import { VentralError } from '../../errors/ventral-error.js';
import type { NetcdfFile } from '../../formats/netcdf.js';
import type { Hyperslab, NetcdfVariable } from '../../formats/netcdf-content.js';
import { decodeValues } from '../../formats/netcdf-decode.js';
import { blocksOf } from '../recordings-from-assembly.js';
import type { Dimensions } from './dimensions.js';

/** Means over time, presentation × neuroid. */
export interface Means {
  readonly values: Float64Array | Float32Array;
  readonly neuroids: number;
  readonly repetitions: number;
  /** Of each presentation: stimulus × repetitions + repetition. */
  readonly rows: readonly number[];
  /** How many presentations had no value at all. */
  readonly empty: number;
}

/** Bytes of a value of the output: its sum, its count, and what is written. */
const CELL_BYTES = 8 + 4 + 8;

/**
 * Means over the time bins that count, without what is missing; block by block, so that the file may be larger than
 * memory.
 * @throws VentralError `memory-exceeded`, `recordings-invalid` if no value is left
 */
export async function meansOf(
  file: NetcdfFile,
  variable: NetcdfVariable,
  dims: Dimensions,
  bins: readonly number[],
  maxMemory: number,
): Promise<Means> {
  const length = (place: number | undefined) => (place === undefined ? 1 : variable.shape[place]);
  const [repetitions, neuroids] = [length(dims.repetition), length(dims.neuroid)];
  const cells = length(dims.stimulus) * repetitions * neuroids;
  if (cells * CELL_BYTES > maxMemory) {
    const needed = Math.ceil((cells * CELL_BYTES) / 2 ** 20);
    throw new VentralError(
      'memory-exceeded',
      `${file.name}: ${cells} means need ${needed} MiB, --max-memory leaves ${Math.floor(maxMemory / 2 ** 20)} MiB`,
      { file: file.name, field: '--max-memory' },
    );
  }
  const sums = { sums: new Float64Array(cells), counts: new Uint32Array(cells) };
  const range = {
    start: variable.shape.map((_, i) => (i === dims.time ? bins[0] : 0)),
    count: variable.shape.map((all, i) =>
      i === dims.time ? (bins.at(-1) ?? 0) - bins[0] + 1 : all,
    ),
  };
  const counted = new Set(bins);
  let single = false;
  for (const slab of blocksOf(range, variable)) {
    const { dtype, values } = decodeValues(variable, await file.read(variable.name, slab));
    single = dtype === 'float32';
    addSlab(values as ArrayLike<number>, slab, { dims, repetitions, neuroids, counted }, sums);
  }
  return withoutEmpty(sums, { neuroids, repetitions, single }, file.name);
}

interface Sums {
  readonly sums: Float64Array;
  readonly counts: Uint32Array;
}

interface Layout {
  readonly dims: Dimensions;
  readonly repetitions: number;
  readonly neuroids: number;
  readonly counted: ReadonlySet<number>;
}

function addSlab(
  values: ArrayLike<number>,
  { start, count }: Hyperslab,
  { dims, repetitions, neuroids, counted }: Layout,
  { sums, counts }: Sums,
): void {
  const strides = count.map(() => 1);
  for (let i = strides.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * count[i + 1];
  const along = (place: number | undefined) =>
    place === undefined
      ? { from: 0, n: 1, stride: 0 }
      : { from: start[place], n: count[place], stride: strides[place] };
  const [stimulus, repetition] = [along(dims.stimulus), along(dims.repetition)];
  const [neuroid, time] = [along(dims.neuroid), along(dims.time)];
  for (let s = 0; s < stimulus.n; s++) {
    for (let r = 0; r < repetition.n; r++) {
      const row = (stimulus.from + s) * repetitions + repetition.from + r;
      for (let k = 0; k < neuroid.n; k++) {
        const cell = row * neuroids + neuroid.from + k;
        const base = s * stimulus.stride + r * repetition.stride + k * neuroid.stride;
        for (let t = 0; t < time.n; t++) {
          const value = values[base + t * time.stride];
          if (Number.isNaN(value) || (dims.time !== undefined && !counted.has(time.from + t)))
            continue;
          sums[cell] += value;
          counts[cell]++;
        }
      }
    }
  }
}

function withoutEmpty(
  { sums, counts }: Sums,
  { neuroids, repetitions, single }: Pick<Means, 'neuroids' | 'repetitions'> & { single: boolean },
  path: string,
): Means {
  const all = sums.length / neuroids;
  const rows: number[] = [];
  for (let row = 0; row < all; row++)
    if (counts.subarray(row * neuroids, (row + 1) * neuroids).some((count) => count > 0))
      rows.push(row);
  if (rows.length === 0) {
    const found = 'none';
    throw new VentralError('recordings-invalid', `${path}: values expected, ${found} found`, {
      ...{ file: path, expected: 'values', found },
    });
  }
  const values = new (single ? Float32Array : Float64Array)(rows.length * neuroids);
  for (const [i, row] of rows.entries())
    for (let k = 0; k < neuroids; k++) {
      const cell = row * neuroids + k;
      // A cell without any value is NaN (0 / 0).
      values[i * neuroids + k] = sums[cell] / counts[cell];
    }
  return { values, neuroids, repetitions, rows, empty: all - rows.length };
}
