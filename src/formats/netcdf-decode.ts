import type { NetcdfFile } from './netcdf.js';
import { type NetcdfValues, type NetcdfVariable, plainNumber } from './netcdf-content.js';

/**
 * From stored to meant values, as xarray 2022.3 decodes CF conventions: packed integers, fill
 * values, booleans stored as int8, char arrays as text. Times stay numbers. Exact.
 */

/** Type of decoded values; int64 and uint64 are held as float64 (or decimal text where not exact). */
export type DecodedDtype = Exclude<NetcdfVariable['dtype'], undefined> | 'bool';

/** Decoded values of a variable, row-major. */
export interface Decoded {
  readonly dims: readonly string[];
  readonly shape: readonly number[];
  readonly dtype: DecodedDtype;
  readonly values: Float64Array | Float32Array | readonly (string | number | boolean)[];
}

/** True where the last dimension of the variable counts the characters of one text. */
export function isCharArray(variable: NetcdfVariable): boolean {
  return variable.stringLength === 1 && variable.dims.length > 0;
}

/**
 * Reads and decodes a whole variable.
 * @throws VentralError `netcdf-invalid`
 */
export async function readDecoded(file: NetcdfFile, path: string): Promise<Decoded> {
  const variable = file.variable(path);
  const stored = await file.read(path);
  if (isCharArray(variable)) return joinCharacters(variable, stored as readonly string[]);
  return { dims: variable.dims, shape: variable.shape, ...decodeValues(variable, stored) };
}

/**
 * Decodes stored values of a variable (all of them or a hyperslab) by its attributes. The result's
 * dtype is xarray's: a mask makes floats of integers (float32 up to 16 bits, else float64), and so
 * does a scale (float32 only without offset, unless the mask made it float32 before).
 */
export function decodeValues(
  variable: NetcdfVariable,
  stored: NetcdfValues,
): Pick<Decoded, 'dtype' | 'values'> {
  const { attributes, dtype = 'float64' } = variable;
  if (dtype === 'string') return { dtype, values: stored as readonly string[] };
  if (attributes.get('dtype') === 'bool') {
    return { dtype: 'bool', values: Array.from(stored as ArrayLike<number>, Boolean) };
  }
  const numbers = plainNumbers(stored);
  const fills = ['_FillValue', 'missing_value'].flatMap((name) => numbersOf(attributes.get(name)));
  const scale = numbersOf(attributes.get('scale_factor'))[0];
  const offset = numbersOf(attributes.get('add_offset'))[0];
  let out: DecodedDtype = dtype;
  if (fills.length > 0) out = maskedDtype(out);
  const isPacked = scale !== undefined || offset !== undefined;
  if (isPacked) out = scaledDtype(out, offset !== undefined);
  if (!isPacked && out === dtype && fills.every(Number.isNaN)) return { dtype, values: numbers };
  const target = new (out === 'float32' ? Float32Array : Float64Array)(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const value = Number(numbers[i]);
    target[i] = fills.includes(value) ? Number.NaN : value;
    // One store after each step: numpy multiplies and adds in place, rounding to the dtype each time.
    if (scale !== undefined) target[i] *= scale;
    if (offset !== undefined) target[i] += offset;
  }
  return { dtype: out, values: target };
}

function plainNumbers(
  stored: NetcdfValues,
): Float64Array | Float32Array | readonly (string | number)[] {
  if (stored instanceof Float64Array || stored instanceof Float32Array) return stored;
  if (!(stored instanceof BigInt64Array || stored instanceof BigUint64Array)) {
    return Float64Array.from(stored as ArrayLike<number>);
  }
  const plain = Array.from<bigint, string | number>(stored, plainNumber);
  return plain.some((value) => typeof value === 'string')
    ? plain
    : Float64Array.from(plain, Number);
}

function numbersOf(value: unknown): number[] {
  const list = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return list.filter((item) => item !== '').map(Number);
}

const isFloat = (dtype: DecodedDtype) => dtype === 'float32' || dtype === 'float64';
const isShort = (dtype: DecodedDtype) => /^u?int(8|16)$/.test(dtype);

function maskedDtype(dtype: DecodedDtype): DecodedDtype {
  if (isFloat(dtype)) return dtype;
  return isShort(dtype) ? 'float32' : 'float64';
}

function scaledDtype(dtype: DecodedDtype, hasOffset: boolean): DecodedDtype {
  if (dtype === 'float32' || (isShort(dtype) && !hasOffset)) return 'float32';
  return 'float64';
}

function joinCharacters(variable: NetcdfVariable, characters: readonly string[]): Decoded {
  const width = variable.shape.at(-1) ?? 1;
  const count = width === 0 ? 0 : characters.length / width;
  const values = Array.from({ length: count }, (_, i) => {
    const text = characters.slice(i * width, (i + 1) * width).join('');
    return Buffer.from(text, 'latin1').toString('utf8').replace(/\0+$/, '');
  });
  const dims = variable.dims.slice(0, -1);
  return { dims, shape: variable.shape.slice(0, -1), dtype: 'string', values };
}
