import { fstatSync, openSync } from 'node:fs';
import type { Attribute, Dataset, Entity, Group } from 'h5wasm';
import { quoted } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import { ObjectHeaders } from './hdf5-headers.js';
import { type Hdf5Library, hdf5Library, openOnlyFile } from './hdf5-library.js';
import {
  type AttributeValue,
  type Hyperslab,
  type NetcdfDtype,
  type NetcdfGroup,
  type NetcdfValues,
  type NetcdfVariable,
  plainNumber,
} from './netcdf-content.js';

/**
 * Reads a netCDF-4 file through the HDF5 library, which a damaged file can make hang or abort: it runs in
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
/** Groups, datasets and attributes of one file. */
const maxObjects = 50_000;
/** Filters that the library has (deflate, shuffle, fletcher32, szip, nbit, scale-offset): it would look for others in files. */
const knownFilters = 6;
/** Bytes of a block that is read at once, and of a chunk, which is unpacked whole. */
const maxBytes = 2 ** 30;
/** Deflate shrinks to a thousandth at best; what a file may say to hold without holding it. */
const maxGrowth = 1100;
const alwaysFine = 2 ** 26;

/** An open netCDF-4 file; made by {@link NetcdfReader.open}. */
export class NetcdfReader {
  readonly #datasets = new Map<string, Dataset>();
  readonly #headers: ObjectHeaders;
  readonly #size: number;
  readonly #groups = new Set<bigint>();
  #objects = 0;
  /** The root group: what the file holds. */
  readonly root: NetcdfGroup;

  /**
   * Opens a file in this thread, for as long as the thread lives; `hidden` are bytes before its HDF5 content.
   * @throws VentralError `netcdf-invalid`
   */
  static async open(path: string, name: string, hidden: number): Promise<NetcdfReader> {
    return new NetcdfReader(await hdf5Library(), openSync(path, 'r'), name, hidden);
  }

  readonly #library: Hdf5Library;

