import { createWriteStream, fstat, open } from 'node:fs';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile, type ZipFileOptions } from 'yauzl';
import yazl from 'yazl';
import { quoted } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import { present } from './present.js';
import { replaceFile } from './write-file-atomic.js';
import { ZipFileReader } from './zip-file-reader.js';

/** ZIP archives: read entry by entry with everything checked that an attacker could choose, and written whole. */

/** A file in an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes after decompression, as the archive says and as reading enforces. */
  readonly size: number;
  /** Whether the bytes are in the archive as they are, not deflated. */
  readonly isStored: boolean;
  readonly crc32: number;
}

/** An open archive. */
export interface ZipArchive {
  /** Files in archive order; folders are left out. */
  readonly entries: readonly ZipEntry[];
  /**
   * Content of an entry, its length and CRC-32 checked.
   * @throws VentralError `zip-invalid`
   */
  read(name: string): Promise<Buffer>;
  /** The same as a stream, checked at its end. */
  stream(name: string): Promise<Readable>;
  /**
   * Bytes `from` up to `to` of a stored entry, which no checksum covers.
   * @throws VentralError `zip-invalid`
   */
  readRange(name: string, from: number, to: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** What one archive may hold before it is refused as a bomb. */
export interface ZipLimits {
  readonly entries: number;
  /** Of all entries together, unpacked. */
  readonly totalBytes: number;
  /**
   * Most that an entry, and all entries against the whole archive, may grow by being unpacked, from
   * `ratioFrom` bytes on. Entries that share their bytes are caught by the second.
   */
  readonly ratio: number;
  readonly ratioFrom: number;
}

const limits: ZipLimits = {
  entries: 200_000,
  totalBytes: 64 * 2 ** 30,
  ratio: 400,
  ratioFrom: 16 * 2 ** 20,
};

/**
 * Opens an archive and checks its directory.
 * @throws VentralError `file-missing`, `zip-unsafe-path` for a name that leaves the folder it is unpacked to,
 *   `zip-invalid` for what is no archive, for encrypted or doubled entries and for one that would unpack to far
 *   more than it is
 */
export async function openZip(
  path: string,
  name: string = path,
  most: ZipLimits = limits,
): Promise<ZipArchive> {
  const zip = await openFile(path, name);
  try {
    const entries = await readDirectory(zip, name, most);
    return archive(zip, name, entries);
  } catch (error) {
    zip.close();
    throw zipError(error, name);
  }
}

async function openFile(path: string, name: string): Promise<ZipFile> {
  const settings = {
    lazyEntries: true,
    autoClose: false,
    decodeStrings: true,
    strictFileNames: true,
  };
  const { fd, size } = await openFd(path);
  const reader = new ZipFileReader(fd, size);
  return new Promise((resolve, reject) => {
    yauzl.fromRandomAccessReader(reader, size, settings, (error, zip) => {
      if (!error) resolve(zip);
      else reader.close(() => reject(zipError(error, name)));
    });
  });
}

async function openFd(path: string): Promise<{ fd: number; size: number }> {
  const fd = await promisify(open)(path, 'r').catch((error) => {
    throw VentralError.from(error);
  });
  const { size } = await promisify(fstat)(fd);
  return { fd, size };
}

function readDirectory(zip: ZipFile, name: string, most: ZipLimits): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  let total = 0;
  return new Promise((resolve, reject) => {
    zip.on('error', (error: Error) => reject(zipError(error, name)));
    zip.on('end', () => resolve(entries));
    zip.on('entry', (entry: Entry) => {
      try {
        total += entry.uncompressedSize;
        checkEntry(entry, name, most);
        if (entries.has(entry.fileName)) refuse(name, entry.fileName, 'occurs twice');
        if (total > most.ratioFrom && total > most.ratio * zip.fileSize) {
          refuse(
            name,
            entry.fileName,
            `makes the archive unpack to more than ${most.ratio} times its size`,
          );
        }
        if (total > most.totalBytes || entries.size >= most.entries) {
          refuse(name, entry.fileName, 'makes the archive too large');
        }
        if (!entry.fileName.endsWith('/')) entries.set(entry.fileName, entry);
        zip.readEntry();
      } catch (error) {
        reject(error);
      }
    });
    zip.readEntry();
  });
}

function checkEntry(entry: Entry, name: string, { ratio, ratioFrom }: ZipLimits): void {
  if (/^\.?$/.test(entry.fileName)) refuse(name, entry.fileName, 'has no name');
  if (entry.isEncrypted()) refuse(name, entry.fileName, 'is encrypted');
  if (![0, 8].includes(entry.compressionMethod)) {
    refuse(
      name,
      entry.fileName,
      `is compressed by method ${entry.compressionMethod}, not by deflate`,
    );
  }
  const isLarge = entry.uncompressedSize > ratioFrom;
  if (isLarge && entry.uncompressedSize > ratio * entry.compressedSize) {
    refuse(name, entry.fileName, `would unpack to ${entry.uncompressedSize} bytes`);
  }
}

function refuse(name: string, entry: string, found: string): never {
  throw new VentralError('zip-invalid', `${name}: the entry ${quoted(entry)} ${found}`, {
    file: name,
    field: entry,
    found,
  });
}

function archive(zip: ZipFile, name: string, entries: ReadonlyMap<string, Entry>): ZipArchive {
  const find = (entryName: string) =>
    entries.get(entryName) ?? refuse(name, entryName, 'is missing');
  const stream = async (entryName: string): Promise<Readable> => {
    const entry = find(entryName);
    const source = await openEntry(zip, entry).catch((error) => {
      throw zipError(error, name, entryName);
    });
    const checked = checksum(entry.crc32, () =>
      refuse(name, entryName, 'does not match its checksum'),
    );
    source.once('error', (error) => checked.destroy(zipError(error, name, entryName)));
    checked.once('close', () => source.destroy());
    return source.pipe(checked);
  };
  return {
    entries: Array.from(entries.values(), (entry) => ({
      name: entry.fileName,
      size: entry.uncompressedSize,
      isStored: entry.compressionMethod === 0,
      crc32: entry.crc32,
    })),
    stream,
    readRange: async (entryName, from, to) => readRange(zip, name, find(entryName), from, to),
    async read(entryName) {
      return Buffer.concat(await (await stream(entryName)).toArray());
    },
    async close() {
      zip.close();
    },
  };
}

async function readRange(
  zip: ZipFile,
  name: string,
  entry: Entry,
  from: number,
  to: number,
): Promise<Buffer> {
  if (entry.compressionMethod !== 0) refuse(name, entry.fileName, 'is deflated');
  if (from >= to) return Buffer.alloc(0);
  try {
    return await collect(await openEntry(zip, entry, { start: from, end: to }), to - from);
  } catch (error) {
    throw zipError(error, name, entry.fileName);
  }
}

function openEntry(zip: ZipFile, entry: Entry, range: ZipFileOptions = {}): Promise<Readable> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, range, (error, readable) =>
      error ? reject(error) : resolve(readable),
    );
  });
}

