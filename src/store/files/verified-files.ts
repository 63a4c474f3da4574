import { createHash } from 'node:crypto';
import {
  type FileHandle,
  open,
  readdir,
  readFile,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder, writeWhole } from './write-whole.js';

/** Files that are remembered at most; the ones checked longest ago go first. */
const MOST_FILES = 100_000;
/** Milliseconds after which a file is hashed again though its status is the same: disks lose bits silently. */
const RECHECK_MS = 7 * 24 * 3600_000;
const SLICE_BYTES = 2 ** 18;

/** Digest and status of a file when it was last hashed. */
interface Seen {
  /** Size, mtime and ctime: any write to the file changes one of them. */
  readonly status: string;
  readonly digest: string;
  readonly at: number;
}

/** Names and digests (`sha256:…`) of the files of a folder. */
export type FolderDigests = Readonly<Record<string, string>>;

/**
 * Checks files by digest where their bytes are used. A file is hashed once, and again when its device,
 * inode, size, mtime or ctime change, or after a week; a check of a known file costs one `fstat`. Results are kept
 * only in memory.
 */
export class VerifiedFiles {
  readonly #seen = new Map<string, Seen>();
  readonly #reading = new Map<string, Promise<string>>();

  /**
   * Whether a file holds the bytes of a digest.
   * @returns `fresh`: whether it was hashed for this answer. Throws what the file system says, `ENOENT` too.
   */
  async check(path: string, digest: string): Promise<{ good: boolean; fresh: boolean }> {
    const handle = await open(path, 'r');
    try {
      const { inode, status } = await statusOf(handle);
      const seen = this.#seen.get(inode);
      const fresh = seen?.status !== status || Date.now() - seen.at > RECHECK_MS;
      const found = fresh ? await this.#read(handle, inode) : seen.digest;
      return { good: found === digest, fresh };
    } finally {
      await handle.close();
    }
  }

  /** Hashes a file whatever is remembered of it, and remembers it. */
  async digestOf(path: string): Promise<string> {
    const handle = await open(path, 'r');
    try {
      return await this.#hash(handle);
    } finally {
      await handle.close();
    }
  }

  /** Forgets everything, so that the next check of each file reads it. */
  forget(): void {
    this.#seen.clear();
  }

  /** Those that ask for one file at the same time read it once. */
  #read(handle: FileHandle, inode: string): Promise<string> {
    const reading = this.#reading.get(inode);
    if (reading) return reading;
    const mine = this.#hash(handle).finally(() => this.#reading.delete(inode));
    this.#reading.set(inode, mine);
    return mine;
  }

  async #hash(handle: FileHandle): Promise<string> {
    const before = await statusOf(handle);
    const digest = await digestOfHandle(handle);
    const { inode, status } = await statusOf(handle);
    this.#seen.delete(inode);
    // A file written meanwhile is hashed again the next time.
    if (status === before.status) this.#seen.set(inode, { status, digest, at: Date.now() });
    if (this.#seen.size > MOST_FILES) this.#seen.delete(this.#seen.keys().next().value as string);
    return digest;
  }
}

async function statusOf(handle: FileHandle): Promise<{ inode: string; status: string }> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true });
  return { inode: `${dev}:${ino}`, status: `${size}:${mtimeNs}:${ctimeNs}` };
}

async function digestOfHandle(handle: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(SLICE_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, SLICE_BYTES, at);
    if (bytesRead === 0) return `sha256:${hash.digest('hex')}`;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/** Writes the digests of a whole folder to a file, so that {@link isWhole} can check the folder later. */
export async function sealFolder(
  checks: VerifiedFiles,
  folder: string,
  seal: string,
): Promise<void> {
  const digests: [name: string, digest: string][] = [];
  for (const name of (await readdir(folder)).toSorted())
    digests.push([name, await checks.digestOf(join(folder, name))]);
  // A file may be called `__proto__`.
  await writeWhole(seal, JSON.stringify(Object.fromEntries(digests)), 0o600);
  await syncFolder(join(seal, '..'));
}

/** The stored digests of a folder; undefined if there are none, or they cannot be read. */
export async function readSeal(seal: string): Promise<FolderDigests | undefined> {
  try {
    const read: unknown = JSON.parse(await readFile(seal, 'utf8'));
    const isSeal =
      typeof read === 'object' &&
      read !== null &&
      Object.values(read).every((digest) => /^sha256:[0-9a-f]{64}$/.test(String(digest)));
    return isSeal ? (read as FolderDigests) : undefined;
  } catch {
    return undefined;
  }
}

/** Files of a folder that are not what its seal says. @returns `fresh`: whether any was hashed for this answer */
export async function damageOf(
  checks: VerifiedFiles,
  folder: string,
  digests: FolderDigests,
): Promise<{ readonly names: readonly string[]; readonly fresh: boolean }> {
  const names: string[] = [];
  let hashed = false;
  for (const [name, digest] of Object.entries(digests)) {
    try {
      const { good, fresh } = await checks.check(join(folder, name), digest);
      if (!good) names.push(name);
      hashed ||= fresh;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      names.push(name);
    }
  }
  return { names, fresh: hashed };
}

/**
 * From when on a file may have been damaged: its last change, where it was found good before that, else the
 * time when it was last found good, which is the mtime of its mark; null if it never was.
 */
export async function damagedSince(mark: string, paths: readonly string[]): Promise<Date | null> {
  const good = await stat(mark).catch(() => undefined);
  if (!good) return null;
  const changes = await Promise.all(paths.map((path) => stat(path).catch(() => good)));
  const first = Math.min(...changes.map(({ ctimeMs }) => ctimeMs));
  return new Date(Math.max(good.mtimeMs, Number.isFinite(first) ? first : 0));
}

/** Records that the files of a mark are good now. Failures are ignored: the record is optional. */
export async function markGood(mark: string): Promise<void> {
  const now = new Date();
  // An empty file is whole as soon as it is there: a process killed here leaves no temporary name.
  await utimes(mark, now, now).catch(() => writeFile(mark, '', { mode: 0o600 }).catch(() => {}));
}
