import { quoted, quotedList } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import type { NetcdfVariable } from '../formats/netcdf-content.js';
import { decodeValues } from '../formats/netcdf-decode.js';
import { type Coordinate, type OpenAssembly, openAssembly, textValues } from './assembly.js';
import type { RecordingLabels } from './average-repetitions.js';
import type { Id } from './ids.js';
import { binsOfStep, rebinned, type TimeBin } from './rebin.js';
import type { Recordings, RecordingsRequest } from './recordings.js';

/**
 * Recordings from a BrainIO assembly (spec §1.4): neuroids of a region, the mean over the time
 * bins that count, presentation × neuroid whatever the order of dimensions in the file.
 */

/** Maximum bytes of stored values in memory, unless one chunk of the file is larger. */
const blockBytes = 64 * 2 ** 20;

/** Reads the recordings of an assembly; see readRecordings. */
export async function recordingsFromAssembly(request: RecordingsRequest): Promise<Recordings> {
  const assembly = await openAssembly(request.path, request.stimuli);
  try {
    checkDimensions(assembly, request.path);
    const neuroids = neuroidsOf(assembly, request);
    const bins = request.timeStep === undefined ? timeBinsOf(assembly, request) : [];
    const { timeStep, binsAsNeuroids } = request;
    if (timeStep !== undefined) return await inSteps(assembly, neuroids, request, timeStep);
    const apart = binsAsNeuroids !== undefined;
    const values = await readValues(assembly, neuroids, bins, apart);
    const columns = apart ? neuroids.flatMap((neuroid) => bins.map(() => neuroid)) : neuroids;
    return { ...labels(assembly, columns, request), values };
  } finally {
    await assembly.file.close();
  }
}

/** Takes the values of recordings some presentations at a time. */
export interface BlockTaker {
  /** Whether all presentations are to come at once. */
  readonly inOne?: boolean;
  /** The values of presentations from `first` on, in the order of the file. */
  take(first: number, values: Recordings['values']): void;
}

/** Gets what describes all presentations. */
export type OpenBlocks = (labels: RecordingLabels) => BlockTaker | Promise<BlockTaker>;

/** The same some presentations at a time, for values that are not kept as they are or may not fit memory. */
export async function assemblyInBlocks(
  request: RecordingsRequest,
  open: OpenBlocks,
): Promise<void> {
  const assembly = await openAssembly(request.path, request.stimuli);
  try {
    checkDimensions(assembly, request.path);
    const neuroids = neuroidsOf(assembly, request);
    const bins = timeBinsOf(assembly, request);
    const apart = request.binsAsNeuroids !== undefined;
    const columns = apart ? neuroids.flatMap((neuroid) => bins.map(() => neuroid)) : neuroids;
    const taker = await open(labels(assembly, columns, request));
    if (taker.inOne) return taker.take(0, await readValues(assembly, neuroids, bins, apart));
    const rowBytes = 8 * neuroids.length * bins.length;
    for (const [from, to] of presentationBlocks(assembly, rowBytes))
      taker.take(from, await readValues(assembly, neuroids, bins, apart, [from, to]));
  } finally {
    await assembly.file.close();
  }
}

/** Every bin of the file, re-binned to bins of one length. */
async function inSteps(
  assembly: OpenAssembly,
  neuroids: readonly number[],
  request: RecordingsRequest,
  step: number,
): Promise<Recordings> {
  const { starts, ends } = binEdges(assembly, request.path);
  const source = starts.map((start, i) => [start, ends[i]] as const);
  const empty = source.find(([start, end]) => !(end > start));
  if (empty) refuse(request.path, 'time_bin', 'bins that end after they start', empty.join(' to '));
  const target = binsOfStep(source, step, request.path);
  const columns = neuroids.flatMap((neuroid) => target.map(() => neuroid));
  const values = await rebinnedValues(assembly, neuroids, { source, target }, request);
  return { ...labels(assembly, columns, request), values, timeBins: target };
}

