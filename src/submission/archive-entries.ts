import type { FileHandle } from 'node:fs/promises';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import type { ArchiveDirectory, ArchiveEntry } from './archive-directory.js';
import { bytesAt } from './archive-directory.js';
import type { Findings } from './finding.js';

const LOCAL = 0x04034b50;
const LOCAL_SIZE = 30;
const CHUNK = 64 * 2 ** 10;
/** Of all entries together, unpacked. */
const MOST_BYTES = 2 ** 30;
/** Most that an entry may grow by being unpacked, from this many bytes on: text reaches 20, zeros 1,000. */
const RATIO = 200;
const RATIO_FROM = 2 ** 20;
/** Largest text that is looked into, and all of them together. */
const LARGEST_TEXT = 2 ** 20;
const MOST_TEXT = 32 * 2 ** 20;
const textName = /\.(py|json|ya?ml|txt|toml|cfg)$/i;
/** First bytes that identify file types. */
const HEAD = 264;

/** Facts about the contents of entries. */
export interface ArchiveContents {
  /** Bytes of the texts, by name. */
  readonly texts: ReadonlyMap<string, Buffer>;
  /** First bytes of every file, by entry. */
  readonly heads: ReadonlyMap<ArchiveEntry, Buffer>;
}

/**
 * Checks the entries: local headers against the directory, overlaps, and the content of every file, unpacked in
 * pieces and never on disk. An entry that is a bomb by its declared sizes is not unpacked, and one that exceeds
 * them is abandoned immediately, so that the declared sizes bound the work.
 * @param deadline moment (`Date.now()`) at which it stops
 */
export async function readEntries(
  file: FileHandle,
  directory: ArchiveDirectory,
  findings: Findings,
  deadline: number,
): Promise<ArchiveContents> {
  const texts = new Map<string, Buffer>();
  const heads = new Map<ArchiveEntry, Buffer>();
  let text = 0;
  for (const { entry, data } of await soundEntries(file, directory, findings)) {
    const { name, size } = entry;
    if (Date.now() > deadline) {
      const message = 'and later entries were not checked: the archive takes too long to unpack';
      findings.add('check-deadline', name, message);
      break;
    }
    const isText = textName.test(name) && !texts.has(name);
    const keep = isText && size <= LARGEST_TEXT && text + size <= MOST_TEXT;
    if (isText && !keep)
      findings.add('file-too-large', name, `has ${size} bytes of text, and is not looked into`);
    const content = await contentOf(file, entry, data, keep ? LARGEST_TEXT : HEAD, deadline);
    if (content.fault) findings.add('zip-content', name, content.fault);
    heads.set(entry, content.kept.subarray(0, HEAD));
    if (!keep || content.fault) continue;
    text += content.kept.length;
    texts.set(name, content.kept);
  }
  return { texts, heads };
}

interface Sound {
  readonly entry: ArchiveEntry;
  /** Where its bytes start. */
  readonly data: number;
}

/** Readable files, without folders and refused entries. */
async function soundEntries(
  file: FileHandle,
  { entries, start }: ArchiveDirectory,
  findings: Findings,
): Promise<Sound[]> {
  const isHuge = isBomb(entries, findings);
  const sound: Sound[] = [];
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.offset - b.offset)) {
    const data = await dataOf(file, entry, start, findings);
    if (data === undefined) continue;
    if (entry.offset < end)
      findings.add('zip-overlap', entry.name, 'shares bytes of the archive with another entry');
    else noteGap(entry, end, findings);
    const usable = entry.offset >= end && readable(entry, findings) && !isHuge;
    end = Math.max(end, data + entry.packed);
    if (usable) sound.push({ entry, data });
  }
  return sound;
}

/** Between entries lie descriptors of up to 24 bytes; anything longer no reader shows. */
function noteGap({ name, offset }: ArchiveEntry, end: number, findings: Findings): void {
  if (offset - end > 24)
    findings.add('zip-hidden-data', name, `${offset - end} bytes before it belong to no entry`);
}

