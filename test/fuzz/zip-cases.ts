import { crc32, deflateRawSync } from 'node:zlib';
import { damaged, hostileWord } from './damage.js';
import type { Dice } from './dice.js';

/** ZIP archives written by hand, so that every number in them may lie (APPNOTE.TXT 6.3.10). */

export interface ZipPart {
  readonly name: string;
  readonly data: Uint8Array;
}

/** An entry with what its headers say of it. */
interface Entry {
  name: Uint8Array;
  body: Uint8Array;
  method: number;
  flags: number;
  crc: number;
  packed: number;
  size: number;
  /** Unix mode in the upper half: 0xa1ff0000 is a symbolic link. */
  attributes: number;
  extra: Uint8Array;
  /** Where the directory says that it starts; by default where it does. */
  offset?: number;
}

interface Archive {
  entries: Entry[];
  /** Entries as the end record counts them. */
  count?: number;
  directorySize?: number;
  directoryOffset?: number;
  comment: Uint8Array;
  zip64: boolean;
  before: Uint8Array;
}

/** An archive of these files, honest. */
export function zipOf(parts: readonly ZipPart[], compress = true): Uint8Array {
  return written(honest(parts, compress));
}

/** An archive of these files in which up to three things are wrong. */
export function zipCase(parts: readonly ZipPart[], dice: Dice): Uint8Array {
  const archive = honest(parts, dice.chance(0.7));
  for (let count = dice.between(0, 3); count > 0; count--) dice.pick(lies)(archive, dice);
  const bytes = written(archive);
  if (!dice.chance(0.35)) return bytes;
  if (dice.chance(0.5)) return damaged(bytes, dice);
  // The directory is at the end.
  const tail = Math.min(bytes.length, 600);
  const [head, end] = [bytes.subarray(0, -tail), bytes.subarray(-tail)];
  return Buffer.concat([head, damaged(end, dice)]);
}

function honest(parts: readonly ZipPart[], compress: boolean): Archive {
  return {
    entries: parts.map(({ name, data }) => entryOf(name, data, compress)),
    comment: new Uint8Array(0),
    zip64: false,
    before: new Uint8Array(0),
  };
}

function entryOf(name: string, data: Uint8Array, compress: boolean): Entry {
  const body = compress ? deflateRawSync(data, { level: 1 }) : data;
  return {
    name: Buffer.from(name),
    body,
    method: compress ? 8 : 0,
    flags: 0x800,
    crc: crc32(data),
    packed: body.length,
    size: data.length,
    attributes: 0x81a40000,
    extra: new Uint8Array(0),
  };
}

const names = [
  '../evil.csv',
  '../../../../tmp/evil.csv',
  '/etc/passwd',
  'C:\\evil.csv',
  '..\\evil.csv',
  'a/../../evil.csv',
  './benchmark.yaml',
  'folder/',
  '.',
  '..',
  '',
  'con',
  'BENCHMARK.YAML',
  'second.yaml',
  `${'n'.repeat(60_000)}.csv`,
  `${'x'.repeat(250)}.csv`,
  'evil\u0000.csv',
  'évil.csv',
  '\u202evsc.evil',
];
const numbers = [0, 1, 8, 0xffff, 0x7fffffff, 0xfffffffe, 0xffffffff];

/** A mebibyte of zeros for each; deflate takes it a thousandfold. */
const bomb = (mebibytes: number) => deflateRawSync(Buffer.alloc(mebibytes * 2 ** 20), { level: 9 });
const bombs = [1, 16, 80].map((mebibytes) => ({
  body: bomb(mebibytes),
  size: mebibytes * 2 ** 20,
}));

