import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { VentralError } from '../../errors/ventral-error.js';

/**
 * An append-only file. Appended data survive the process; data before a {@link sync} survive a power loss. A
 * resumed run truncates it to the length in its checkpoint.
 */
export class AppendedFile {
  readonly #file: FileHandle;
  #length: number;
  readonly #hash: Hash;

  private constructor(file: FileHandle, length: number, hash: Hash) {
    this.#file = file;
    this.#length = length;
    this.#hash = hash;
  }

  /**
   * Opens a file to append to, cut to its first `length` bytes; 0 starts again.
   * @throws VentralError `checkpoint-invalid` where the file is shorter than that; `disk-full`
   */
  static async open(path: string, length: number): Promise<AppendedFile> {
    const file = await open(path, length === 0 ? 'w' : 'r+').catch((error) => {
      throw VentralError.from(error);
    });
    try {
      const { size } = await file.stat();
      if (size < length) throw tooShort(path, length, size);
      await file.truncate(length);
      const hash = createHash('sha256').update(await wholeOf(file, length));
      return new AppendedFile(file, length, hash);
    } catch (error) {
      await file.close();
      throw VentralError.from(error);
    }
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** @throws VentralError `disk-full` */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(
          bytes,
          at,
          bytes.length - at,
          this.#length + at,
        );
        at += bytesWritten;
      }
    } catch (error) {
      throw VentralError.from(error);
    }
    this.#length += bytes.length;
    this.#hash.update(bytes);
  }

  /** SHA-256 of all bytes so far, in hexadecimal, as they were appended. */
  get sha256(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Waits until everything is on the disk. Gives the length, to be named by a checkpoint. */
  async sync(): Promise<number> {
    await this.#file.sync();
    return this.#length;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

async function wholeOf(file: FileHandle, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(bytes, at, length - at, at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes;
}

const tooShort = (path: string, expected: number, found: number) =>
  new VentralError(
    'checkpoint-invalid',
    `${path} has ${found} bytes where the checkpoint names ${expected}`,
    { file: path, expected: `${expected} bytes`, found: `${found} bytes` },
  );
