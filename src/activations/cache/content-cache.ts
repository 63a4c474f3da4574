import { createHash, randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, rename, rm, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { entryBytes, isEntryWhole, readCacheEntry, readKey, writeEntry } from './cache-entry.js';

const GIB = 2 ** 30;

const SCOPES = 'scopes';
/** Prefix of unfinished files in the folder of a scope. */
const UNFINISHED = 'unfinished-';

/** A write that has not moved for so long belongs to a process that is gone. */
const ABANDONED_MS = 10 * 60_000;
/** An entry is small if this many of its size fit into the bound: 512 KiB of 10 GiB. */
const SMALL = 20_480;

/** What {@link ContentCache.entries} says of an entry. */
export interface CacheEntry {
  /** Prefix of its key (`gram` of `gram-sha256:…`); `damaged` if no key can be read. */
  readonly kind: string;
  /** Bytes on the disk. */
  readonly bytes: number;
}

/**
 * Bytes under keys that name their content, in HOME/cache/activations, shared by any number of
 * processes without a lock: an entry is one file that appears whole, by being renamed, and never
 * changes. Nothing is synced to the disk: the digest detects damage by a power loss.
 * Each scope has its own folder, so that a process can be given a single scope. A writer may be hijacked: the
 * folder is flat, and no link in it is followed.
 */
export class ContentCache {
  /** Where the entries lie. */
  readonly folder: string;
  /** Bytes that the entries may take on the disk; with 0 nothing is kept or served. */
  readonly maxBytes: number;
  /** Hits and misses of {@link get}. */
  readonly lookups = { hits: 0, misses: 0 };
  readonly #scope: string;
  /** Bytes that lay on the disk when it was last looked through, and those written here since then. */
  #counted = Number.POSITIVE_INFINITY;
  #written = 0;
  #lastPut: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, maxBytes: number, scope: string) {
    this.folder = folder;
    this.maxBytes = maxBytes;
    this.#scope = scope;
  }

  /**
   * Opens the cache of a home, and sweeps half-written files of killed processes. Creates no folder before the
   * first entry. Without a scope it inspects and bounds the entries of all scopes.
   * @param options.maxBytes bound in bytes, 10 GiB unless said
   * @param options.scope entries of one scope are invisible to others, so that they reveal nothing about other
   * owners; default empty
   */
  static async open(
    home: string,
    options: { readonly maxBytes?: number; readonly scope?: string } = {},
  ): Promise<ContentCache> {
    const { maxBytes = 10 * GIB, scope = '' } = options;
    const cache = new ContentCache(ContentCache.folderOf(home, scope), maxBytes, scope);
    await cache.#sweep().catch(passOver);
    return cache;
  }

  /** Where the entries of a scope lie. */
  static folderOf(home: string, scope = ''): string {
    const root = join(home, 'cache', 'activations');
    return scope === '' ? root : join(root, SCOPES, sha256(scope));
  }

  /**
   * Makes room for a scope whose process sees no others: least recently used entries of other scopes are evicted
   * until they take half of the bound.
   * @throws what the file system says
   * @returns bytes that the scope may take
   */
  static async makeShare(home: string, scope: string, maxBytes: number): Promise<number> {
    if (scope === '' || maxBytes === 0) return maxBytes;
    const whole = new ContentCache(ContentCache.folderOf(home), maxBytes, '');
    const own = ContentCache.folderOf(home, scope);
    const others = (await whole.#files()).filter(({ path }) => dirname(path) !== own);
    // An entry has at most 1 GiB.
    const odd = ({ bytes }: File) => Number(bytes > 2 * GIB);
    others.sort((a, b) => odd(b) - odd(a) || a.lastUsed - b.lastUsed);
    let total = sum(others);
    for (const { path, bytes } of others) {
      if (total <= maxBytes / 2) break;
      await rm(path, { force: true }).catch(passOver);
      total -= bytes;
    }
    return maxBytes - total;
  }

  /**
   * The bytes under a key, checked by their digest; undefined if there are none, if the disk cannot be read, or if
   * they are damaged or have another key: then they are removed. The returned buffer has no other contents, so
   * that a typed array of any width can view it.
   */
  async get(key: string): Promise<Uint8Array | undefined> {
    const found = this.maxBytes === 0 ? undefined : await this.#read(key);
    this.lookups[found ? 'hits' : 'misses']++;
    return found;
  }

  async #read(key: string): Promise<Uint8Array | undefined> {
    const path = this.#path(key);
    try {
      const body = await readCacheEntry(path, key);
      if (!body) await rm(path, { force: true });
      else await utimes(path, new Date(), new Date()).catch(passOver);
      return body;
    } catch (error) {
      return passOver(error);
    }
  }

  /** Whether a key has an entry; its contents are checked when it is read. */
  async has(key: string): Promise<boolean> {
    if (this.maxBytes === 0) return false;
    return lstat(this.#path(key)).then(
      (found) => found.isFile(),
      () => false,
    );
  }

  /**
   * Keeps bytes (the parts, one after the other) under a key, after what was used least recently has
   * made room. False where they are larger than a tenth of the bound or than 1 GiB, or where the disk
   * is full or may not be written. The puts of one process follow one another.
   */
  put(key: string, bytes: readonly Uint8Array[]): Promise<boolean> {
    const put = this.#lastPut.then(() => this.#keep(this.#path(key), key, bytes));
    this.#lastPut = put.catch(() => {});
    return put;
  }

  /**
   * Every entry, in no order.
   * @throws what the file system says
   */
  async entries(): Promise<CacheEntry[]> {
    const entries: CacheEntry[] = [];
    for (const { path, bytes } of await this.#files()) {
      try {
        entries.push({ kind: kindOf(await readKey(path)), bytes });
      } catch (error) {
        missing(error as NodeJS.ErrnoException);
      }
    }
    return entries;
  }

  /** Reads every entry. @returns how many there are, and the paths of those that are not as they were written */
  async verify(): Promise<{ readonly entries: number; readonly damaged: readonly string[] }> {
    const files = await this.#files();
    const damaged: string[] = [];
    for (const { path } of files)
      if ((await isEntryWhole(path).catch(missing)) === false) damaged.push(path);
    return { entries: files.length, damaged };
  }

  /**
   * Removes every entry and half-written file; processes that are writing continue without them. Returns the freed
   * bytes.
   * @throws what the file system says where it does not allow it
   */
  async clear(): Promise<{ readonly entries: number; readonly bytes: number }> {
    const files = await this.#files();
    for (const { path } of [...files, ...(await this.#unfinished())]) {
      await rm(path, { force: true });
    }
    return { entries: files.length, bytes: sum(files) };
  }

  #path(key: string): string {
    if (!/^[!-~]{1,256}$/.test(key)) {
      throw new RangeError(`A key has 1 to 256 printable ASCII characters, found "${key}"`);
    }
    const salted = this.#scope === '' ? key : `${this.#scope}\n${key}`;
    const name = sha256(salted);
    return this.#scope === '' ? join(this.folder, name.slice(0, 2), name) : join(this.folder, name);
  }

  async #keep(path: string, key: string, parts: readonly Uint8Array[]): Promise<boolean> {
    const size = entryBytes(parts);
    if (size > Math.min(this.maxBytes / 10, GIB)) return false;
    const temporary = join(
      this.folder,
      `${this.#scope === '' ? 'unfinished/' : UNFINISHED}${randomUUID()}`,
    );
    try {
      if (!(await this.#makeRoom(size))) return false;
      await mkdir(dirname(temporary), { recursive: true });
      await mkdir(dirname(path), { recursive: true });
      await writeEntry(temporary, key, parts);
      await rename(temporary, path);
      this.#written += size;
      return true;
    } catch (error) {
      await rm(temporary, { force: true }).catch(passOver);
      passOver(error);
      return false;
    }
  }

  /**
   * Evicts down to nine tenths of the bound where `size` more would exceed it, what is small last: a
   * matrix makes room for a thousand measurements, and a measurement makes room for nothing. False where
   * that does not succeed. What others write is seen by looking through the disk, which each process does for
   * every twentieth of the bound that it writes: together they exceed it by a twentieth each at most,
   * or by one entry each where that is more.
   */
  async #makeRoom(size: number): Promise<boolean> {
    const { maxBytes } = this;
    const written = this.#written + size;
    if (this.#counted + written <= maxBytes && written <= maxBytes / 20) return true;
    const files = await this.#files();
    let total = sum(files) + sum(await this.#unfinished());
    if (total + size > maxBytes) {
      const small = ({ bytes }: File) => Number(bytes <= maxBytes / SMALL);
      files.sort((a, b) => small(a) - small(b) || a.lastUsed - b.lastUsed);
      for (const { path, bytes } of files) {
        if (total + size <= 0.9 * maxBytes) break;
        await rm(path, { force: true }).then(() => {
          total -= bytes;
        }, passOver);
      }
    }
    this.#counted = total;
    this.#written = 0;
    return total + size <= maxBytes;
  }

  async #sweep(): Promise<void> {
    for (const { path, lastUsed } of await this.#unfinished()) {
      if (Date.now() - lastUsed > ABANDONED_MS) await rm(path, { force: true });
    }
  }

  async #files(): Promise<File[]> {
    const files: File[] = [];
    if (this.#scope === '')
      for (const name of await namesIn(this.folder))
        if (/^[0-9a-f]{2}$/.test(name)) files.push(...(await filesIn(join(this.folder, name))));
    for (const folder of await this.#scopes())
      files.push(...(await filesIn(folder, (name) => !name.startsWith(UNFINISHED))));
    return files;
  }

  async #unfinished(): Promise<File[]> {
    const files = this.#scope === '' ? await filesIn(join(this.folder, 'unfinished')) : [];
    for (const folder of await this.#scopes())
      files.push(...(await filesIn(folder, (name) => name.startsWith(UNFINISHED))));
    return files;
  }

  /** The flat folders that this one looks through. */
  async #scopes(): Promise<string[]> {
    if (this.#scope !== '') return [this.folder];
    const root = join(this.folder, SCOPES);
    return (await namesIn(root)).map((name) => join(root, name));
  }
}

/** `gram` of `gram-sha256:…`, `read-out` of `read-out-sha256:…`, `cell` of `cell:…`. */
const kindOf = (key = '') => /^([a-z][a-z-]{0,30}?)(?:-sha256)?:/.exec(key)?.[1] ?? 'damaged';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

interface File {
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly lastUsed: number;
}

const sum = (files: readonly File[]) => files.reduce((total, { bytes }) => total + bytes, 0);

/** The files of a folder; those that another process takes away meanwhile are left out. */
async function filesIn(folder: string, takes = (_name: string) => true): Promise<File[]> {
  const found = await Promise.all(
    (await namesIn(folder)).filter(takes).map(async (name): Promise<File[]> => {
      const path = join(folder, name);
      const stats = await lstat(path).catch(missing);
      return stats?.isFile()
        ? [{ path, bytes: stats.size, lastUsed: Math.min(stats.mtimeMs, Date.now()) }]
        : [];
    }),
  );
  return found.flat();
}

const namesIn = async (folder: string) => (await readdir(folder).catch(missing)) ?? [];

/** Nothing, where a file is not there; throws any other error. */
function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Undefined if the file system refused, since a cache is optional. Rethrows bugs. */
function passOver(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
}
