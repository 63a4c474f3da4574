import { VentralError } from '../errors/ventral-error.js';

/** NumPy's array files (NEP 1, format versions 1 to 3), little- and big-endian, C and Fortran order. */

/** Element types that are read and written; float16 is held as its bits, bool as 0 and 1. */
export type NpyDtype =
  | 'bool'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float16'
  | 'float32'
  | 'float64'
  | 'string';

/** An array, row-major (C order). */
export interface NpyArray {
  readonly dtype: NpyDtype;
  readonly shape: readonly number[];
  readonly data: NpyData;
}

/** Elements of an {@link NpyArray}. */
export type NpyData =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array
  | readonly string[];

const kinds = {
  b1: { dtype: 'bool', array: Uint8Array },
  i1: { dtype: 'int8', array: Int8Array },
  u1: { dtype: 'uint8', array: Uint8Array },
  i2: { dtype: 'int16', array: Int16Array },
  u2: { dtype: 'uint16', array: Uint16Array },
  i4: { dtype: 'int32', array: Int32Array },
  u4: { dtype: 'uint32', array: Uint32Array },
  i8: { dtype: 'int64', array: BigInt64Array },
  u8: { dtype: 'uint64', array: BigUint64Array },
  f2: { dtype: 'float16', array: Uint16Array },
  f4: { dtype: 'float32', array: Float32Array },
  f8: { dtype: 'float64', array: Float64Array },
} as const;

/** The header of an npy file. */
export interface NpyHeader {
  /** Kind and width as numpy writes them, without byte order: `f4`, `U12`, `S3`. */
  readonly type: string;
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Bytes of the header: the elements start here. */
  readonly length: number;
}

const magic = '\x93NUMPY';
const maxRank = 32;

/**
 * Reads an array; `name` is how messages call the file.
 * @throws VentralError `npy-invalid`
 */
export function readNpy(bytes: Uint8Array, name: string): NpyArray {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readNpyHeader(buffer, name);
  const width = itemBytes(header.type, name);
  const count = header.shape.reduce((product, length) => product * length, 1);
  const left = buffer.length - header.length;
  if (left !== count * width) {
    const shape = `(${header.shape.join(', ')})`;
    refuse(name, `${count * width} bytes for shape ${shape}`, `${left} bytes`);
  }
  const elements = Buffer.from(buffer.subarray(header.length));
  const inOrder = header.fortranOrder ? toRowMajor(elements, header.shape, width) : elements;
  return { shape: header.shape, ...decode(inOrder, header, count) };
}

/**
 * Reads the header alone, of which `bytes` must hold all.
 * @throws VentralError `npy-invalid`
 */
function readNpyHeader(bytes: Buffer, name: string): NpyHeader {
  if (bytes.toString('latin1', 0, 6) !== magic) refuse(name, 'an npy file', 'other content');
  const version = bytes[6];
  if (version < 1 || version > 3) refuse(name, 'format version 1 to 3', `version ${version}`);
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) refuse(name, 'a header', 'the end of the file');
  const length = start + (version === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  if (bytes.length < length) refuse(name, `${length} bytes of header`, `${bytes.length} bytes`);
  const text = bytes.toString(version === 3 ? 'utf8' : 'latin1', start, length);
  return { ...parseDictionary(text, name), length };
}

function parseDictionary(text: string, name: string): Omit<NpyHeader, 'length'> {
  const descr = /'descr'\s*:\s*'([<>|=]?)([a-zA-Z])(\d*)'/.exec(text);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text);
  const shape = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text);
  if (descr === null || order === null || shape === null) {
    refuse(name, 'a plain array of numbers or text', text.trim().slice(0, 120));
  }
  const lengths = shape[1].split(',').map((part) => part.trim().replace(/L$/, ''));
  const dims = lengths.filter((part) => part !== '').map(Number);
  if (dims.length > maxRank || !dims.every(Number.isSafeInteger)) {
    refuse(name, `at most ${maxRank} dimensions`, `shape (${shape[1]})`);
  }
  return {
    type: descr[2] + descr[3],
    bigEndian: descr[1] === '>',
    fortranOrder: order[1] === 'True',
    shape: dims,
  };
}

/**
 * Bytes of one element of a header's type.
 * @throws VentralError `npy-invalid` for types that are not read
 */
function itemBytes(type: string, name: string): number {
  const width = Number(type.slice(1));
  // Texts of no bytes would be as many as a header likes to say.
  const isText = Number.isSafeInteger(width) && width > 0;
  if (type in kinds || (type.startsWith('S') && isText)) return width;
  if (type.startsWith('U') && isText) return 4 * width;
  return refuse(
    name,
    'numbers or text',
    `elements of type ${type} (objects and records are not read)`,
  );
}