const lies: readonly ((archive: Archive, dice: Dice) => void)[] = [
  ({ entries }, dice) => {
    dice.pick(entries).name = Buffer.from(dice.chance(0.8) ? dice.pick(names) : hostileWord(dice));
  },
  ({ entries }, dice) => void entries.push({ ...dice.pick(entries) }),
  ({ entries }, dice) =>
    void entries.push(entryOf(dice.pick(names), dice.bytes(9), dice.chance(0.5))),
  ({ entries }, dice) =>
    void entries.splice(dice.below(entries.length), entries.length > 1 ? 1 : 0),
  ({ entries }, dice) => {
    const link = dice.pick(entries);
    const data = Buffer.from('/etc/passwd');
    Object.assign(link, entryOf('link.csv', data, false), {
      name: link.name,
      attributes: 0xa1ff0000,
    });
  },
  ({ entries }, dice) => {
    const { body, size } = dice.pick(bombs);
    const said = dice.chance(0.5) ? size : dice.pick([1, 100, 0xffffffff]);
    Object.assign(dice.pick(entries), { body, method: 8, packed: body.length, size: said });
  },
  ({ entries }, dice) => Object.assign(dice.pick(entries), { crc: dice.below(2 ** 31) }),
  ({ entries }, dice) => Object.assign(dice.pick(entries), { size: dice.pick(numbers) }),
  ({ entries }, dice) => Object.assign(dice.pick(entries), { packed: dice.pick(numbers) }),
  ({ entries }, dice) =>
    Object.assign(dice.pick(entries), { method: dice.pick([0, 8, 9, 12, 14, 93, 99]) }),
  ({ entries }, dice) => Object.assign(dice.pick(entries), { flags: dice.below(0x10000) }),
  // Overlapping: two names for the bytes of one.
  ({ entries }, dice) =>
    Object.assign(dice.pick(entries), { offset: dice.pick([0, 1, 30, ...numbers]) }),
  ({ entries }, dice) => Object.assign(dice.pick(entries), { extra: zip64Extra(dice) }),
  (archive) => Object.assign(archive, { zip64: true }),
  (archive, dice) => Object.assign(archive, { count: dice.pick(numbers) }),
  (archive, dice) => Object.assign(archive, { directorySize: dice.pick(numbers) }),
  (archive, dice) => Object.assign(archive, { directoryOffset: dice.pick(numbers) }),
  (archive, dice) =>
    Object.assign(archive, { comment: Buffer.from('PK\x05\x06'.repeat(dice.between(1, 500))) }),
  (archive, dice) => Object.assign(archive, { before: dice.bytes(dice.between(1, 200)) }),
];

function zip64Extra(dice: Dice): Uint8Array {
  const said = dice.below(4);
  const extra = Buffer.alloc(4 + 8 * said);
  extra.writeUInt16LE(dice.pick([1, 1, 1, 0x7075, 0x9901]), 0);
  extra.writeUInt16LE(dice.chance(0.8) ? 8 * said : dice.below(100), 2);
  for (let i = 0; i < said; i++)
    extra.writeBigUInt64LE(
      dice.pick([0n, 1n, 2n ** 32n, 2n ** 40n, 2n ** 53n, 2n ** 64n - 1n]),
      4 + 8 * i,
    );
  return extra;
}

function written({ entries, comment, zip64, before, ...said }: Archive): Uint8Array {
  const pieces: Uint8Array[] = [before];
  const directory: Uint8Array[] = [];
  let at = before.length;
  for (const entry of entries) {
    const local = header(entry, undefined);
    directory.push(header(entry, entry.offset ?? at));
    pieces.push(local, entry.body);
    at += local.length + entry.body.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const count = said.count ?? entries.length;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  for (const field of [8, 10]) end.writeUInt16LE(zip64 ? 0xffff : count & 0xffff, field);
  end.writeUInt32LE(zip64 ? 0xffffffff : (said.directorySize ?? size), 12);
  end.writeUInt32LE(zip64 ? 0xffffffff : (said.directoryOffset ?? at), 16);
  end.writeUInt16LE(comment.length, 20);
  const large = zip64
    ? zip64End({
        count,
        size: said.directorySize ?? size,
        offset: said.directoryOffset ?? at,
        at: at + size,
      })
    : [];
  return Buffer.concat([...pieces, ...directory, ...large, end, comment]);
}

/** A local header, or the directory's where an offset is given. */
function header(entry: Entry, offset: number | undefined): Uint8Array {
  const isLocal = offset === undefined;
  const bytes = Buffer.alloc(isLocal ? 30 : 46);
  bytes.writeUInt32LE(isLocal ? 0x04034b50 : 0x02014b50, 0);
  const at = isLocal ? 4 : 6;
  bytes.writeUInt16LE(45, at);
  bytes.writeUInt16LE(entry.flags & 0xffff, at + 2);
  bytes.writeUInt16LE(entry.method, at + 4);
  bytes.writeUInt32LE(entry.crc >>> 0, at + 10);
  bytes.writeUInt32LE(entry.packed >>> 0, at + 14);
  bytes.writeUInt32LE(entry.size >>> 0, at + 18);
  bytes.writeUInt16LE(Math.min(entry.name.length, 0xffff), at + 22);
  bytes.writeUInt16LE(entry.extra.length, at + 24);
  if (!isLocal) {
    bytes.writeUInt32LE(entry.attributes >>> 0, 38);
    bytes.writeUInt32LE(offset >>> 0, 42);
  }
  return Buffer.concat([bytes, entry.name, entry.extra]);
}

function zip64End(said: { count: number; size: number; offset: number; at: number }): Uint8Array[] {
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE(45, 12);
  record.writeUInt16LE(45, 14);
  for (const field of [24, 32]) record.writeBigUInt64LE(BigInt(said.count), field);
  record.writeBigUInt64LE(BigInt(said.size), 40);
  record.writeBigUInt64LE(BigInt(said.offset), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(said.at), 8);
  locator.writeUInt32LE(1, 16);
  return [record, locator];
}
