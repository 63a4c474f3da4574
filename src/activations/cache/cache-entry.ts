import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Bytes of text at the start of an entry: format, key, length and digest of the body, a line each.
 */
const HEADER_BYTES = 512;
const FORMAT = 'ventral-cache-1';

/** One read of the disk: it is hashed while it is in the processor's cache and the next one is on its way. */
const SLICE_BYTES = 2 ** 18;

interface Header {
  readonly key: string;
  /** Bytes of the body. */
  readonly bytes: number;
  /** SHA-256 of the body, in hexadecimal. */
  readonly sha256: string;
}

/** A process that was taken over may have left a link or a pipe in place of an entry. */
const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Bytes of the file that holds these parts. */
export function entryBytes(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, HEADER_BYTES);
}

/** Writes a new file `path`: who it belongs to and how it can be checked, then the parts, one after the other. */
export async function writeEntry(
  path: string,
  key: string,
  parts: readonly Uint8Array[],
): Promise<void> {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const bytes = entryBytes(parts) - HEADER_BYTES;
  const header = [FORMAT, key, bytes, hash.digest('hex'), ''].join('\n').padEnd(HEADER_BYTES);
  const file = await open(path, 'wx');
  try {
    for (const part of [Buffer.from(header, 'latin1'), ...parts]) await file.writeFile(part);
  } finally {
    await file.close();
  }
}

/** The body of an entry; undefined if the file is another key's, or not as it was written. */
export async function readCacheEntry(path: string, key: string): Promise<Uint8Array | undefined> {
  const file = await open(path, READ);
  try {
    const header = await readHeader(file);
    const size = (await file.stat()).size - HEADER_BYTES;
    if (header?.key !== key || header.bytes !== size) return undefined;
    const body = new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
    const read = (from: number) =>
      file.read(body, from, Math.min(SLICE_BYTES, size - from), HEADER_BYTES + from);
    const hash = createHash('sha256');
    for (let done = 0, next = read(0); done < size; ) {
      const { bytesRead } = await next;
      if (bytesRead === 0) return undefined;
      const from = done;
      done += bytesRead;
      next = read(done);
      hash.update(body.subarray(from, done));
    }
    return hash.digest('hex') === header.sha256 ? body : undefined;
  } finally {
    await file.close();
  }
}

/** Whether an entry of any owner is intact; memory is bounded. */
export async function isEntryWhole(path: string): Promise<boolean> {
  const file = await open(path, READ);
  try {
    const header = await readHeader(file);
    const size = (await file.stat()).size - HEADER_BYTES;
    if (header?.bytes !== size) return false;
    const hash = createHash('sha256');
    const slice = Buffer.allocUnsafe(SLICE_BYTES);
    for (let done = 0; done < size; ) {
      const { bytesRead } = await file.read(slice, 0, SLICE_BYTES, HEADER_BYTES + done);
      if (bytesRead === 0) return false;
      hash.update(slice.subarray(0, bytesRead));
      done += bytesRead;
    }
    return hash.digest('hex') === header.sha256;
  } finally {
    await file.close();
  }
}

/** The key that an entry says it has; undefined if its header cannot be understood. */
export async function readKey(path: string): Promise<string | undefined> {
  const file = await open(path, READ);
  try {
    return (await readHeader(file))?.key;
  } finally {
    await file.close();
  }
}

async function readHeader(file: FileHandle): Promise<Header | undefined> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
  const [format, key, bytes, sha256] = buffer.toString('latin1').split('\n');
  if (bytesRead < HEADER_BYTES || format !== FORMAT || sha256 === undefined) return undefined;
  return { key, bytes: Number(bytes), sha256 };
}