/** Reads a stream of known size into one buffer. */
async function collect(stream: Readable, bytes: number): Promise<Buffer> {
  const all = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  for await (const chunk of stream) filled += (chunk as Buffer).copy(all, filled);
  if (filled !== bytes) throw new Error(`${filled} bytes, expected ${bytes}`);
  return all;
}

/** Passes bytes on, and fails at their end where they have another CRC-32. */
function checksum(expected: number, refuse: () => never): Transform {
  let found = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      found = crc32(chunk, found);
      done(null, chunk);
    },
    flush(done) {
      try {
        if (found !== expected) refuse();
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

const unsafeName = /^(invalid relative path|absolute path|invalid characters in fileName)/;

function zipError(error: unknown, name: string, entry?: string): VentralError {
  if (error instanceof VentralError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== undefined && /^E[A-Z]+$/.test(code)) return VentralError.from(error);
  if (unsafeName.test(message)) {
    const found = message.slice(message.indexOf(':') + 1).trim();
    return new VentralError(
      'zip-unsafe-path',
      `${name}: the entry ${quoted(found)} leaves its folder`,
      {
        file: name,
        field: found,
        expected: 'a relative path that stays inside',
        found,
      },
    );
  }
  const where = entry === undefined ? name : `${name}, entry ${quoted(entry)}`;
  return new VentralError('zip-invalid', `${where}: ${message}`, {
    file: name,
    found: message,
    ...present({ field: entry }),
    cause: error,
  });
}

/** A file to put into an archive: its bytes, or a function that opens a stream of them. */
export interface ZipContent {
  /** With a slash at its end it is a folder, and its data are not looked at. */
  readonly name: string;
  readonly data: Uint8Array | (() => Readable);
  /** Bytes of the stream, if known. */
  readonly size?: number;
  /** Deflated; stored where false. */
  readonly compress: boolean;
}

/** Equal contents give equal archives: every entry bears the first moment that ZIP can tell. */
const firstMoment = new Date(1980, 0, 1);

/** Writes an archive, whole or not at all; entries are taken one after the other. */
export async function writeZip(
  path: string,
  contents: Iterable<ZipContent> | AsyncIterable<ZipContent>,
): Promise<void> {
  await replaceFile(path, (temporary) =>
    pipeline(zipStream(contents), createWriteStream(temporary, { flags: 'wx' })),
  );
}

/** An archive as a stream, which errors where an entry does; destroyed, it destroys the entry's. */
export function zipStream(contents: Iterable<ZipContent> | AsyncIterable<ZipContent>): Readable {
  const zip = new yazl.ZipFile();
  const output = zip.outputStream as Readable;
  const fill = async () => {
    for await (const content of contents) {
      if (output.destroyed) return;
      await addEntry(zip, content, output);
    }
    zip.end();
  };
  const fail = (error: Error) => void output.destroy(error);
  zip.on('error', fail);
  fill().catch(fail);
  return output;
}

async function addEntry(
  zip: yazl.ZipFile,
  { name, data, size, compress }: ZipContent,
  output: Readable,
): Promise<void> {
  const moment = { mtime: firstMoment, forceDosTimestamp: true };
  if (name.endsWith('/')) {
    zip.addEmptyDirectory(name, moment);
    return;
  }
  const options = { ...moment, compress };
  if (typeof data !== 'function') {
    zip.addBuffer(Buffer.from(data.buffer, data.byteOffset, data.byteLength), name, options);
    return;
  }
  const stream = data();
  const ended = new Promise<void>((resolve, reject) => {
    stream.once('close', resolve);
    stream.once('error', reject);
  });
  const end = () => void stream.destroy();
  output.once('close', end);
  zip.addReadStream(stream, name, size === undefined ? options : { ...options, size });
  await ended.finally(() => output.off('close', end));
}
