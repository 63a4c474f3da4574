import { resolve } from 'node:path';
import type { Attribute, Dataset, File, Group } from 'h5wasm/node';
import { VentralError } from '../errors/ventral-error.js';
import { type Hdf5Library, hdf5Library } from './hdf5-library.js';
import {
  type AttributeValue,
  type Hyperslab,
  type NetcdfDtype,
  type NetcdfGroup,
  type NetcdfValues,
  type NetcdfVariable,
  plainNumber,
} from './netcdf.js';

/**
 * Reads a netCDF-4 file through the HDF5 library, which garbage can make hang or abort: it runs in
 * a thread of its own (netcdf-worker.ts), and netcdf.ts is what others use.
 */

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

/** An open netCDF-4 file; made by {@link NetcdfReader.open}. */
export class NetcdfReader {
  readonly #file: File;
  readonly #datasets = new Map<string, Dataset>();
  /** The root group: what the file holds. */
  readonly root: NetcdfGroup;

  /** Opens a file in this thread. Throws `netcdf-invalid`. */
  static async open(path: string, name: string): Promise<NetcdfReader> {
    return new NetcdfReader(await hdf5Library(), resolve(path), name);
  }

  private constructor(
    private readonly library: Hdf5Library,
    path: string,
    readonly name: string,
  ) {
    this.#file = this.#guard(() => new library.File(path, 'r'));
    this.root = this.#guard(() => this.#group(this.#file, '', 0));
  }

  /** Values of a block that lies inside a variable whose type is read. */
  read(path: string, { start, count }: Hyperslab): NetcdfValues {
    const dataset = this.#datasets.get(path);
    if (dataset === undefined) return this.#refuse(`${path} is not there`);
    const { metadata } = dataset;
    const isCharacter = metadata.type === 3 && !metadata.vlen && metadata.size === 1;
    if (isCharacter) return this.#guard(() => this.#characters(dataset, { start, count }));
    if (count.length === 0) return this.#guard(() => scalarArray(dataset.value));
    const ranges = count.map((length, i): [number, number] => [start[i], start[i] + length]);
    return this.#guard(() => dataset.slice(ranges)) as NetcdfValues;
  }

  /** Single bytes as Latin-1 characters: h5wasm would decode each byte of a UTF-8 sequence alone. */
  #characters(dataset: Dataset, slab: Hyperslab): string[] {
    const module = this.library.Module;
    const [start, count] = [slab.start.map(BigInt), slab.count.map(BigInt)];
    const length = slab.count.reduce((product, n) => product * n, 1);
    const pointer = module._malloc(length);
    try {
      const strides = count.map(() => 1n);
      const { file_id, path } = dataset;
      module.get_dataset_data(file_id, path, count, start, strides, BigInt(pointer));
      return [...Buffer.from(module.HEAPU8.slice(pointer, pointer + length)).toString('latin1')];
    } finally {
      module._free(pointer);
    }
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

const integers: readonly string[] = [
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
] satisfies NetcdfDtype[];

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
  return integers.includes(name) ? (name as NetcdfDtype) : undefined;
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
