import { inflateSync } from 'node:zlib';
import { VentralError } from '../../errors/ventral-error.js';

/**
 * The data elements of a MAT-file of level 5: a tag (type, bytes), then data, padded to 8 bytes.
 * Source: MathWorks, MAT-File Format, "Level 5 MAT-File Format".
 */

/** An element: its type, and its data without tag and padding. */
export interface Element {
  readonly type: number;
  readonly data: Buffer;
}

/** Types of elements that hold no numbers. */
export const MATRIX = 14;
const COMPRESSED = 15;

/** What a file may unpack to, in its own sizes and in bytes: recordings shrink to a tenth, rarely more. */
const MAX_GROWTH = 200;
const MAX_UNPACKED = 2 ** 29;
const ALWAYS_FINE = 2 ** 24;

/** A MAT-file as it is read: byte order, and how much of it has been unpacked. */
export class Mat5Bytes {
  readonly name: string;
  readonly #little: boolean;
  readonly #most: number;
  #unpacked = 0;

  /** @throws VentralError `mat-invalid` for what is no MAT-file of level 5 */
  constructor(
    readonly bytes: Buffer,
    name: string,
  ) {
    this.name = name;
    this.#most = Math.min(MAX_UNPACKED, Math.max(ALWAYS_FINE, bytes.length * MAX_GROWTH));
    const order = bytes.toString('latin1', 126, 128);
    if (bytes.length < 128 || (order !== 'IM' && order !== 'MI'))
      this.refuse('the header of a MAT-file is missing');
    this.#little = order === 'IM';
    const version = this.uint16(bytes, 124);
    if (version === 0x0200) this.refuse('it is MATLAB 7.3, which is HDF5');
    if (version !== 0x0100) this.refuse(`its version is ${version}`);
  }

  refuse(found: string, cause?: unknown): never {
    throw new VentralError(
      'mat-invalid',
      `${this.name} is not a readable MAT-file of level 5: ${found}`,
      { file: this.name, expected: 'a MAT-file of level 5', found, cause },
    );
  }

  uint16(at: Buffer, offset: number): number {
    return this.#little ? at.readUInt16LE(offset) : at.readUInt16BE(offset);
  }

  uint32(at: Buffer, offset: number): number {
    return this.#little ? at.readUInt32LE(offset) : at.readUInt32BE(offset);
  }

  /** Elements of a level, compressed ones unpacked; only the outermost level may hold those. */
  *elements(data: Buffer, outermost = false): Generator<Element> {
    for (let at = 0; at < data.length; ) {
      if (data.length - at < 8) this.refuse(`it ends within the tag of an element`);
      const small = this.uint32(data, at) >>> 16;
      const type = this.uint32(data, at) & 0xffff;
      const [from, length] = small > 0 ? [at + 4, small] : [at + 8, this.uint32(data, at + 4)];
      if (small > 4) this.refuse(`a small element has ${small} bytes`);
      if (length > data.length - from)
        this.refuse(`it ends ${length - (data.length - from)} bytes before an element does`);
      const content = data.subarray(from, from + length);
      if (type !== COMPRESSED) yield { type, data: content };
      else if (outermost) yield this.#unpack(content);
      else this.refuse('a compressed element lies in another element');
      // Compressed elements are not padded.
      at = small > 0 ? at + 8 : from + (type === COMPRESSED ? length : 8 * Math.ceil(length / 8));
    }
  }

  #unpack(packed: Buffer): Element {
    const room = this.#most - this.#unpacked;
    const bytes = this.#inflate(packed, room);
    this.#unpacked += bytes.length;
    const [element, another] = this.elements(bytes);
    if (element === undefined || another !== undefined)
      this.refuse('a compressed element holds other than one element');
    return element;
  }

  #inflate(packed: Buffer, room: number): Buffer {
    try {
      return inflateSync(packed, { maxOutputLength: Math.max(1, room) });
    } catch (cause) {
      const { code } = cause as { code?: string };
      if (code === 'ERR_BUFFER_TOO_LARGE')
        this.refuse(`it unpacks to more than ${this.#most} bytes`, cause);
      return this.refuse('a compressed element is damaged', cause);
    }
  }

  /** The numbers of an element, as it stores them: perhaps narrower than the class of their array. */
  numbers({ type, data }: Element): ArrayLike<number> {
    const kind = Object.hasOwn(KINDS, type) ? KINDS[type as keyof typeof KINDS] : undefined;
    if (kind === undefined) return this.refuse(`numbers have the unknown type ${type}`);
    const width = kind.BYTES_PER_ELEMENT;
    if (data.length % width !== 0) this.refuse(`${data.length} bytes are no whole numbers`);
    // A copy, so that it is aligned and the file can go.
    const copy = Uint8Array.from(data);
    if (!this.#little) {
      const turned = Buffer.from(copy.buffer);
      if (width === 2) turned.swap16();
      if (width === 4) turned.swap32();
      if (width === 8) turned.swap64();
    }
    const stored = new kind(copy.buffer);
    return stored instanceof BigInt64Array || stored instanceof BigUint64Array
      ? Float64Array.from(stored as Iterable<bigint>, Number)
      : stored;
  }
}

/** Arrays by type of element; 16 and 17 are text in UTF-8 and UTF-16. */
const KINDS = {
  1: Int8Array,
  2: Uint8Array,
  3: Int16Array,
  4: Uint16Array,
  5: Int32Array,
  6: Uint32Array,
  7: Float32Array,
  9: Float64Array,
  12: BigInt64Array,
  13: BigUint64Array,
  16: Uint8Array,
  17: Uint16Array,
} as const;
