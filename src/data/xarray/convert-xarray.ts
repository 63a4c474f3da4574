import { quoted, quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type NetcdfFile, openNetcdf } from '../../formats/netcdf.js';
import type { NetcdfVariable } from '../../formats/netcdf-content.js';
import { readDecoded } from '../../formats/netcdf-decode.js';
import { type Assembly, type Coordinate, writeAssembly } from '../assembly.js';
import { type Dimensions, dimensionsOf, type Role, recordingsVariable } from './dimensions.js';
import { type Means, meansOf } from './means.js';
import { binsOf, type TimeWindow } from './time-window.js';

/** A file of plain xarray to convert, and how to read it. */
export interface ConversionRequest {
  readonly path: string;
  /** The assembly to write. */
  readonly output: string;
  readonly variable?: string;
  /** Names of dimensions that are not recognised. */
  readonly dims?: Readonly<Partial<Record<Role, string>>>;
  /** The coordinate that holds the stimulus ids. */
  readonly ids?: string;
  /** Of all neuroids, where the file does not say it. */
  readonly region?: string;
  readonly window?: TimeWindow;
  /** Bytes. */
  readonly maxMemory: number;
}

/** What was written. */
export interface Conversion {
  readonly variable: string;
  /** The dimensions of the file by what they are. */
  readonly dims: Readonly<Partial<Record<Role, string>>>;
  readonly presentations: number;
  readonly neuroids: number;
  /** Presentations without any value, such as repetitions that an image does not have; they are left out. */
  readonly empty: number;
  /** Time bins that were averaged; 0 without time. */
  readonly bins: number;
}

const refuse = (path: string, field: string, expected: string, found: string) =>
  new VentralError('recordings-invalid', `${path}: ${expected} expected, ${found} found`, {
    ...{ file: path, field, expected, found },
  });

/**
 * Converts recordings that xarray wrote as stimulus × repetition × neuroid × time, in any order and under any names,
 * into an assembly of presentation × neuroid: the mean of the time bins that count, a presentation each stimulus and
 * repetition, coordinates along. What is read at once is bounded; sums of the output stay in memory.
 * @throws VentralError `recordings-invalid`, `netcdf-invalid`, `file-missing`, `memory-exceeded`, `disk-full`
 */
export async function convertXarray(request: ConversionRequest): Promise<Conversion> {
  const { path, output } = request;
  const file = await openNetcdf(path);
  try {
    const variable = recordingsVariable(file, request.variable);
    const dims = dimensionsOf(variable, request.dims ?? {}, path);
    const coords = await coordinatesOf(file, variable);
    const bins = dims.time === undefined ? [] : timeBins(variable, coords, dims.time, request);
    const named = labelsOf(variable, dims, coords, request);
    const means = await meansOf(file, variable, dims, bins, request.maxMemory);
    const assembly = assemblyOf(means, named);
    await writeAssembly(output, assembly, { compress: true });
    const [presentations, neuroids] = assembly.shape;
    return {
      ...{ variable: variable.name, presentations, neuroids, bins: bins.length },
      dims: Object.fromEntries(
        Object.entries(dims).map(([role, place]) => [role, variable.dims[place]]),
      ),
      empty: means.empty,
    };
  } finally {
    await file.close();
  }
}

type Coordinates = ReadonlyMap<string, Coordinate>;

/** Every variable along one dimension of the recordings. */
async function coordinatesOf(
  file: NetcdfFile,
  { dims, shape }: NetcdfVariable,
): Promise<Coordinates> {
  const found = new Map<string, Coordinate>();
  for (const variable of file.root.variables) {
    const characters = variable.stringLength === 1 && variable.dims.length === 2;
    if (variable.dtype === undefined || !dims.includes(variable.dims[0])) continue;
    if (variable.dims.length !== 1 && !characters) continue;
    const { dtype, values } = await readDecoded(file, variable.name);
    const [dim] = variable.dims;
    const length = shape[dims.indexOf(dim)];
    if (values.length !== length)
      throw refuse(file.name, variable.name, `${length} values`, String(values.length));
    // The values of an assembly are called data.
    const name = variable.name === 'data' ? 'data_' : variable.name;
    found.set(name, { dim, dtype, values: Array.from(values) });
  }
  return found;
}

function timeBins(
  { dims, shape }: NetcdfVariable,
  coords: Coordinates,
  place: number,
  { window, path }: ConversionRequest,
): number[] {
  const along = [...coords].filter(([, { dim }]) => dim === dims[place]);
  const named = along.find(([name]) => name === dims[place] || name === 'time_bin_start');
  const times = (named ?? (along.length === 1 ? along[0] : undefined))?.[1].values.map(Number);
  return binsOf(shape[place], times, window, path);
}