function isBomb(entries: readonly ArchiveEntry[], findings: Findings): boolean {
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  if (total <= MOST_BYTES) return false;
  findings.add('zip-bomb', '', `would unpack to ${total} bytes, more than ${MOST_BYTES}`);
  return true;
}

function readable(entry: ArchiveEntry, findings: Findings): boolean {
  const { name, flags, method, size, packed, isFolder } = entry;
  if ((flags & 0x2041) !== 0) {
    findings.add('zip-encrypted', name, 'is encrypted');
    return false;
  }
  if (method !== 0 && method !== 8) {
    findings.add('zip-method', name, `is compressed by method ${method}, not by deflate`);
    return false;
  }
  if (size > RATIO_FROM && size > RATIO * packed) {
    findings.add('zip-bomb', name, `would unpack from ${packed} to ${size} bytes`);
    return false;
  }
  if (!isFolder) return true;
  if (size > 0) findings.add('zip-content', name, 'is a folder, and has content');
  return false;
}

/** Where the bytes of an entry start; its local header says what the directory says. */
async function dataOf(
  file: FileHandle,
  entry: ArchiveEntry,
  end: number,
  findings: Findings,
): Promise<number | undefined> {
  const { name, rawName, offset, flags, method, crc, packed, size } = entry;
  const refuse = (what: string) => findings.add('zip-local-header', name, what);
  // An offset beyond the file may be larger than a place can be.
  const header =
    offset < end ? await bytesAt(file, offset, LOCAL_SIZE + rawName.length) : Buffer.alloc(0);
  if (header.length < LOCAL_SIZE + rawName.length || header.readUInt32LE(0) !== LOCAL) {
    refuse('has no local header at the offset in the directory');
    return undefined;
  }
  const data = offset + LOCAL_SIZE + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (data + packed > end) {
    refuse('reaches into the directory, or beyond the archive');
    return undefined;
  }
  const sameName =
    header.readUInt16LE(26) === rawName.length && header.subarray(LOCAL_SIZE).equals(rawName);
  if (!sameName) refuse('has another name in its local header');
  if (header.readUInt16LE(6) !== flags || header.readUInt16LE(8) !== method)
    refuse('has other flags or another method in its local header');
  const told = [header.readUInt32LE(14), header.readUInt32LE(18), header.readUInt32LE(22)];
  const large = told[1] === 0xffffffff || told[2] === 0xffffffff;
  const later = (flags & 8) !== 0;
  const differs = told[0] !== crc || (!large && (told[1] !== packed || told[2] !== size));
  if (differs && !(later && told.every((number) => number === 0)))
    refuse('has another checksum or size in its local header');
  return data;
}

interface Content {
  readonly kept: Buffer;
  readonly fault?: string;
}

async function contentOf(
  file: FileHandle,
  { packed, size, method, crc }: ArchiveEntry,
  from: number,
  most: number,
  deadline: number,
): Promise<Content> {
  const kept: Buffer[] = [];
  let [count, length, sum] = [0, 0, 0];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      count += chunk.length;
      sum = crc32(chunk, sum);
      if (length < most) kept.push(chunk.subarray(0, most - length));
      length = Math.min(most, count);
      if (count > size) done(new Error(`unpacks to more than the ${size} bytes it declares`));
      else done(Date.now() > deadline ? new Error('takes too long to unpack') : null);
    },
  });
  const source = Readable.from(pieces(file, from, packed));
  try {
    if (method === 0) await pipeline(source, sink);
    else await pipeline(source, createInflateRaw({ chunkSize: CHUNK }), sink);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const fault = code?.startsWith('Z_') ? `cannot be unpacked: ${message}` : message;
    return { kept: Buffer.concat(kept), fault };
  }
  const all = Buffer.concat(kept);
  if (count !== size) return { kept: all, fault: `unpacks to ${count} bytes but declares ${size}` };
  if (sum !== crc) return { kept: all, fault: 'does not match its checksum' };
  return { kept: all };
}

async function* pieces(file: FileHandle, from: number, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < length; at += CHUNK)
    yield bytesAt(file, from + at, Math.min(CHUNK, length - at));
}
