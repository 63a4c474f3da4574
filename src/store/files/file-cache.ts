import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { damagedFile } from './damaged-file.js';
import type { FileKind } from './file-kind.js';
import {
  download,
  type FileOrigin,
  type FileSource,
  type HeldFiles,
  type Unpack,
} from './file-source.js';
import { pidSpace, processStart } from './process-identity.js';
import { damageOf, readSeal, sealFolder, VerifiedFiles } from './verified-files.js';
import { syncFolder } from './write-whole.js';

/** How a cache fills itself. */
export interface FileCacheOptions {
  readonly folder: string;
  /** Bytes that files may take beside those in use; the ones used longest ago go first. */
  readonly maxBytes: number;
  readonly origin: FileOrigin;
  readonly unpack: Unpack;
}

/**
 * Files of another host in a bounded folder, which several processes may share: each file reaches its
 * name whole and verified, by a rename, and is checked whenever somebody takes it; what was damaged since is
 * fetched again. Who uses one holds a hard link of its own, so that what another process clears away is there
 * until it is given back; links of dead processes are swept. The digests of unpacked files are in a folder
 * beside this one.
 */
export class FileCache implements FileSource {
  readonly #options: FileCacheOptions;
  readonly #coming = new Map<string, Promise<void>>();
  readonly #checks = new VerifiedFiles();

  private constructor(options: FileCacheOptions) {
    this.#options = options;
  }

