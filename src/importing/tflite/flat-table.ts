import { invalidPart } from '../keras/refusals.js';

/**
 * A reader of FlatBuffers (https://flatbuffers.dev/internals) that believes no offset: every read is checked
 * against the end of the file, every list against a limit.
 */

/** Longest text that is read whole. */
const LONGEST_TEXT = 4096;

/** Bytes of a FlatBuffer, with the name of the file in messages. */
export class FlatBytes {
  readonly view: DataView;
  #left: number;

  constructor(
    readonly file: string,
    bytes: Uint8Array,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // Tables may share a list; a file that shares one a million times would be read for hours.
    this.#left = 8 * bytes.byteLength + 2 ** 20;
  }

  /** Counts bytes that are read element by element. */
  spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    throw invalidPart(this.file, 'lists', 'as many bytes as the file has', 'the same ones again');
  }
}

/** A table: fields by their number in the schema, absent ones by their default. */
export class FlatTable {
  readonly #bytes: FlatBytes;
  readonly #at: number;
  readonly #vtable: number;
  readonly #slots: number;

  /**
   * @param at where the table starts
   * @param what names it in messages
   * @throws VentralError `checkpoint-invalid`
   */
  constructor(
    bytes: FlatBytes,
    at: number,
    readonly what: string,
  ) {
    this.#bytes = bytes;
    this.#at = at;
    this.#vtable = at - this.#checked(at, 4).getInt32(at, true);
    const size = this.#checked(this.#vtable, 4).getUint16(this.#vtable, true);
    this.#checked(this.#vtable, size);
    this.#slots = Math.floor((size - 4) / 2);
  }

  /** The table that a file begins with. */
  static root(bytes: FlatBytes, what: string): FlatTable {
    if (bytes.view.byteLength < 8)
      throw invalidPart(bytes.file, what, 'at least 8 bytes', bytes.view.byteLength);
    return new FlatTable(bytes, bytes.view.getUint32(0, true), what);
  }

  int8(field: number, otherwise = 0): number {
    const at = this.#place(field, 1);
    return at === undefined ? otherwise : this.#bytes.view.getInt8(at);
  }

  uint8(field: number, otherwise = 0): number {
    const at = this.#place(field, 1);
    return at === undefined ? otherwise : this.#bytes.view.getUint8(at);
  }

  int32(field: number, otherwise = 0): number {
    const at = this.#place(field, 4);
    return at === undefined ? otherwise : this.#bytes.view.getInt32(at, true);
  }

  uint32(field: number, otherwise = 0): number {
    const at = this.#place(field, 4);
    return at === undefined ? otherwise : this.#bytes.view.getUint32(at, true);
  }

  uint64(field: number): number {
    const at = this.#place(field, 8);
    return at === undefined ? 0 : Number(this.#bytes.view.getBigUint64(at, true));
  }

  float32(field: number, otherwise = 0): number {
    const at = this.#place(field, 4);
    return at === undefined ? otherwise : this.#bytes.view.getFloat32(at, true);
  }

  text(field: number): string {
    const list = this.#list(field, 1, LONGEST_TEXT);
    if (list === undefined) return '';
    this.#bytes.spend(list.count);
    const { buffer, byteOffset } = this.#bytes.view;
    return Buffer.from(buffer, byteOffset + list.at, list.count).toString('utf8');
  }

  /** A list of bytes as it lies in the file; empty if it is absent. */
  bytes(field: number): Uint8Array {
    const list = this.#list(field, 1, Number.POSITIVE_INFINITY);
    const { buffer, byteOffset } = this.#bytes.view;
    return list === undefined
      ? new Uint8Array(0)
      : new Uint8Array(buffer, byteOffset + list.at, list.count);
  }

  int32s(field: number, most: number): number[] {
    return this.#numbers(field, 4, most, (at) => this.#bytes.view.getInt32(at, true));
  }

  float32s(field: number, most: number): number[] {
    return this.#numbers(field, 4, most, (at) => this.#bytes.view.getFloat32(at, true));
  }

  int64s(field: number, most: number): number[] {
    return this.#numbers(field, 8, most, (at) => Number(this.#bytes.view.getBigInt64(at, true)));
  }

  table(field: number, what: string): FlatTable | undefined {
    const at = this.#place(field, 4);
    return at === undefined ? undefined : new FlatTable(this.#bytes, this.#follow(at), what);
  }

  /** A list of tables. */
  tables(field: number, most: number, what: string): FlatTable[] {
    const list = this.#list(field, 4, most);
    this.#bytes.spend(4 * (list?.count ?? 0));
    return Array.from({ length: list?.count ?? 0 }, (_, i) => {
      const at = this.#follow((list?.at ?? 0) + 4 * i);
      return new FlatTable(this.#bytes, at, `${what} ${i}`);
    });
  }

  #numbers(field: number, size: number, most: number, read: (at: number) => number): number[] {
    const list = this.#list(field, size, most);
    this.#bytes.spend(size * (list?.count ?? 0));
    return Array.from({ length: list?.count ?? 0 }, (_, i) => read((list?.at ?? 0) + size * i));
  }

  #list(field: number, size: number, most: number): { at: number; count: number } | undefined {
    const place = this.#place(field, 4);
    if (place === undefined) return undefined;
    const start = this.#follow(place);
    const count = this.#checked(start, 4).getUint32(start, true);
    if (count > most)
      throw invalidPart(this.#bytes.file, this.what, `at most ${most} elements`, count);
    this.#checked(start + 4, count * size);
    return { at: start + 4, count };
  }

  /** Where an offset leads to. */
  #follow(at: number): number {
    return at + this.#checked(at, 4).getUint32(at, true);
  }

  /** Where the value of a field lies; undefined if it has its default. */
  #place(field: number, size: number): number | undefined {
    if (field >= this.#slots) return undefined;
    const offset = this.#bytes.view.getUint16(this.#vtable + 4 + 2 * field, true);
    if (offset === 0) return undefined;
    this.#checked(this.#at + offset, size);
    return this.#at + offset;
  }

  #checked(at: number, count: number): DataView {
    const { file, view } = this.#bytes;
    if (at >= 0 && at + count <= view.byteLength) return view;
    throw invalidPart(
      file,
      this.what,
      `parts within the ${view.byteLength} bytes of the file`,
      `${count} bytes at ${at}`,
    );
  }
}