interface Labels {
  /** Along stimuli, `stimulus_id` first. */
  readonly stimulus: Coordinates;
  readonly repetition: Coordinates;
  /** Along neuroids, `neuroid_id` first. */
  readonly neuroid: Coordinates;
}

/** What coordinates of a lab are called in an assembly. */
const renamed: Readonly<Record<string, string>> = {
  ...{ area: 'region', brain_area: 'region', brain_region: 'region', visual_area: 'region' },
  ...{ monkey: 'animal', subject: 'animal', subject_id: 'animal', animal_id: 'animal' },
};

function labelsOf(
  { dims, shape }: NetcdfVariable,
  places: Dimensions,
  coords: Coordinates,
  request: ConversionRequest,
): Labels {
  const along = (place: number | undefined) =>
    [...coords].filter(([, { dim }]) => place !== undefined && dim === dims[place]);
  const stimuli = along(places.stimulus);
  const ids = stimulusIds(stimuli, dims[places.stimulus], request);
  const neuroids = along(places.neuroid);
  const own = ['neuroid_id', 'unit_id', 'neuron_id', dims[places.neuroid]]
    .map((name) => neuroids.find(([each]) => each === name))
    .find(Boolean);
  const others = neuroids.filter(([name]) => name !== own?.[0]);
  const region = request.region;
  const rows = shape[places.neuroid];
  return {
    stimulus: new Map([['stimulus_id', ids[1]], ...stimuli.filter(([name]) => name !== ids[0])]),
    repetition: repetitionOf(along(places.repetition), stimuli, shape[places.repetition ?? -1]),
    neuroid: new Map([
      ['neuroid_id', own?.[1] ?? count(rows)],
      ...others.map(([name, coordinate]): [string, Coordinate] => [
        coords.has(renamed[name]) ? name : (renamed[name] ?? name),
        coordinate,
      ]),
      ...(region === undefined
        ? []
        : ([['region', { dim: '', dtype: 'string', values: Array(rows).fill(region) }]] as const)),
    ]),
  };
}

const count = (length: number): Coordinate => ({
  ...{ dim: '', dtype: 'int64', values: Array.from({ length }, (_, i) => i) },
});

/** Repetitions by their number, or from 0; none where the stimuli are presentations that have them already. */
function repetitionOf(
  along: readonly [string, Coordinate][],
  stimuli: readonly [string, Coordinate][],
  length = 1,
): Coordinates {
  if (along.length === 0 && stimuli.some(([name]) => name === 'repetition')) return new Map();
  const own = along.find(([, { dtype }]) => /int/.test(dtype));
  return new Map([['repetition', own?.[1] ?? count(length)]]);
}

/** The coordinate that is named, or called as ids are, or is the dimension's own, or the only one of text. */
function stimulusIds(
  along: readonly [string, Coordinate][],
  dim: string,
  { ids, path }: ConversionRequest,
): [string, Coordinate] {
  const by = (name: string) => along.find(([each]) => each === name);
  const text = along.filter(([, { dtype }]) => dtype === 'string');
  const found =
    ids === undefined
      ? (by('stimulus_id') ??
        by('image_id') ??
        by(dim) ??
        (text.length === 1 ? text[0] : undefined))
      : by(ids);
  if (found !== undefined) return found;
  const names = along.length === 0 ? 'none' : quotedList(along.map(([name]) => name));
  const expected =
    ids === undefined
      ? `stimulus ids as a coordinate along ${quoted(dim)} (--ids names it)`
      : `a coordinate ${quoted(ids)} along ${quoted(dim)}`;
  throw refuse(path, 'stimulus_id', expected, names);
}

/** Presentations are stimuli, each with its repetitions in order; those without a value are left out. */
function assemblyOf({ values, repetitions, neuroids, rows }: Means, named: Labels): Assembly {
  const spread = (coords: Coordinates, dim: string, index: (row: number) => number) =>
    [...coords].map(([name, { dtype, values: given }]): [string, Coordinate] => [
      name,
      { dim, dtype, values: rows.map((row) => given[index(row)]) },
    ]);
  return {
    dims: ['presentation', 'neuroid'],
    shape: [rows.length, neuroids],
    dtype: values instanceof Float32Array ? 'float32' : 'float64',
    values,
    coords: new Map([
      ...spread(named.stimulus, 'presentation', (row) => Math.floor(row / repetitions)),
      ...spread(named.repetition, 'presentation', (row) => row % repetitions),
      ...[...named.neuroid].map(([name, coordinate]): [string, Coordinate] => [
        name,
        { ...coordinate, dim: 'neuroid' },
      ]),
    ]),
    attributes: {},
  };
}
