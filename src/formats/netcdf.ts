import { resolve } from 'node:path';
import type { Attribute, Dataset, File, Group } from 'h5wasm/node';
import { VentralError } from '../errors/ventral-error.js';
import {
  checkHdf5Start,
  discardHdf5Library,
  type Hdf5Library,
  hdf5Library,
} from './hdf5-library.js';

/**
 * netCDF-4 files as xarray and netCDF4 write them: HDF5 with dimension scales. Variables and
 * dimensions come in file order, which the reference's presentation order depends on (spec §2.4).
 * Values are read by hyperslab, so that a file may be larger than memory.
 */

/** Names of the stored types, as numpy calls them; `string` is text of fixed or variable length. */
export type NetcdfDtype =
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float32'
  | 'float64'
  | 'string';

/** Values of a variable as stored, row-major. */
export type NetcdfValues =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array
  | readonly string[];

/** Value of an attribute: text, a number, or several; an int64 beyond 2⁵³ is decimal text. */
export type AttributeValue = string | number | readonly (string | number)[];

/** A block of a variable: its first index and its length along every dimension. */
export interface Hyperslab {
  readonly start: readonly number[];
  readonly count: readonly number[];
}

/** A variable as it is stored. */
export interface NetcdfVariable {
  readonly name: string;
  readonly dims: readonly string[];
  readonly shape: readonly number[];
  /** Undefined for a type that is listed but not read (compound, opaque). */
  readonly dtype: NetcdfDtype | undefined;
  /** Bytes of a fixed-length string element; char arrays have 1. */
  readonly stringLength?: number;
  readonly chunks: readonly number[] | null;
  readonly filters: {
    readonly zlib: boolean;
    readonly complevel: number;
    readonly shuffle: boolean;
    readonly fletcher32: boolean;
  };
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

/** The root or a named group. */
export interface NetcdfGroup {
  readonly name: string;
  readonly dimensions: ReadonlyMap<string, number>;
  readonly variables: readonly NetcdfVariable[];
  readonly groups: readonly NetcdfGroup[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

/** Attributes that make HDF5 a netCDF file and that netCDF itself does not show. */
const internal = new Set([
  'CLASS',
  'NAME',
  'REFERENCE_LIST',
  'DIMENSION_LIST',
  '_Netcdf4Dimid',
  '_Netcdf4Coordinates',
  '_NCProperties',
  '_nc3_strict',
]);
const noVariable = 'This is a netCDF dimension but not a netCDF variable';
const maxGroupDepth = 32;

/** An open netCDF-4 file; made by {@link openNetcdf}. */
export class NetcdfFile {
  readonly #file: File;
  readonly #datasets = new Map<string, Dataset>();
  /** The root group: what the file holds. */
  readonly root: NetcdfGroup;

  constructor(
    private readonly library: Hdf5Library,
    path: string,
    readonly name: string,
  ) {
    this.#file = this.#guard(() => new library.File(path, 'r'));
    this.root = this.#guard(() => this.#group(this.#file, '', 0));
  }

  /** A variable by its path (`data`, `group/data`). Throws `netcdf-invalid` where it is not there. */
  variable(path: string): NetcdfVariable {
    const parts = path.split('/');
    const name = parts.pop();
    let group: NetcdfGroup | undefined = this.root;
    for (const part of parts) group = group?.groups.find((inner) => inner.name === part);
    return group?.variables.find((variable) => variable.name === name) ?? this.#absent(path);
  }

  /** Values of a variable as stored (not unpacked), row-major: all of them, or one hyperslab. */
  async read(path: string, slab?: Hyperslab): Promise<NetcdfValues> {
    const dataset = this.#datasets.get(path) ?? this.#absent(path);
    if (this.variable(path).dtype === undefined) {
      this.#refuse(`the type of ${path} is neither a number nor text`);
    }
    const { shape } = this.variable(path);
    const counts = slab?.count ?? shape;
    if (counts.some((length) => length === 0)) return this.#empty(path);
    const ranges = counts.map((length, i): [number, number] => {
      const from = slab?.start[i] ?? 0;
      if (!(from >= 0 && from + length <= shape[i])) {
        throw new RangeError(`${from} to ${from + length} is outside dimension ${i} of ${path}`);
      }
      return [from, from + length];
    });
    if (this.variable(path).stringLength === 1)
      return this.#guard(() => this.#chars(dataset, ranges));
    const value = this.#guard(() => (shape.length === 0 ? dataset.value : dataset.slice(ranges)));
    return (shape.length === 0 ? scalarArray(value) : value) as NetcdfValues;
  }

  /** Lets the file go; further reads fail. */
  async close(): Promise<void> {
    this.#guard(() => this.#file.close());
  }

  /** Single bytes as Latin-1 characters: h5wasm would decode each byte of a UTF-8 sequence alone. */
  #chars(dataset: Dataset, ranges: readonly (readonly [number, number])[]): string[] {
    const module = this.library.Module;
    const count = ranges.map(([from, to]) => BigInt(to - from));
    const length = Number(count.reduce((product, n) => product * n, 1n));
    const pointer = module._malloc(Math.max(1, length));
    try {
      const offset = ranges.map(([from]) => BigInt(from));
      const strides = ranges.map(() => 1n);
      const { file_id, path } = dataset;
      module.get_dataset_data(file_id, path, count, offset, strides, BigInt(pointer));
      return [...Buffer.from(module.HEAPU8.slice(pointer, pointer + length)).toString('latin1')];
    } finally {
      module._free(pointer);
    }
  }

  #empty(path: string): NetcdfValues {
    const { dtype } = this.variable(path);
    return dtype === 'string' || dtype === undefined ? [] : new arrays[dtype](0);
  }

