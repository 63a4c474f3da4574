import { fstatSync, readSync } from 'node:fs';

/**
 * Object headers of an HDF5 file, walked without the HDF5 library: they say whether the data of an object
 * are in this file. Source: HDF5 File Format Specification 3.0, sections II.A, IV.A.
 */

const MESSAGES = {
  externalFiles: 0x07,
  layout: 0x08,
  continuation: 0x10,
  driver: 0x14,
  last: 0x18,
};
const LAYOUTS = ['compact', 'contiguous', 'chunked'];
const SHARED = 0x02;
/** Parts and bytes of one header, more than any writer makes. */
const MOST_PARTS = 256;
const MOST_BYTES = 2 ** 24;
const UNDEFINED = 2n ** 64n - 1n;

interface Message {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

/** The headers of one file, read from its descriptor. */
export class ObjectHeaders {
  readonly #size: number;

  readonly #descriptor: number;
  /** Bytes before the HDF5 content, which addresses do not count. */
  readonly #hidden: number;
  readonly #refuse: (found: string) => never;

  /** @param refuse throws what the file is refused with */
  constructor(descriptor: number, refuse: (found: string) => never, hidden = 0) {
    this.#descriptor = descriptor;
    this.#hidden = hidden;
    this.#refuse = refuse;
    this.#size = fstatSync(descriptor).size - hidden;
  }

  /** @throws where the superblock says that the file is one of several, or is laid out as no file of netCDF-4 is */
  checkSuperblock(): void {
    const start = this.#bytes(0, Math.min(this.#size, 96));
    const version = start[8];
    if (version > 3) this.#refuse(`its superblock has version ${version}`);
    const isOld = version < 2;
    const widths = isOld ? [start[13], start[14]] : [start[9], start[10]];
    if (widths.some((width) => width !== 8)) this.#refuse(`its addresses have ${widths[0]} bytes`);
    const first = isOld ? (version === 1 ? 28 : 24) : 12;
    if (start.length < first + 32) this.#refuse('its superblock is cut short');
    const base = start.readBigUInt64LE(first);
    if (base !== 0n && base !== BigInt(this.#hidden))
      this.#refuse('its data do not start at the beginning of the file');
    if (isOld) {
      if (start.readBigUInt64LE(first + 24) !== UNDEFINED)
        this.#refuse('it is one of several files');
      return;
    }
    const extension = start.readBigUInt64LE(first + 8);
    if (extension !== UNDEFINED) this.check(extension, 'its superblock');
  }

  /**
   * @throws where the object at `address` keeps its data in other files (external storage, a virtual dataset, a
   *   driver of several files), or says what the specification does not know
   * @param what names the object in the refusal
   */
  check(address: bigint, what: string): void {
    for (const { type, flags, body } of this.#messages(address, what)) {
      if (type === MESSAGES.externalFiles) this.#refuse(`${what} keeps its data in other files`);
      if (type === MESSAGES.driver) this.#refuse(`${what} is spread over several files`);
      if (type > MESSAGES.last) this.#refuse(`${what} has a header message of type ${type}`);
      if (type === MESSAGES.layout) this.#checkLayout(body, flags, what);
    }
  }

  #checkLayout(body: Buffer, flags: number, what: string): void {
    const kind = body[0] < 3 ? body[2] : body[1];
    if ((flags & SHARED) !== 0 || kind === undefined) this.#refuse(`${what} has no layout`);
    if (kind === 3) this.#refuse(`${what} is virtual: its data lie in other datasets or files`);
    if (LAYOUTS[kind] === undefined) this.#refuse(`${what} has layout ${kind}`);
  }

  *#messages(address: bigint, what: string): Generator<Message> {
    const prefix = this.#bytes(address, 16, what);
    const isNew = prefix.toString('latin1', 0, 4) === 'OHDR';
    if (prefix[isNew ? 4 : 0] !== (isNew ? 2 : 1)) this.#refuse(`${what} has no object header`);
    const first = isNew ? this.#newStart(address, what) : [address + 16n, prefix.readUInt32LE(8)];
    const tracksOrder = isNew && (prefix[5] & 0x04) !== 0;
    const parts: [bigint, number][] = [[BigInt(first[0]), Number(first[1])]];
    let bytes = 0;
    for (let i = 0; i < parts.length; i++) {
      const [from, length] = parts[i];
      bytes += length;
      if (parts.length > MOST_PARTS || bytes > MOST_BYTES) {
        this.#refuse(`${what} has a header without an end`);
      }
      const part = this.#bytes(from, length, what);
      for (const message of isNew ? newMessages(part, tracksOrder) : oldMessages(part)) {
        if (message.type === MESSAGES.continuation) {
          parts.push(this.#continued(message.body, isNew, what));
        } else yield message;
      }
    }
  }

  /** Where the messages of a version 2 header start, and how many bytes they take. */
  #newStart(address: bigint, what: string): [bigint, number] {
    const prefix = this.#bytes(address, 34, what);
    const flags = prefix[5];
    const at = 6 + ((flags & 0x20) !== 0 ? 16 : 0) + ((flags & 0x10) !== 0 ? 4 : 0);
    const width = 1 << (flags & 3);
    const length = width === 8 ? Number(prefix.readBigUInt64LE(at)) : prefix.readUIntLE(at, width);
    return [address + BigInt(at + width), length];
  }

  #continued(body: Buffer, isNew: boolean, what: string): [bigint, number] {
    if (body.length < 16) this.#refuse(`${what} has a damaged header`);
    const [address, length] = [body.readBigUInt64LE(0), Number(body.readBigUInt64LE(8))];
    // Version 2 parts are between a signature and a checksum.
    return isNew ? [address + 4n, length - 8] : [address, length];
  }

  #bytes(address: bigint | number, length: number, what = 'it'): Buffer {
    const at = BigInt(address);
    if (length < 0 || length > MOST_BYTES || at + BigInt(length) > BigInt(this.#size)) {
      this.#refuse(`${what} has a header outside the file`);
    }
    const bytes = Buffer.alloc(length);
    readSync(this.#descriptor, bytes, 0, length, Number(at) + this.#hidden);
    return bytes;
  }
}

function* oldMessages(part: Buffer): Generator<Message> {
  for (let at = 0; at + 8 <= part.length; ) {
    const size = part.readUInt16LE(at + 2);
    const body = part.subarray(at + 8, at + 8 + size);
    yield { type: part.readUInt16LE(at), flags: part[at + 4], body };
    at += 8 + size;
  }
}

function* newMessages(part: Buffer, tracksOrder: boolean): Generator<Message> {
  const head = tracksOrder ? 6 : 4;
  for (let at = 0; at + head <= part.length; ) {
    const size = part.readUInt16LE(at + 1);
    yield { type: part[at], flags: part[at + 3], body: part.subarray(at + head, at + head + size) };
    at += head + size;
  }
}