function decode(
  bytes: Buffer,
  header: NpyHeader,
  count: number,
): { dtype: NpyDtype; data: NpyData } {
  const { type, bigEndian } = header;
  if (!(type in kinds)) return { dtype: 'string', data: decodeText(bytes, header, count) };
  const { dtype, array } = kinds[type as keyof typeof kinds];
  const width = array.BYTES_PER_ELEMENT;
  if (bigEndian) swap(bytes, width);
  const exact = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  return { dtype, data: new array(exact as ArrayBuffer) };
}

function swap(bytes: Buffer, width: number): void {
  if (width === 2) bytes.swap16();
  if (width === 4) bytes.swap32();
  if (width === 8) bytes.swap64();
}

function decodeText(bytes: Buffer, header: NpyHeader, count: number): string[] {
  const width = Number(header.type.slice(1));
  if (header.type.startsWith('S')) {
    return Array.from({ length: count }, (_, i) =>
      bytes.toString('utf8', i * width, (i + 1) * width).replace(/\0+$/, ''),
    );
  }
  if (header.bigEndian) bytes.swap32();
  return Array.from({ length: count }, (_, i) => {
    let text = '';
    for (let j = 0; j < width; j++) {
      const point = bytes.readUInt32LE(4 * (i * width + j));
      text += String.fromCodePoint(point > 0x10ffff ? 0xfffd : point);
    }
    return text.replace(/\0+$/, '');
  });
}

function toRowMajor(bytes: Buffer, shape: readonly number[], width: number): Buffer {
  const target = Buffer.alloc(bytes.length);
  const count = shape.reduce((product, length) => product * length, 1);
  const position = shape.map(() => 0);
  for (let from = 0; from < count; from++) {
    let at = 0;
    for (let i = 0; i < shape.length; i++) at = at * shape[i] + position[i];
    bytes.copy(target, at * width, from * width, (from + 1) * width);
    for (let i = 0; i < shape.length; i++) {
      if (++position[i] < shape[i]) break;
      position[i] = 0;
    }
  }
  return target;
}

/** An array as an npy file (format version 1.0; 3.0 is never needed), little-endian, C order. */
export function writeNpy(array: NpyArray): Uint8Array {
  const { type, bytes } = encode(array);
  return Buffer.concat([npyHeader(type, array.shape), bytes]);
}

/** The header of an npy file for elements of `type` (`f4`, `U12` …), for writing rows after it. */
export function npyHeader(type: string, shape: readonly number[]): Buffer {
  const order = /^[bS]|1$/.test(type) ? '|' : '<';
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${order}${type}', 'fortran_order': False, 'shape': (${dims}), }`;
  // numpy pads so that the elements start at a multiple of 64 bytes.
  const padded = `${text}${' '.repeat((64 - ((10 + text.length + 1) % 64)) % 64)}\n`;
  const head = Buffer.from(`${magic}\x01\x00\0\0`, 'latin1');
  head.writeUInt16LE(padded.length, 8);
  return Buffer.concat([head, Buffer.from(padded, 'latin1')]);
}

function encode({ dtype, data }: NpyArray): { type: string; bytes: Buffer } {
  if (dtype !== 'string') {
    const numbers = data as Exclude<NpyData, readonly string[]>;
    const found = Object.entries(kinds).find(([, kind]) => kind.dtype === dtype);
    const bytes = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    return { type: found?.[0] ?? '', bytes };
  }
  const points = (data as readonly string[]).map((text) =>
    Array.from(text, (c) => c.codePointAt(0) ?? 0),
  );
  const width = points.reduce((longest, text) => Math.max(longest, text.length), 1);
  const bytes = Buffer.alloc(4 * width * points.length);
  points.forEach((text, i) => {
    text.forEach((point, j) => {
      bytes.writeUInt32LE(point, 4 * (i * width + j));
    });
  });
  return { type: `U${width}`, bytes };
}

/** Elements as floating-point numbers: float16 and float32 as float32, all else as float64. */
export function npyFloats(array: NpyArray, name: string): Float32Array | Float64Array {
  const { dtype, data } = array;
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  if (dtype === 'string') return refuse(name, 'numbers', 'text');
  if (dtype === 'float16') return Float32Array.from(data as Uint16Array, halfToNumber);
  return Float64Array.from(data as ArrayLike<number | bigint>, Number);
}

/** The value of a half-precision number from its 16 bits (IEEE 754 binary16). */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function refuse(name: string, expected: string, found: string): never {
  throw new VentralError('npy-invalid', `${name}: ${expected} expected, ${found} found`, {
    file: name,
    expected,
    found,
  });
}