  /** Makes the folder, and clears what dead processes left. */
  static async open(options: FileCacheOptions): Promise<FileCache> {
    for (const folder of [options.folder, sealsOf(options.folder)])
      await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(options.folder)) {
      const dead = own.exec(name) && !(await isAlive(join(options.folder, name)));
      if (dead) await rm(join(options.folder, name), { recursive: true, force: true });
    }
    return new FileCache(options);
  }

  /** Reads every entry of a folder and removes the damaged ones if asked to. */
  static async verify(
    folder: string,
    remove: boolean,
  ): Promise<{ readonly entries: number; readonly damaged: readonly string[] }> {
    const never = () => Promise.reject(new Error('no file source is set'));
    const origin = { open: never, put: never };
    const cache = new FileCache({ folder, maxBytes: 0, origin, unpack: never });
    const names = (await readdir(folder).catch(() => [])).filter((name) => entry.test(name));
    const damaged: string[] = [];
    for (const name of names) {
      const [, kind, hex] = entry.exec(name) as RegExpExecArray;
      const wanted = { kind: kind as FileKind, digest: `sha256:${hex}` };
      if (await cache.#isGood(join(folder, name), wanted).catch(() => false)) continue;
      damaged.push(join(folder, name));
      if (remove) await cache.#drop(name);
    }
    return { entries: names.length, damaged };
  }

  open(): HeldFiles {
    const { folder } = this.#options;
    const held = join(folder, ownName('held'));
    const fetched = new Map<string, Wanted>();
    return {
      fetch: async (digest, kind, signal) => {
        const name = entryName(digest, kind);
        const path = join(held, name);
        fetched.set(path, { digest, kind });
        await mkdir(held, { recursive: true });
        for (;;) {
          if (await takeLinks(join(folder, name), path)) {
            if (await this.#isGood(path, { digest, kind })) return path;
            await this.#drop(name);
            await rm(path, { recursive: true, force: true });
          }
          const coming = this.#coming.get(name);
          // Whoever brings it may have gone away: then the next one of those that waited does.
          if (coming) await coming.catch(() => signal.throwIfAborted());
          else {
            await this.#bring(path, { digest, kind }, signal);
            return path;
          }
        }
      },
      confirm: async () => {
        for (const [path, wanted] of fetched)
          if (!(await this.#isGood(path, wanted))) throw damagedFile(wanted);
      },
      close: () => rm(held, { recursive: true, force: true }),
    };
  }

  async keep(path: string, digest: string): Promise<void> {
    await this.#options.origin.put(path, digest, 'model');
    await rm(path, { force: true });
  }

  /** Brings an entry, and links it to a path before others may clear it away. */
  #bring(path: string, wanted: Wanted, signal: AbortSignal): Promise<void> {
    const name = entryName(wanted.digest, wanted.kind);
    const mine = this.#fill(path, wanted, signal).finally(() => this.#coming.delete(name));
    this.#coming.set(name, mine);
    return mine;
  }

  async #fill(path: string, { digest, kind }: Wanted, signal: AbortSignal): Promise<void> {
    const { folder, origin, unpack } = this.#options;
    const name = entryName(digest, kind);
    const part = join(folder, ownName('part'));
    await mkdir(part);
    try {
      const file = join(part, 'file');
      const entry = kind === 'model' ? file : join(part, 'folder');
      await download(origin, { digest, kind, path: file }, signal);
      if (kind === 'benchmark') await unpack(file, entry, signal);
      if (kind === 'benchmark') await sealFolder(this.#checks, entry, this.#seal(name));
      await takeLinks(entry, path);
      await rename(entry, join(folder, name)).catch(ignoreThere);
      await syncFolder(folder);
    } finally {
      await rm(part, { recursive: true, force: true });
    }
    await this.#clear(name);
  }

  /** Evicts least recently used entries until the rest fits. */
  async #clear(kept: string): Promise<void> {
    const { folder, maxBytes } = this.#options;
    const found = [];
    for (const name of await readdir(folder)) {
      if (entry.test(name)) found.push(await sizeOf(join(folder, name)));
    }
    let total = found.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { path, bytes } of found.toSorted((a, b) => a.used - b.used)) {
      if (total <= maxBytes) break;
      if (path === join(folder, kept)) continue;
      await this.#drop(basename(path));
      total -= bytes;
    }
  }

  /** Whether the bytes at a path, an entry or links of it, are those of the digest. */
  async #isGood(path: string, { digest, kind }: Wanted): Promise<boolean> {
    if (kind === 'model') return (await this.#checks.check(path, digest)).good;
    const digests = await readSeal(this.#seal(entryName(digest, kind)));
    return (
      digests !== undefined && (await damageOf(this.#checks, path, digests)).names.length === 0
    );
  }

  /** Removes an entry. */
  async #drop(name: string): Promise<void> {
    const { folder } = this.#options;
    // First under a name that is not an entry, so that no process sees a partial folder.
    const gone = join(folder, ownName('part'));
    await rename(join(folder, name), gone).catch(() => {});
    await rm(gone, { recursive: true, force: true });
    await rm(this.#seal(name), { force: true });
  }

  #seal(name: string): string {
    return join(sealsOf(this.#options.folder), `${name}.json`);
  }
}

const sealsOf = (folder: string) => `${folder}-digests`;

interface Wanted {
  readonly digest: string;
  readonly kind: FileKind;
}

/**
 * Links a file, or each file of a folder, to a path; false if it is missing or removed meanwhile.
 */
async function takeLinks(entry: string, path: string): Promise<boolean> {
  try {
    if ((await stat(entry)).isFile()) await linkOnce(entry, path);
    else {
      await mkdir(path, { recursive: true });
      for (const file of await readdir(entry)) await linkOnce(join(entry, file), join(path, file));
    }
    const now = new Date();
    await utimes(entry, now, now);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await rm(path, { recursive: true, force: true });
    return false;
  }
}

function entryName(digest: string, kind: FileKind): string {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  if (!hex) throw new Error(`not a digest: ${digest}`);
  return `${kind}-${hex}`;
}

const entry = /^(model|benchmark)-([0-9a-f]{64})$/;

/** Names that identify their process and PID namespace: `held-<pid>-<start>-<pid space>-<uuid>`. */
const own = /^(?:held|part)-(\d+)-([0-9a-f]{12})-(?:([0-9a-f]{12})-)?/;
const shortDigest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);
const startOf = (pid: number) => {
  const start = processStart(pid);
  return start && shortDigest(start);
};
const ownName = (what: 'held' | 'part') =>
  `${what}-${process.pid}-${startOf(process.pid) ?? '0'.repeat(12)}-${shortDigest(pidSpace())}-${randomUUID()}`;

/** No job takes half as long. */
const ABANDONED_MS = 24 * 3_600_000;

/** Whether the process in a name is alive; processes of other containers get a grace period. */
async function isAlive(path: string): Promise<boolean> {
  const [, pid, start, space] = own.exec(basename(path)) as RegExpExecArray;
  if (space === undefined || space === shortDigest(pidSpace()))
    return startOf(Number(pid)) === start;
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs < ABANDONED_MS;
}

const linkOnce = (from: string, to: string) =>
  link(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });

/** Another process was faster; its folder is as good. */
function ignoreThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
}

async function sizeOf(path: string): Promise<{ path: string; bytes: number; used: number }> {
  try {
    const found = await stat(path);
    const used = found.mtimeMs;
    if (found.isFile()) return { path, bytes: found.size, used };
    const files = await readdir(path);
    const sizes = await Promise.all(files.map(async (name) => (await stat(join(path, name))).size));
    return { path, bytes: sizes.reduce((a, b) => a + b, 0), used };
  } catch {
    return { path, bytes: 0, used: 0 };
  }
}