/** The values of all presentations in other bins: those of the file are in memory for some presentations at a time. */
async function rebinnedValues(
  assembly: OpenAssembly,
  neuroids: readonly number[],
  { source, target }: { readonly source: readonly TimeBin[]; readonly target: readonly TimeBin[] },
  { path, timeMode }: RecordingsRequest,
): Promise<Float64Array | Float32Array> {
  const bins = source.map((_, bin) => bin);
  const presentations = assembly.shape[assembly.dims.indexOf('presentation')];
  const width = neuroids.length * target.length;
  let all: Float64Array | Float32Array | undefined;
  for (const [from, to] of presentationBlocks(assembly, 8 * neuroids.length * bins.length)) {
    const some = await readValues(assembly, neuroids, bins, true, [from, to]);
    const made = rebinned(some, source, target, path, timeMode);
    const length = presentations * width;
    all ??= made instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
    all.set(made, from * width);
  }
  return all as Float64Array | Float32Array;
}

/** Presentations [from, to) of blocks of bounded size, whole chunks of the file where it can. */
function presentationBlocks(
  { dims, shape, variable }: OpenAssembly,
  rowBytes: number,
): (readonly [from: number, to: number])[] {
  const axis = dims.indexOf('presentation');
  const chunk = variable.chunks?.[axis] ?? 1;
  const step = Math.max(chunk, Math.floor(blockBytes / rowBytes / chunk) * chunk);
  return Array.from({ length: Math.ceil(shape[axis] / step) }, (_, i) => [
    i * step,
    Math.min(shape[axis], (i + 1) * step),
  ]);
}

function binEdges({ coords, dims }: OpenAssembly, path: string) {
  if (!dims.includes('time_bin')) refuse(path, 'time_bin', 'a dimension time_bin', 'none');
  const starts = coords.get('time_bin_start')?.values.map(Number);
  const ends = coords.get('time_bin_end')?.values.map(Number);
  if (starts === undefined || ends === undefined)
    return refuse(path, 'time_bin', 'coordinates time_bin_start and time_bin_end', 'none');
  return { starts, ends };
}

function refuse(path: string, field: string, expected: string, found: string): never {
  throw new VentralError('recordings-invalid', `${path}: ${expected} expected, ${found} found`, {
    file: path,
    field,
    expected,
    found,
  });
}

function checkDimensions({ dims, shape, variable }: OpenAssembly, path: string): void {
  for (const dim of ['presentation', 'neuroid']) {
    if (!dims.includes(dim)) refuse(path, 'dimensions', `a dimension ${dim}`, quotedList(dims, 8));
  }
  if (variable.dtype === 'string') refuse(path, variable.name, 'numbers', 'text');
  dims.forEach((dim, i) => {
    if (['presentation', 'neuroid', 'time_bin'].includes(dim) || shape[i] === 1) return;
    refuse(
      path,
      dim,
      'presentation, neuroid and time_bin',
      `a dimension ${quoted(dim)} of ${shape[i]}`,
    );
  });
  if (shape.includes(0)) refuse(path, variable.name, 'values', `shape ${shape.join(' × ')}`);
}

function neuroidsOf({ coords, dims, shape }: OpenAssembly, request: RecordingsRequest): number[] {
  const all = Array.from({ length: shape[dims.indexOf('neuroid')] }, (_, i) => i);
  const { region, path } = request;
  if (region === undefined) return all;
  const regions = coords.get('region');
  if (regions?.dim !== 'neuroid') {
    return refuse(path, 'region', `a coordinate region that has ${region}`, 'no such coordinate');
  }
  const chosen = all.filter((i) => regions.values[i] === region);
  if (chosen.length > 0) return chosen;
  const found = quotedList(new Set(textValues(regions.values)));
  return refuse(path, 'region', `neuroids in ${region}`, `neuroids in ${found}`);
}

function timeBinsOf(assembly: OpenAssembly, request: RecordingsRequest): number[] {
  const { dims, shape } = assembly;
  const { path, binsAsNeuroids } = request;
  const timeBins = binsAsNeuroids ? [binsAsNeuroids] : request.timeBins;
  const axis = dims.indexOf('time_bin');
  const all = axis < 0 ? [0] : Array.from({ length: shape[axis] }, (_, i) => i);
  if (axis < 0 && timeBins !== undefined) refuse(path, 'time_bin', 'a dimension time_bin', 'none');
  if (timeBins === undefined) {
    if (all.length === 1) return all;
    refuse(path, 'time_bins', '`time_bins` set', `a recording with ${all.length} time bins`);
  }
  const { starts, ends } = binEdges(assembly, path);
  // Edges in seconds are fractions that no float holds.
  const slack = binsAsNeuroids ? 1e-9 : 0;
  const chosen = all.filter((i) =>
    timeBins.some(([from, to]) => starts[i] >= from - slack && ends[i] <= to + slack),
  );
  if (chosen.length > 0) return chosen;
  const unit = binsAsNeuroids ? '' : ' ms';
  const wanted = timeBins.map(([from, to]) => `${from} to ${to}${unit}`).join(', ');
  // A file may have more bins than a call takes arguments.
  const least = starts.reduce((first, start) => Math.min(first, start));
  const most = ends.reduce((last, end) => Math.max(last, end));
  const found = `bins from ${least} to ${most}${unit}`;
  return refuse(path, 'time_bins', `time bins within ${wanted}`, found);
}