  #absent(path: string): never {
    throw new VentralError('netcdf-invalid', `${this.name} has no variable ${path}`, {
      file: this.name,
      field: path,
      expected: `a variable ${path}`,
      found: 'none of that name',
    });
  }

  #refuse(found: string, cause?: unknown): never {
    const sentence = `${this.name} is not a readable netCDF-4 file: ${found}`;
    throw new VentralError('netcdf-invalid', sentence, { file: this.name, found, cause });
  }

  /** Runs a call into the library; whatever it throws, aborts and traps included, is `netcdf-invalid`. */
  #guard<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      if (error instanceof VentralError || error instanceof RangeError) throw error;
      discardHdf5Library();
      return this.#refuse('the HDF5 library cannot make sense of its content', error);
    }
  }

  #group(group: Group, path: string, depth: number): NetcdfGroup {
    if (depth > maxGroupDepth) this.#refuse('its groups are nested too deeply');
    const { Dataset: DatasetClass, Group: GroupClass } = this.library;
    const members = group.keys().map((name) => ({ name, entity: group.get(name) }));
    const sets = members.flatMap(({ name, entity }) =>
      entity instanceof DatasetClass ? [{ name, dataset: entity }] : [],
    );
    const variables = sets
      .filter(({ dataset }) => !scaleName(dataset).startsWith(noVariable))
      .map(({ name, dataset }) => this.#variable(name, dataset, path));
    const groups = members.flatMap(({ name, entity }) =>
      entity instanceof GroupClass ? [this.#group(entity, `${path}${name}/`, depth + 1)] : [],
    );
    const name = path.split('/').at(-2) ?? '';
    return {
      name,
      dimensions: dimensionsOf(sets),
      variables,
      groups,
      attributes: attributesOf(group),
    };
  }

  #variable(name: string, dataset: Dataset, path: string): NetcdfVariable {
    this.#datasets.set(path + name, dataset);
    const { metadata } = dataset;
    const shape = metadata.shape ?? [];
    const deflate = dataset.filters.find((filter) => filter.id === 1);
    const isFixedText = metadata.type === 3 && !metadata.vlen;
    return {
      name,
      shape,
      dims: shape.map((length, i) => {
        const scale = dataset.get_attached_scales(i)[0]?.split('/').at(-1);
        return (
          scale ?? (shape.length === 1 && isScale(dataset) ? name : `phony_dim_${i}_${length}`)
        );
      }),
      dtype: dtypeOf(metadata),
      ...(isFixedText ? { stringLength: metadata.size } : {}),
      chunks: metadata.chunks ?? null,
      filters: {
        zlib: deflate !== undefined,
        complevel: deflate?.cd_values[0] ?? 0,
        shuffle: dataset.filters.some((filter) => filter.id === 2),
        fletcher32: dataset.filters.some((filter) => filter.id === 3),
      },
      attributes: attributesOf(dataset),
    };
  }
}

