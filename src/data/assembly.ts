import { quotedList } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import { type NetcdfFile, openNetcdf } from '../formats/netcdf.js';
import type {
  AttributeValue,
  NetcdfDtype,
  NetcdfValues,
  NetcdfVariable,
} from '../formats/netcdf-content.js';
import {
  type Decoded,
  type DecodedDtype,
  isCharArray,
  readDecoded,
} from '../formats/netcdf-decode.js';
import { type VariableToWrite, writeNetcdf } from '../formats/write-netcdf.js';
import type { StimulusSet } from './stimulus-set.js';

/**
 * Assemblies: values over dimensions with coordinates, read from BrainIO's netCDF-4 files as the
 * reference's loader reads them, and written as it packages them (spec §6.2). Contents exact.
 */

/** A coordinate along one dimension; missing numbers are NaN, missing text is null. */
export interface Coordinate {
  readonly dim: string;
  readonly dtype: DecodedDtype;
  readonly values: readonly (string | number | boolean | null)[];
}

/** An assembly in memory. */
export interface Assembly {
  readonly dims: readonly string[];
  readonly shape: readonly number[];
  readonly dtype: DecodedDtype;
  /** Row-major in the order of `dims`; integers are held as float64. */
  readonly values: Float64Array | Float32Array | readonly (string | number | boolean)[];
  /** By dimension in the order of `dims`, then in level order: the file's, stimulus_id, merged columns. */
  readonly coords: ReadonlyMap<string, Coordinate>;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** An assembly whose values are still in the file. */
export interface OpenAssembly extends Omit<Assembly, 'values' | 'dtype'> {
  readonly file: NetcdfFile;
  /** The data variable, as stored. */
  readonly variable: NetcdfVariable;
}

/** Attributes that say how values are stored, not what they mean. */
const encoding = new Set([
  '_FillValue',
  'missing_value',
  'scale_factor',
  'add_offset',
  'coordinates',
  'dtype',
  '_Encoding',
]);

/**
 * Reads an assembly whole; columns of `stimuli` that it lacks are merged in by stimulus_id.
 * @throws VentralError `netcdf-invalid`, `file-missing`, `stimuli-mismatch`
 */
export async function readAssembly(
  path: string,
  { stimuli }: { stimuli?: StimulusSet } = {},
): Promise<Assembly> {
  const { file, variable, ...described } = await openAssembly(path, stimuli);
  try {
    const { dtype, values } = await readDecoded(file, variable.name);
    return { ...described, dtype, values };
  } finally {
    await file.close();
  }
}

/**
 * Opens an assembly: everything but its values is read. The caller closes `file`.
 * @throws as {@link readAssembly}
 */
export async function openAssembly(path: string, stimuli?: StimulusSet): Promise<OpenAssembly> {
  const file = await openNetcdf(path);
  try {
    const variable = dataVariable(file);
    const { dims, shape } = squeezeCharacters(variable);
    const coords = await readCoords(file, variable, dims);
    const own = [...variable.attributes].filter(([name]) => !encoding.has(name));
    const attributes: Record<string, AttributeValue> = Object.fromEntries([
      ...file.root.attributes,
      ...own,
    ]);
    if (stimuli !== undefined) attributes.stimulus_set_identifier = stimuli.identifier;
    const merged = stimuli === undefined ? coords : mergeStimuli(coords, stimuli, path);
    return { file, variable, dims, shape, attributes, coords: byDimension(merged, dims) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function squeezeCharacters(variable: NetcdfVariable): Pick<NetcdfVariable, 'dims' | 'shape'> {
  const { dims, shape } = variable;
  return isCharArray(variable)
    ? { dims: dims.slice(0, -1), shape: shape.slice(0, -1) }
    : { dims, shape };
}

/**
 * The one variable that is not a coordinate: xarray lists coordinates in `coordinates` attributes.
 */
function dataVariable(file: NetcdfFile): NetcdfVariable {
  const { variables, dimensions, attributes } = file.root;
  const listed = new Set(
    [...variables.map((variable) => variable.attributes), attributes].flatMap((owner) =>
      String(owner.get('coordinates') ?? '').split(' '),
    ),
  );
  const data = variables.filter(({ name }) => !listed.has(name) && !dimensions.has(name));
  const named = data.find(
    ({ name }) => name === 'data' || name === '__xarray_dataarray_variable__',
  );
  const only = named ?? (data.length === 1 ? data[0] : undefined);
  if (only !== undefined) return only;
  const found = data.length === 0 ? 'none' : quotedList(data.map(({ name }) => name));
  throw new VentralError(
    'netcdf-invalid',
    `${file.name} is not an assembly: expected one data variable, found ${found}`,
    { file: file.name, expected: 'one data variable', found },
  );
}

async function readCoords(
  file: NetcdfFile,
  data: NetcdfVariable,
  dims: readonly string[],
): Promise<Map<string, Coordinate>> {
  const coords = new Map<string, Coordinate>();
  for (const variable of file.root.variables) {
    const own = squeezeCharacters(variable).dims;
    if (variable === data || own.length !== 1 || !dims.includes(own[0])) continue;
    if (variable.dtype === undefined) continue;
    const { dtype, values } = await readDecoded(file, variable.name);
    coords.set(variable.name, { dim: own[0], dtype, values: Array.from(values as Values) });
  }
  return renameSingleLevels(coords);
}

type Values = ArrayLike<string | number | boolean>;

/** A dimension's only coordinate, written as `<dim>_`, bears the name of its dimension. */
function renameSingleLevels(coords: ReadonlyMap<string, Coordinate>): Map<string, Coordinate> {
  const counts = new Map<string, number>();
  for (const { dim } of coords.values()) counts.set(dim, (counts.get(dim) ?? 0) + 1);
  return new Map(
    Array.from(coords, ([name, coordinate]) => {
      const { dim } = coordinate;
      return [name === `${dim}_` && counts.get(dim) === 1 ? dim : name, coordinate];
    }),
  );
}

/** Copies an old image_id to stimulus_id and joins the stimulus columns that are not there yet. */
function mergeStimuli(
  coords: Map<string, Coordinate>,
  stimuli: StimulusSet,
  file: string,
): Map<string, Coordinate> {
  const imageId = coords.get('image_id');
  if (!coords.has('stimulus_id') && imageId !== undefined) coords.set('stimulus_id', imageId);
  const ids = coords.get('stimulus_id');
  if (ids === undefined) return coords;
  const rows = new Map(stimuli.ids.map((id, row) => [String(id), row]));
  const index = ids.values.map((id) => rows.get(String(id)));
  refuseUnknown(ids.values.filter((_, i) => index[i] === undefined).map(String), stimuli, file);
  for (const [name, column] of stimuli.columns) {
    if (coords.has(name)) continue;
    const values = index.map((row) => column.values[row ?? 0]);
    coords.set(name, { dim: ids.dim, dtype: column.dtype, values });
  }
  return coords;
}

/** @throws VentralError `stimuli-mismatch` where recordings or trials refer to stimuli that the set does not have */
export function refuseUnknown(
  unknown: readonly string[],
  stimuli: StimulusSet,
  file: string,
): void {
  if (unknown.length === 0) return;
  const different = [...new Set(unknown)];
  const named = quotedList(different);
  throw new VentralError(
    'stimuli-mismatch',
    `${file} refers to ${different.length} stimuli that the stimulus set ${stimuli.identifier} does not have: ${named}`,
    {
      file,
      field: 'stimulus_id',
      expected: `ids of ${stimuli.identifier}`,
      found: named,
    },
  );
}

function byDimension(
  coords: ReadonlyMap<string, Coordinate>,
  dims: readonly string[],
): Map<string, Coordinate> {
  const entries = [...coords];
  return new Map(dims.flatMap((dim) => entries.filter(([, coordinate]) => coordinate.dim === dim)));
}

/** Values of a decoded array as text, for messages and for trials; missing values are empty. */
export function textValues(values: Coordinate['values'] | Decoded['values']): string[] {
  return Array.from(values as ArrayLike<string | number | boolean | null>, (value) =>
    value === null || Number.isNaN(value) ? '' : String(value),
  );
}

/**
 * Writes an assembly as BrainIO packages it (spec §6.2): every coordinate a variable of its own
 * along its dimension, a dimension's index as `<dim>_`, values in the variable `data`, attributes
 * promoted. `compress` deflates the values at level 9. Whole or not at all.
 * @throws RangeError where coordinates do not fit, `disk-full`
 */
export async function writeAssembly(
  path: string,
  assembly: Assembly,
  { compress = false }: { compress?: boolean } = {},
): Promise<void> {
  const dimensions = new Map(assembly.dims.map((dim, i) => [dim, assembly.shape[i]]));
  const coords = Array.from(assembly.coords, ([name, coordinate]) =>
    coordinateVariable(dimensions.has(name) ? `${name}_` : name, coordinate),
  );
  const coordinates = coords.map(({ name }) => name).join(' ');
  const stored = toStored(assembly.dtype, assembly.values);
  const data: VariableToWrite = {
    name: 'data',
    dims: assembly.dims,
    ...stored,
    compress,
    attributes: {
      ...fillOf(stored.dtype),
      ...stored.attributes,
      ...assembly.attributes,
      ...(coordinates === '' ? {} : { coordinates }),
    },
  };
  await writeNetcdf(path, {
    dimensions,
    variables: [...coords, data],
    attributes: assembly.attributes,
  });
}

function coordinateVariable(name: string, { dim, dtype, values }: Coordinate): VariableToWrite {
  const stored = toStored(dtype, values);
  return {
    name,
    dims: [dim],
    ...stored,
    attributes: { ...fillOf(stored.dtype), ...stored.attributes },
  };
}

/** xarray marks missing floats by NaN as fill value. */
function fillOf(dtype: NetcdfDtype): Record<string, AttributeValue> {
  return dtype === 'float32' || dtype === 'float64' ? { _FillValue: Number.NaN } : {};
}

interface Stored {
  readonly dtype: NetcdfDtype;
  readonly values: NetcdfValues;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** Values in their stored type: booleans as int8, missing text empty, integers as they were. */
function toStored(dtype: DecodedDtype, values: Assembly['values'] | Coordinate['values']): Stored {
  const list = values as ArrayLike<string | number | boolean | null>;
  if (dtype === 'bool') {
    return { dtype: 'int8', values: Int8Array.from(list, Number), attributes: { dtype: 'bool' } };
  }
  if (dtype === 'string') {
    const text = Array.from(list, (value) => (value === null ? '' : String(value)));
    return { dtype, values: text, attributes: {} };
  }
  const stored = numbers(dtype, list);
  return { dtype, values: stored, attributes: {} };
}

function numbers(
  dtype: Exclude<DecodedDtype, 'bool' | 'string'>,
  list: ArrayLike<string | number | boolean | null>,
): NetcdfValues {
  if (dtype === 'float32')
    return list instanceof Float32Array ? list : Float32Array.from(list, Number);
  if (dtype === 'float64')
    return list instanceof Float64Array ? list : Float64Array.from(list, Number);
  if (dtype === 'int64') return BigInt64Array.from(list, toBigInt);
  if (dtype === 'uint64') return BigUint64Array.from(list, toBigInt);
  return integerArrays[dtype].from(list as ArrayLike<number>);
}

const integerArrays = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
} as const;

const toBigInt = (value: string | number | boolean | null) => BigInt(value ?? 0);
