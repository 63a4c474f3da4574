import type { FileHandle } from 'node:fs/promises';
import type { Findings } from './finding.js';

/** An entry of a ZIP archive as its directory says it. */
export interface ArchiveEntry {
  readonly name: string;
  readonly rawName: Buffer;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  /** Bytes in the archive. */
  readonly packed: number;
  /** Bytes after decompression. */
  readonly size: number;
  /** Place of the local header. */
  readonly offset: number;
  /** Unix mode, 0 if there is none. */
  readonly mode: number;
  readonly isFolder: boolean;
}

/** The declared contents of an archive. */
export interface ArchiveDirectory {
  readonly entries: readonly ArchiveEntry[];
  /** Where the directory starts: entries lie before it. */
  readonly start: number;
}

const MOST_ENTRIES = 20_000;
const LARGEST_DIRECTORY = 16 * 2 ** 20;
const END = 0x06054b50;
const END_SIZE = 22;
const LOCATOR_SIZE = 20;
const ENTRY = 0x02014b50;
const ENTRY_SIZE = 46;

/** Bytes of a file; fewer where it ends. */
export async function bytesAt(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await file.read(buffer, got, length - got, from + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return buffer.subarray(0, got);
}

/**
 * The directory of a ZIP archive. What is wrong with it goes to the findings; undefined if nothing can be
 * read. A reader that throws at the first oddity (as yauzl does) could name one of them alone.
 */
export async function readDirectory(
  file: FileHandle,
  size: number,
  findings: Findings,
): Promise<ArchiveDirectory | undefined> {
  const tail = await bytesAt(file, Math.max(0, size - 65_557), Math.min(size, 65_557));
  const at = endRecord(tail);
  if (at < 0) {
    findings.add(
      'zip-invalid',
      '',
      size === 0 ? 'is empty' : 'is not a ZIP archive, or its end is missing',
    );
    return undefined;
  }
  const end = tail.subarray(at);
  const behind = end.length - END_SIZE - end.readUInt16LE(20);
  if (behind > 0)
    findings.add('zip-data-after', '', `${behind} bytes follow the end of the archive`);
  if (end.readUInt16LE(4) !== 0 || end.readUInt16LE(6) !== 0) {
    findings.add('zip-invalid', '', 'is a part of an archive on several disks');
    return undefined;
  }
  const place = await placeOf(file, size - tail.length + at, end);
  if (place === undefined || place.start < 0) {
    findings.add('zip-truncated', '', 'its directory is not at the offset in its end record');
    return undefined;
  }
  return entriesAt(file, place, findings);
}

/** The last record that ends where the file does, else the last one that fits: data may follow it. */
function endRecord(tail: Buffer): number {
  let fits = -1;
  for (let at = tail.length - END_SIZE; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END) continue;
    const end = at + END_SIZE + tail.readUInt16LE(at + 20);
    if (end === tail.length) return at;
    if (end < tail.length && fits < 0) fits = at;
  }
  return fits;
}

interface Place {
  readonly start: number;
  readonly size: number;
  readonly count: number;
  /** Bytes before the archive: every offset counts from their end. */
  readonly before: number;
}

async function placeOf(file: FileHandle, at: number, end: Buffer): Promise<Place | undefined> {
  const plain = {
    count: end.readUInt16LE(10),
    size: end.readUInt32LE(12),
    offset: end.readUInt32LE(16),
    end: at,
  };
  const isLarge =
    plain.count === 0xffff || plain.size === 0xffffffff || plain.offset === 0xffffffff;
  const said = isLarge ? ((await largePlace(file, at)) ?? plain) : plain;
  const start = said.end - said.size;
  if (start < said.offset) return undefined;
  return { start, size: said.size, count: said.count, before: start - said.offset };
}

