import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip, type ZlibOptions } from 'node:zlib';
import { packageRoot } from '../../formats/package-root.js';
import { syncFile, writeWhole } from '../files/write-whole.js';
import { schemaText } from './migrations.js';

/**
 * A database of the present schema, without rows, as the build makes it: a new home unpacks it in place of making and
 * migrating one. Its name is a digest of all that it follows from, so that one of another schema is never found.
 */

/** Raised when the form of the file changes. */
const FORM = 2;

/** A file or folder of a database, by its path within. */
interface Entry {
  readonly path: string;
  /** Bytes of the file; null for a folder. */
  readonly size: number | null;
  /** Where its bytes are; what follows them up to its size is zero. */
  readonly at: number;
  readonly length: number;
}

/** Files that are written side by side: few, for systems with few descriptors. */
const WRITES = 8;

/** Bytes that are inflated at once: thousands of small pieces would leave holes in the memory of the service. */
const CHUNK = 4 * 2 ** 20;

const inflate: (packed: Buffer, how: ZlibOptions) => Promise<Buffer> = promisify(gunzip);
const deflate: (bytes: Buffer, how: ZlibOptions) => Promise<Buffer> = promisify(gzip);

/** Where the prepared database of this version is, if the build made one. */
export function preparedDatabase(): string {
  const { dependencies } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  const made = JSON.stringify([FORM, dependencies['@electric-sql/pglite'], schemaText]);
  const digest = createHash('sha256').update(made).digest('hex');
  return join(packageRoot, 'dist', 'database', `${digest}.gz`);
}

/**
 * Unpacks the prepared database into a folder, which is made; all of it is on the disk.
 * @returns false where there is none, or a damaged one: then the folder has to be removed
 * @throws as the disk fails
 */
export async function unpackDatabase(folder: string, from = preparedDatabase()): Promise<boolean> {
  const packed = await readFile(from).catch(() => undefined);
  const bytes = packed && (await inflate(packed, { chunkSize: CHUNK }).catch(() => undefined));
  if (!bytes) return false;
  const start = 4 + bytes.readUInt32LE(0);
  const entries = JSON.parse(bytes.toString('utf8', 4, start)) as Entry[];
  const folders = [folder];
  await mkdir(folder, { mode: FOLDER });
  for (const { path, size } of entries) {
    if (size !== null) continue;
    folders.push(join(folder, path));
    await mkdir(join(folder, path), { mode: FOLDER });
  }
  await sideBySide(
    entries.filter(({ size }) => size !== null),
    (entry) => writeEntry(folder, entry, bytes.subarray(start)),
  );
  await sideBySide(folders, syncFile);
  return true;
}

/** PostgreSQL starts only where no other user can write, and its umask follows that of its folder. */
const FOLDER = 0o700;
const FILE = 0o600;
const ZEROS = Buffer.alloc(2 ** 20);

async function writeEntry(folder: string, entry: Entry, bytes: Buffer): Promise<void> {
  const file = await open(join(folder, entry.path), 'wx', FILE);
  try {
    await file.writeFile(bytes.subarray(entry.at, entry.at + entry.length));
    // Room for the log is taken now, as PostgreSQL does, so that a full disk does not stop it later.
    for (let left = (entry.size ?? 0) - entry.length; left > 0; left -= ZEROS.length)
      await file.write(ZEROS, 0, Math.min(left, ZEROS.length));
    await file.sync();
  } finally {
    await file.close();
  }
}

async function sideBySide<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const next = async () => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) await work(one);
  };
  await Promise.all(Array.from({ length: WRITES }, next));
}

/** Writes the prepared database from the folder of one that was closed; earlier ones are removed. */
export async function packDatabase(folder: string, to = preparedDatabase()): Promise<void> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const entries: Entry[] = [];
  const parts: Buffer[] = [];
  const known = new Map<string, number>();
  let end = 0;
  const paths = found.map((entry) => ({
    path: join(entry.parentPath, entry.name).slice(folder.length + 1),
    isFolder: entry.isDirectory(),
  }));
  for (const { path, isFolder } of paths.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    if (isFolder) {
      entries.push({ path, size: null, at: 0, length: 0 });
      continue;
    }
    const whole = await readFile(join(folder, path));
    const content = whole.subarray(0, 1 + whole.findLastIndex((byte) => byte !== 0));
    // The three databases of a new PostgreSQL are alike.
    const digest = createHash('sha256').update(content).digest('hex');
    const at = known.get(digest) ?? end;
    if (at === end) {
      known.set(digest, at);
      parts.push(content);
      end += content.length;
    }
    entries.push({ path, size: whole.length, at, length: content.length });
  }
  const header = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const packed = await deflate(Buffer.concat([length, header, ...parts]), { level: 9 });
  await rm(dirname(to), { recursive: true, force: true });
  await mkdir(dirname(to), { recursive: true });
  await writeWhole(to, packed);
}
