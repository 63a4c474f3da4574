import { closeSync, openSync } from 'node:fs';
import type { Dataset, File, Group } from 'h5wasm';
import { VentralError } from '../errors/ventral-error.js';
import { discardHdf5Library, hdf5Library, openOnlyFile } from './hdf5-library.js';
import type { AttributeValue, NetcdfDtype, NetcdfValues } from './netcdf-content.js';
import type { OnlyFile } from './one-file.js';
import { replaceFile } from './write-file-atomic.js';

/** netCDF-4 files that netCDF4 and xarray open: HDF5 with dimension scales in order of creation. */

/** A variable to write. */
export interface VariableToWrite {
  readonly name: string;
  /** Names of its dimensions, all among those of the file. */
  readonly dims: readonly string[];
  readonly dtype: NetcdfDtype;
  /** Row-major; a typed array of `dtype`, or text. */
  readonly values: NetcdfValues;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Deflates the values at level 9; text is never compressed. */
  readonly compress?: boolean;
}

/** The content of a file to write. */
export interface NetcdfToWrite {
  readonly dimensions: ReadonlyMap<string, number>;
  readonly variables: readonly VariableToWrite[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** h5wasm's codes of element types; `S` is variable-length UTF-8. */
const codes: Readonly<Record<NetcdfDtype, string>> = {
  int8: '<b',
  uint8: '<B',
  int16: '<h',
  uint16: '<H',
  int32: '<i',
  uint32: '<I',
  int64: '<q',
  uint64: '<Q',
  float32: '<f',
  float64: '<d',
  string: 'S',
};

const chunkBytes = 4 * 2 ** 20;

/**
 * Writes a netCDF-4 file, whole or not at all.
 * @throws RangeError where values do not fit their dimensions, `disk-full`, and `internal` where the HDF5 library
 *   fails
 */
export async function writeNetcdf(path: string, content: NetcdfToWrite): Promise<void> {
  checkShapes(content);
  const library = await hdf5Library();
  await replaceFile(path, async (temporary) => {
    const descriptor = openSync(temporary, 'wx+');
    let disk: OnlyFile | undefined;
    try {
      const opened = openOnlyFile(library, descriptor, 'write');
      disk = opened.disk;
      try {
        fill(opened.file, content);
      } finally {
        opened.file.close();
      }
    } catch (error) {
      discardHdf5Library();
      throw writeError(disk?.failure() ?? error, path);
    } finally {
      closeSync(descriptor);
    }
  });
}

function checkShapes({ dimensions, variables }: NetcdfToWrite): void {
  for (const [name, length] of dimensions) {
    // A length of zero would mean an unlimited dimension to netCDF.
    if (!(length > 0)) throw new RangeError(`dimension ${name} has length ${length}`);
  }
  for (const { name, dims, values } of variables) {
    const count = dims.reduce((product, dim) => product * (dimensions.get(dim) ?? Number.NaN), 1);
    if (values.length !== count) {
      throw new RangeError(`${name} has ${values.length} values for ${dims.join(' × ')}`);
    }
  }
}

function writeError(error: unknown, path: string): VentralError {
  const message = String(error instanceof Error ? error.message : error);
  if (/ENOSPC|EDQUOT|no space left|quota exceeded/i.test(message)) {
    return new VentralError('disk-full', `No space left on the disk for ${path}`, {
      file: path,
      cause: error,
    });
  }
  return new VentralError('internal', `${path} could not be written`, { file: path, cause: error });
}

function fill(file: File, { dimensions, variables, attributes = {} }: NetcdfToWrite): void {
  const names = [...dimensions.keys()];
  const own = new Set(variables.map(({ name }) => name));
  for (const [name, length] of dimensions) {
    if (!own.has(name)) makeDimension(file, name, length, names.indexOf(name));
  }
  for (const variable of variables) makeVariable(file, variable, dimensions);
  for (const { name, dims } of variables) {
    const dataset = file.get(name) as Dataset;
    if (dims.length === 1 && dims[0] === name) makeScale(dataset, name, names.indexOf(name));
  }
  for (const { name, dims } of variables) {
    if (dims.length === 1 && dims[0] === name) continue;
    dims.forEach((dim, i) => {
      (file.get(name) as Dataset).attach_scale(i, `/${dim}`);
    });
  }
  for (const [name, value] of Object.entries(attributes)) setAttribute(file, name, value);
}

/** A dimension without a variable of its name: an empty scale that says so in netCDF's words. */
function makeDimension(file: File, name: string, length: number, id: number): void {
  const data = new Float32Array(length);
  const dataset = file.create_dataset({ name, data, shape: [length], dtype: '<f' });
  const padded = String(length).padStart(10);
  makeScale(dataset, `This is a netCDF dimension but not a netCDF variable.${padded}`, id);
}

function makeScale(dataset: Dataset, name: string, id: number): void {
  dataset.make_scale(name);
  dataset.create_attribute('_Netcdf4Dimid', Int32Array.of(id), [], '<i');
}

function makeVariable(
  file: File,
  variable: VariableToWrite,
  dimensions: ReadonlyMap<string, number>,
): void {
  const { name, dims, dtype, values, attributes = {} } = variable;
  const shape = dims.map((dim) => dimensions.get(dim) ?? 0);
  const isCompressed = variable.compress === true && dtype !== 'string' && shape.length > 0;
  const dataset = file.create_dataset({
    name,
    data: (dtype === 'string' ? [...(values as readonly string[])] : values) as Float64Array,
    shape,
    dtype: codes[dtype],
    ...(isCompressed ? { chunks: chunksOf(shape, values), compression: 9 } : {}),
    track_order: true,
  });
  for (const [key, value] of Object.entries(attributes)) {
    if (key === '_FillValue') setFillValue(dataset, dtype, Number(value));
    else setAttribute(dataset, key, value);
  }
}

/** Whole rows in chunks of a few megabytes. */
function chunksOf(shape: readonly number[], values: NetcdfValues): number[] {
  const bytes = 'byteLength' in values ? values.byteLength : 0;
  const rowBytes = Math.max(1, bytes / shape[0]);
  const rows = Math.min(shape[0], Math.max(1, Math.floor(chunkBytes / rowBytes)));
  return [rows, ...shape.slice(1)];
}

/** netCDF asks for the fill value in the type of the variable. */
function setFillValue(dataset: Dataset, dtype: NetcdfDtype, value: number): void {
  const typed = dtype === 'float32' ? Float32Array.of(value) : Float64Array.of(value);
  dataset.create_attribute('_FillValue', typed, [1], codes[dtype]);
}

function setAttribute(owner: Dataset | Group, name: string, value: AttributeValue): void {
  const list = Array.isArray(value) ? (value as readonly (string | number)[]) : undefined;
  if (list === undefined) {
    if (typeof value === 'string') owner.create_attribute(name, value, [], 'S');
    else setNumbers(owner, name, [Number(value)]);
  } else if (list.every((item) => typeof item === 'number'))
    setNumbers(owner, name, list.map(Number));
  else owner.create_attribute(name, list.map(String), [list.length], 'S');
}

function setNumbers(owner: Dataset | Group, name: string, values: readonly number[]): void {
  const isInteger = values.every(Number.isSafeInteger);
  const data = isInteger ? BigInt64Array.from(values, BigInt) : Float64Array.from(values);
  owner.create_attribute(name, data, [values.length], isInteger ? '<q' : '<d');
}
