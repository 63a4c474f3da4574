import { readSync } from 'node:fs';
import { refuseCheckpoint } from '../source/checkpoint-fault.js';

/** Random-access bytes: of a buffer, or of a file on disk. */
export interface ByteSource {
  readonly length: number;
  /** `count` bytes from `at`, which lie inside. */
  read(at: number, count: number): Buffer;
}

/** A buffer as a source; nothing is copied. */
export const bufferSource = (buffer: Buffer): ByteSource => ({
  length: buffer.length,
  read: (at, count) => buffer.subarray(at, at + count),
});

/** An open file as a source, of which `length` bytes are there. */
export function fileSource(fd: number, length: number, file: string): ByteSource {
  const read = (at: number, count: number) => {
    const bytes = Buffer.alloc(count);
    if (readSync(fd, bytes, 0, count, at) === count) return bytes;
    return refuseCheckpoint({ file, field: `byte ${at}` }, `${count} bytes`, 'the end of the file');
  };
  return { length, read };
}

/** Bytes per read from a source. */
const window = 64 * 1024;
const longestLine = 64 * 1024;

/** Reads a pickle front to back; every length is checked against the remaining bytes first. */
export class PickleBytes {
  #at: number;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;

  constructor(
    readonly source: ByteSource,
    readonly file: string,
    /** What the bytes are called in messages, such as `archive/data.pkl`; empty for the file itself. */
    readonly part: string,
    start: number,
    readonly end: number,
  ) {
    this.#at = start;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.end - this.#at;
  }

  take(count: number): Buffer {
    if (count > this.left) this.refuse(`${count} bytes`, `${this.left} before the end`);
    const from = this.#at - this.#windowAt;
    if (from < 0 || from + count > this.#window.length) this.#fill(count);
    const start = this.#at - this.#windowAt;
    this.#at += count;
    return this.#window.subarray(start, start + count);
  }

  /** Text up to the next line feed, which is taken too. */
  line(): string {
    let length = this.#ahead().indexOf(10);
    if (length < 0) {
      this.#fill(longestLine);
      length = this.#ahead().indexOf(10);
    }
    if (length < 0) this.refuse('the end of a line', `none in ${this.#ahead().length} bytes`);
    return this.take(length + 1).toString('latin1', 0, length);
  }

  uint8 = (): number => this.take(1)[0];
  uint16 = (): number => this.take(2).readUInt16LE();
  int32 = (): number => this.take(4).readInt32LE();
  uint32 = (): number => this.take(4).readUInt32LE();

  /** A length of eight bytes; one that no number holds is past every end. */
  uint64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }

  refuse(expected: string, found: string): never {
    refuseCheckpoint({ file: this.file, field: this.placeOf(this.#at) }, expected, found);
  }

  placeOf(at: number): string {
    return this.part === '' ? `byte ${at}` : `${this.part} byte ${at}`;
  }

  /** What of the window is still to be read. */
  #ahead(): Buffer {
    const from = this.#at - this.#windowAt;
    return from < 0 ? Buffer.alloc(0) : this.#window.subarray(from);
  }

  #fill(count: number): void {
    const bytes = Math.min(this.left, Math.max(count, window));
    this.#window = this.source.read(this.#at, bytes);
    this.#windowAt = this.#at;
  }
}