  private constructor(
    library: Hdf5Library,
    descriptor: number,
    readonly name: string,
    hidden: number,
  ) {
    this.#library = library;
    this.#size = fstatSync(descriptor).size;
    this.#headers = new ObjectHeaders(descriptor, (found) => this.#refuse(found), hidden);
    this.#headers.checkSuperblock();
    const { file } = this.#guard(() => openOnlyFile(library, descriptor, 'read', hidden));
    this.root = this.#guard(() => {
      this.#enter(this.#checkObject(file, '/', 'its root group'), '/');
      return this.#group(file, '', 0);
    });
  }

  /** Values of a block that lies inside a variable whose type is read. */
  read(path: string, { start, count }: Hyperslab): NetcdfValues {
    const dataset = this.#datasets.get(path);
    if (dataset === undefined) return this.#refuse(`${path} does not exist`);
    const { metadata } = dataset;
    this.#checkSize(path, metadata.size * count.reduce((product, length) => product * length, 1));
    const isCharacter = metadata.type === 3 && !metadata.vlen && metadata.size === 1;
    if (isCharacter) return this.#guard(() => this.#characters(dataset, { start, count }));
    if (count.length === 0) return this.#guard(() => scalarArray(dataset.value));
    const ranges = count.map((length, i): [number, number] => [start[i], start[i] + length]);
    return this.#guard(() => dataset.slice(ranges)) as NetcdfValues;
  }

  /** Single bytes as Latin-1 characters: h5wasm would decode each byte of a UTF-8 sequence alone. */
  #characters(dataset: Dataset, slab: Hyperslab): string[] {
    const module = this.#library.Module;
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
      if (error instanceof VentralError) throw error;
      return this.#refuse('the HDF5 library cannot make sense of its content', error);
    }
  }

  /** @throws for more bytes than may be held at once, or than a file of this size can be meant to hold */
  #checkSize(path: string, bytes: number): void {
    const most = Math.min(maxBytes, Math.max(alwaysFine, this.#size * maxGrowth));
    if (bytes <= most) return;
    this.#refuse(`${quoted(path)} takes ${bytes} bytes, the maximum is ${most}`);
  }

  /**
   * A member of a group.
   * @throws unless it is linked as a part of this file and its data are in this file; nothing of it is opened
   *   before
   */
  #member(group: Group, name: string, path: string): { entity: Entity | null; address: bigint } {
    const what = quoted(`/${path}${name}`);
    const at = `/${path}${name}`;
    const { Module } = this.#library;
    const { file_id } = group;
    if (name.includes('/') || name === '') this.#refuse(`${what} is not an object name`);
    if (Module.get_symbolic_link(file_id, at) !== null) this.#refuse(`${what} is a soft link`);
    if ('filename' in Module.get_external_link(file_id, at)) {
      this.#refuse(`${what} is a link to another file`);
    }
    const address = this.#checkObject(group, at, what);
    const entity = group.get(at);
    if (entity instanceof this.#library.ExternalLink)
      this.#refuse(`${what} is a link of unknown kind`);
    return { entity, address };
  }

  /** Address of an object whose header says that its data are here. */
  #checkObject({ file_id }: Group, at: string, what: string): bigint {
    this.#spend(1);
    const reference = this.#library.Module.create_object_reference(file_id, at);
    const address = Buffer.from(reference).readBigUInt64LE();
    this.#headers.check(address, what);
    return address;
  }

  /** @throws for a group that was read under another name: links that lead back never end */
  #enter(address: bigint, path: string): void {
    if (this.#groups.has(address)) this.#refuse(`group ${quoted(path)} has two names`);
    this.#groups.add(address);
  }

  #spend(objects: number): void {
    this.#objects += objects;
    if (this.#objects > maxObjects) this.#refuse(`it has more than ${maxObjects} parts`);
  }

  #group(group: Group, path: string, depth: number): NetcdfGroup {
    if (depth > maxGroupDepth) this.#refuse('its groups are nested too deeply');
    const { Dataset: DatasetClass, Group: GroupClass } = this.#library;
    const members = group.keys().map((name) => ({ name, ...this.#member(group, name, path) }));
    const sets = members.flatMap(({ name, entity }) =>
      entity instanceof DatasetClass ? [{ name, dataset: entity }] : [],
    );
    const variables = sets
      .filter(({ dataset }) => !scaleName(dataset).startsWith(noVariable))
      .map(({ name, dataset }) => this.#variable(name, dataset, path));
    const groups = members.flatMap(({ name, entity, address }) => {
      if (!(entity instanceof GroupClass)) return [];
      this.#enter(address, `/${path}${name}`);
      return [this.#group(entity, `${path}${name}/`, depth + 1)];
    });
    const name = path.split('/').at(-2) ?? '';
    return {
      name,
      dimensions: dimensionsOf(sets),
      variables,
      groups,
      attributes: this.#attributes(group),
    };
  }

  #attributes(owner: Dataset | Group): Map<string, AttributeValue> {
    const { attrs } = owner;
    this.#spend(Object.keys(attrs).length);
    return attributesOf(attrs);
  }

  #variable(name: string, dataset: Dataset, path: string): NetcdfVariable {
    this.#datasets.set(path + name, dataset);
    const { metadata, filters } = dataset;
    const shape = metadata.shape ?? [];
    this.#checkStorage(quoted(`/${path}${name}`), metadata, filters);
    const deflate = filters.find((filter) => filter.id === 1);
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
        shuffle: filters.some((filter) => filter.id === 2),
        fletcher32: filters.some((filter) => filter.id === 3),
      },
      attributes: this.#attributes(dataset),
    };
  }

  /** @throws for data that are elsewhere, filters that are not built in or are applied twice, and decompression bombs */
  #checkStorage(what: string, metadata: Dataset['metadata'], filters: Dataset['filters']): void {
    if (metadata.virtual_sources !== undefined) this.#refuse(`${what} is virtual`);
    const other = filters.find(({ id }) => id < 1 || id > knownFilters);
    if (other) this.#refuse(`${what} needs filter ${other.id}, which is not supported`);
    if (new Set(filters.map(({ id }) => id)).size < filters.length) {
      this.#refuse(`${what} is packed twice by one filter`);
    }
    const chunk = (metadata.chunks ?? []).reduce((product, n) => product * n, metadata.size);
    if (chunk > maxBytes) this.#refuse(`${what} has chunks of ${chunk} bytes`);
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

function attributesOf(found: Readonly<Record<string, Attribute>>): Map<string, AttributeValue> {
  const attributes = new Map<string, AttributeValue>();
  for (const [name, attribute] of Object.entries(found)) {
    if (internal.has(name)) continue;
    const value = attributeValue(attribute);
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