/** ZIP64: the same numbers with more room. */
async function largePlace(file: FileHandle, at: number) {
  if (at < LOCATOR_SIZE) return undefined;
  const locator = await bytesAt(file, at - LOCATOR_SIZE, LOCATOR_SIZE);
  if (locator.readUInt32LE(0) !== 0x07064b50) return undefined;
  const place = Number(locator.readBigUInt64LE(8));
  if (place > at - LOCATOR_SIZE - 56) return undefined;
  const record = await bytesAt(file, place, 56);
  if (record.length < 56 || record.readUInt32LE(0) !== 0x06064b50) return undefined;
  return {
    count: Number(record.readBigUInt64LE(32)),
    size: Number(record.readBigUInt64LE(40)),
    offset: Number(record.readBigUInt64LE(48)),
    end: place,
  };
}

async function entriesAt(
  file: FileHandle,
  { start, size, count, before }: Place,
  findings: Findings,
): Promise<ArchiveDirectory | undefined> {
  if (before > 0)
    findings.add(
      'zip-data-before',
      '',
      `${before} bytes lie before the archive, as in a program that unpacks itself`,
    );
  if (size > LARGEST_DIRECTORY || count > MOST_ENTRIES) {
    findings.add(
      'zip-too-many-entries',
      '',
      `has ${count} entries, the maximum is ${MOST_ENTRIES}`,
    );
    return undefined;
  }
  const bytes = await bytesAt(file, start, size);
  const entries: ArchiveEntry[] = [];
  let at = 0;
  while (at + ENTRY_SIZE <= bytes.length && bytes.readUInt32LE(at) === ENTRY) {
    const length = ENTRY_SIZE + lengthsOf(bytes, at);
    if (at + length > bytes.length || entries.length >= MOST_ENTRIES) break;
    entries.push(entryOf(bytes.subarray(at, at + length), before, findings));
    at += length;
  }
  if (at !== bytes.length || entries.length !== count) {
    findings.add(
      'zip-truncated',
      '',
      `declares ${count} entries, its directory has ${entries.length}`,
    );
  }
  return { entries, start };
}

const lengthsOf = (bytes: Buffer, at: number) =>
  bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);

function entryOf(record: Buffer, before: number, findings: Findings): ArchiveEntry {
  const flags = record.readUInt16LE(8);
  const nameEnd = ENTRY_SIZE + record.readUInt16LE(28);
  const rawName = record.subarray(ENTRY_SIZE, nameEnd);
  const extra = record.subarray(nameEnd, nameEnd + record.readUInt16LE(30));
  const name = decoded(rawName, flags, extra, findings);
  const [size, packed, offset] = largeNumbers(
    [record.readUInt32LE(24), record.readUInt32LE(20), record.readUInt32LE(42)],
    extraField(extra, 0x0001),
  );
  return {
    name,
    rawName,
    flags,
    method: record.readUInt16LE(10),
    crc: record.readUInt32LE(16),
    packed,
    size,
    offset: offset + before,
    mode: record.readUInt32LE(38) >>> 16,
    isFolder: name.endsWith('/'),
  };
}

/** Saturated numbers are in the ZIP64 field, in this order. */
function largeNumbers(numbers: readonly number[], field: Buffer | undefined): number[] {
  let at = 0;
  return numbers.map((number) => {
    if (number !== 0xffffffff || field === undefined || at + 8 > field.length) return number;
    at += 8;
    return Number(field.readBigUInt64LE(at - 8));
  });
}

function extraField(extra: Buffer, wanted: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === wanted) return extra.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
  return undefined;
}

/** UTF-8 if the flag is set, else code page 437, of which only ASCII is portable. */
function decoded(raw: Buffer, flags: number, extra: Buffer, findings: Findings): string {
  const isAscii = raw.every((byte) => byte < 0x80);
  const isUtf8 = (flags & 0x800) !== 0;
  let name = raw.toString('latin1');
  if (isUtf8 && !isAscii) {
    try {
      name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
    } catch {
      findings.add('zip-encoding', name, 'its name is marked as UTF-8 but is not UTF-8');
    }
  }
  if (!isUtf8 && !isAscii)
    findings.add(
      'zip-encoding',
      name,
      'its name is not ASCII and not marked as UTF-8, so that every program reads another',
    );
  const other = extraField(extra, 0x7075)?.subarray(5).toString('utf8');
  if (other !== undefined && other !== name)
    findings.add('zip-encoding', name, `has a second name, ${other}, which some programs use`);
  return name;
}