function labels(
  { coords }: OpenAssembly,
  neuroids: readonly number[],
  { path, neuroidCoords: wanted = [] }: RecordingsRequest,
): Omit<Recordings, 'values'> {
  const presentation = new Map([...coords].filter(([, { dim }]) => dim === 'presentation'));
  const ids = presentation.get('stimulus_id') ?? presentation.get('presentation');
  if (ids === undefined) return refuse(path, 'stimulus_id', 'a coordinate stimulus_id', 'none');
  const named = coords.get('neuroid_id') ?? coords.get('neuroid');
  const neuroidIds = named === undefined ? undefined : idValues(named);
  const animals = coords.get('animal');
  const repetition = presentation.get('repetition');
  return {
    stimulusIds: idValues(ids),
    ...(repetition === undefined ? {} : { repetition: idValues(repetition) }),
    neuroidIds: neuroids.map((i) => neuroidIds?.[i] ?? i),
    ...(animals?.dim === 'neuroid'
      ? { animals: neuroids.map((i) => String(animals.values[i])) }
      : {}),
    coords: presentation,
    ...(wanted.length > 0
      ? { neuroidCoords: new Map(wanted.map((name) => [name, neuroidCoord(name)])) }
      : {}),
  };

  function neuroidCoord(name: string): Coordinate {
    const coordinate = coords.get(name);
    if (coordinate?.dim === 'neuroid')
      return { ...coordinate, values: neuroids.map((i) => coordinate.values[i]) };
    const found = [...coords].flatMap(([other, { dim }]) => (dim === 'neuroid' ? other : []));
    return refuse(path, name, `a coordinate ${quoted(name)} of neuroids`, quotedList(found, 8));
  }
}

/** Integers stay numbers; everything else is text. */
function idValues({ dtype, values }: Coordinate): Id[] {
  return values.map((value) =>
    typeof value === 'number' && dtype.includes('int') ? value : String(value),
  );
}

/** Where an element of a block goes: its presentation, its neuroid's column, or nowhere. */
interface Target {
  /** The first presentation. */
  readonly from: number;
  /** First column of each neuroid, −1 for one that is not read. */
  readonly columns: Int32Array;
  /** Which column of its neuroid each bin counts to, −1 for none. */
  readonly columnOfBin: Int32Array;
  readonly width: number;
}

/** What the cells of recordings are made of. */
interface Cells {
  add(cell: number, value: number): void;
  /** The value of each cell, NaN where nothing was recorded. */
  finish(single: boolean): Float64Array | Float32Array;
}

/** The mean of several values a cell, NaN left out as xarray does. */
function meanCells(count: number): Cells {
  const sums = new Float64Array(count);
  const counts = new Uint32Array(count);
  return {
    add(cell, value) {
      sums[cell] += value;
      counts[cell]++;
    },
    finish(single) {
      const means = single ? new Float32Array(count) : sums;
      for (let i = 0; i < count; i++) means[i] = sums[i] / counts[i];
      return means;
    },
  };
}

/** One value a cell, kept as it comes. */
function plainCells(count: number, single: boolean): Cells {
  const values = (single ? new Float32Array(count) : new Float64Array(count)).fill(Number.NaN);
  return {
    add(cell, value) {
      // A mean of one is never −0.
      values[cell] = value + 0;
    },
    finish: () => values,
  };
}

/**
 * The values of each neuroid: their mean over the bins, or with `apart` a column a bin; of all presentations or of some.
 */