/**
 * Opens a netCDF-4 file for reading; `name` is how messages call it (its path by default).
 * Throws `file-missing`, or `netcdf-invalid` for anything that is not such a file.
 */
export async function openNetcdf(path: string, name: string = path): Promise<NetcdfFile> {
  checkHdf5Start(path, name);
  return new NetcdfFile(await hdf5Library(), resolve(path), name);
}

/** An int64 as a number where that is exact, else as decimal text, so that ids never collide. */
export function plainNumber<T extends number | string>(value: T | bigint): T | number | string {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

const arrays = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** h5wasm gives the element itself for a variable without dimensions. */
function scalarArray(value: unknown): NetcdfValues {
  if (typeof value === 'string') return [value];
  if (typeof value === 'bigint') return BigInt64Array.of(value);
  return Float64Array.of(Number(value));
}

/** HDF5's type classes 0 (integer), 1 (float), 3 (text) and 8 (enumeration, read as its integers). */
function dtypeOf(metadata: Dataset['metadata']): NetcdfDtype | undefined {
  const { type, size, signed } = metadata;
  if (type === 3) return 'string';
  if (type === 1) return size === 4 ? 'float32' : size === 8 ? 'float64' : undefined;
  if (type !== 0 && type !== 8) return undefined;
  const name = `${signed ? '' : 'u'}int${size * 8}`;
  return name in arrays ? (name as NetcdfDtype) : undefined;
}

function textAttribute(dataset: Dataset, name: string): string {
  const attribute = dataset.attrs[name];
  const value = attribute?.metadata.type === 3 ? attribute.value : undefined;
  return typeof value === 'string' ? value : '';
}

const isScale = (dataset: Dataset) => textAttribute(dataset, 'CLASS') === 'DIMENSION_SCALE';
const scaleName = (dataset: Dataset) => textAttribute(dataset, 'NAME');

/** The dimension scales of a group, by netCDF's dimension id where it is given. */
function dimensionsOf(sets: readonly { name: string; dataset: Dataset }[]): Map<string, number> {
  const scales = sets.filter(({ dataset }) => isScale(dataset));
  const ids = scales.map(({ name, dataset }, i) => {
    const id = dataset.attrs._Netcdf4Dimid;
    return { name, length: dataset.shape?.[0] ?? 1, id: id === undefined ? i : Number(id.value) };
  });
  ids.sort((a, b) => a.id - b.id);
  return new Map(ids.map(({ name, length }) => [name, length]));
}

function attributesOf(owner: Dataset | Group): Map<string, AttributeValue> {
  const attributes = new Map<string, AttributeValue>();
  for (const name of Object.keys(owner.attrs)) {
    if (internal.has(name)) continue;
    const value = attributeValue(owner.attrs[name]);
    if (value !== undefined) attributes.set(name, value);
  }
  return attributes;
}

function attributeValue(attribute: Attribute): AttributeValue | undefined {
  if (dtypeOf(attribute.metadata as Dataset['metadata']) === undefined) return undefined;
  const { value } = attribute;
  if (value === null) return attribute.metadata.type === 3 ? '' : [];
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'bigint') return plainNumber(value);
  const values = Array.from(value as ArrayLike<string | number | bigint>, plainNumber);
  return values.length === 1 ? values[0] : values;
}
