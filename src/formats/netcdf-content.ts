/**
 * netCDF-4 files as xarray and netCDF4 write them: HDF5 with dimension scales. Variables and
 * dimensions come in file order, which the reference's presentation order depends on (spec §2.4).
 * Values are read by hyperslab, so that a file may be larger than memory. Every file is read in a
 * thread of its own, which a damaged file may crash or hang without harm to anything else.
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

/** An int64 as a number where that is exact, else as decimal text, so that ids never collide. */
export function plainNumber<T extends number | string>(value: T | bigint): T | number | string {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}