async function readValues(
  assembly: OpenAssembly,
  neuroids: readonly number[],
  bins: readonly number[],
  apart: boolean,
  presentations?: readonly [from: number, to: number],
): Promise<Float64Array | Float32Array> {
  const { file, variable, dims, shape } = assembly;
  const length = (dim: string) => shape[dims.indexOf(dim)] ?? 1;
  const each = apart ? bins.length : 1;
  const width = neuroids.length * each;
  const [from, to] = presentations ?? [0, length('presentation')];
  const count = (to - from) * width;
  const columns = new Int32Array(length('neuroid')).fill(-1);
  neuroids.forEach((neuroid, column) => {
    columns[neuroid] = column * each;
  });
  const columnOfBin = new Int32Array(length('time_bin')).fill(-1);
  bins.forEach((bin, i) => {
    columnOfBin[bin] = apart ? i : 0;
  });
  const target: Target = { from, columns, columnOfBin, width };
  const range = rangesOf(dims, shape, {
    presentation: [from, to - 1],
    neuroid: neuroids,
    time_bin: bins,
  });
  let cells: Cells | undefined;
  let single = false;
  for (const slab of blocksOf(range, variable)) {
    const stored = await file.read(variable.name, slab);
    const { dtype, values } = decodeValues(variable, stored);
    single = dtype === 'float32';
    cells ??= apart || bins.length === 1 ? plainCells(count, single) : meanCells(count);
    addBlock(values as ArrayLike<number>, dims, slab, target, cells);
  }
  return (cells as Cells).finish(single);
}

/** First index and length along each dimension of what is needed, as one block. */
function rangesOf(
  dims: readonly string[],
  shape: readonly number[],
  chosen: Readonly<Record<string, readonly number[]>>,
): { start: number[]; count: number[] } {
  const start = dims.map((dim) => chosen[dim]?.[0] ?? 0);
  const last = dims.map((dim, i) => chosen[dim]?.at(-1) ?? shape[i] - 1);
  return { start, count: last.map((to, i) => to - start[i] + 1) };
}

/** Cuts a range along its slowest dimensions into blocks of bounded size, whole chunks where it can. */
export function* blocksOf(
  range: { start: number[]; count: number[] },
  variable: NetcdfVariable,
): Generator<{ start: number[]; count: number[] }> {
  const { start, count } = range;
  const elements = count.reduce((product, n) => product * n, 1);
  const axis = count.findIndex((n) => n > 1);
  const chunk = variable.chunks?.[axis] ?? 1;
  if (elements * 8 <= blockBytes || axis < 0 || count[axis] <= chunk) {
    yield range;
    return;
  }
  const rowBytes = (elements / count[axis]) * 8;
  const step = Math.max(chunk, Math.floor(blockBytes / rowBytes / chunk) * chunk);
  for (let from = start[axis]; from < start[axis] + count[axis]; ) {
    // The first cut falls on a chunk border, so that no chunk is decompressed twice.
    const to = Math.min(start[axis] + count[axis], from - (from % chunk) + step);
    const part = { start: start.with(axis, from), count: count.with(axis, to - from) };
    yield* blocksOf(part, variable);
    from = to;
  }
}

function addBlock(
  values: ArrayLike<number>,
  dims: readonly string[],
  slab: { start: number[]; count: number[] },
  target: Target,
  cells: Cells,
): void {
  const strides = slab.count.map(() => 1);
  for (let i = strides.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * slab.count[i + 1];
  const along = (dim: string) => {
    const i = dims.indexOf(dim);
    return i < 0
      ? { from: 0, n: 1, stride: 0 }
      : { from: slab.start[i], n: slab.count[i], stride: strides[i] };
  };
  const [presentation, neuroid, bin] = ['presentation', 'neuroid', 'time_bin'].map(along);
  const { from, columns, columnOfBin, width } = target;
  for (let p = 0; p < presentation.n; p++) {
    for (let k = 0; k < neuroid.n; k++) {
      const column = columns[neuroid.from + k];
      if (column < 0) continue;
      const first = (presentation.from + p - from) * width + column;
      const base = p * presentation.stride + k * neuroid.stride;
      for (let t = 0; t < bin.n; t++) {
        const value = values[base + t * bin.stride];
        const within = columnOfBin[bin.from + t];
        if (within < 0 || Number.isNaN(value)) continue;
        cells.add(first + within, value);
      }
    }
  }
}
