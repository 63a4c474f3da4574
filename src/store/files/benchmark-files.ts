import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ContentFolders } from './content-folders.js';
import { type DamageWatch, damagedFile, type FileDamage } from './damaged-file.js';
import {
  download,
  type FileMirror,
  type FileOrigin,
  missingFile,
  type Unpack,
} from './file-source.js';
import type { FileState } from './model-files.js';
import {
  damagedSince,
  damageOf,
  markGood,
  readSeal,
  sealFolder,
  VerifiedFiles,
} from './verified-files.js';
import { syncFolder } from './write-whole.js';

const BLOCK = 4096;

/** Bytes that a file of some size takes on the disk, where many small ones take more than they hold. */
export const bytesOnDisk = (size: number): number => Math.max(1, Math.ceil(size / BLOCK)) * BLOCK;

const noSignal = () => new AbortController().signal;

/**
 * The files of uploaded benchmarks, by the digest of the archive: unpacked in HOME/benchmarks/<sha256>/,
 * their digests beside that as <sha256>.json, and the archive as <sha256>.zip, which is what other hosts get
 * and what damaged files are unpacked from again.
 */
export class BenchmarkFiles {
  readonly #root: string;
  readonly #folders: ContentFolders;
  readonly #unfinished: string;
  readonly #mirror: FileMirror | undefined;
  readonly #unpack: Unpack | undefined;
  readonly #watch: DamageWatch | undefined;
  readonly #checks = new VerifiedFiles();
  readonly #coming = new Map<string, Promise<string>>();

  /**
   * @param unpack for archives that are in the mirror alone, and for damaged folders
   * @param watch called with damage as it is found
   */
  constructor(home: string, mirror?: FileMirror, unpack?: Unpack, watch?: DamageWatch) {
    this.#root = join(home, 'benchmarks');
    this.#folders = new ContentFolders(this.#root);
    this.#unfinished = join(home, 'tmp', 'service');
    this.#mirror = mirror;
    this.#unpack = unpack;
    this.#watch = watch;
  }

  prepare(): Promise<void> {
    return this.#folders.prepare();
  }

  /** Where the files of an archive are, as they are: {@link local} checks them. */
  folder(digest: string): string {
    return this.#folders.folder(digest);
  }

  /** Where an archive is; it may be missing, since homes of an earlier schema did not keep it. */
  archive(digest: string): string {
    return `${this.#folders.folder(digest)}.zip`;
  }

  /** Where the digests of the unpacked files are. */
  seal(digest: string): string {
    return `${this.#folders.folder(digest)}.json`;
  }

  /** Compares the unpacked files with their digests; `unsealed` where an earlier ventral wrote none. */
  async state(digest: string): Promise<{
    readonly state: FileState | 'unsealed';
    readonly names: readonly string[];
  }> {
    const there = await stat(this.folder(digest)).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!there) return { state: 'missing', names: [] };
    const seal = this.seal(digest);
    const digests = await readSeal(seal);
    if (!digests) {
      const sealed = await stat(seal).catch(() => undefined);
      return sealed ? this.#found(digest, [], true) : { state: 'unsealed', names: [] };
    }
    const { names, fresh } = await damageOf(this.#checks, this.folder(digest), digests);
    return this.#found(digest, names, names.length > 0, fresh);
  }

  async #found(digest: string, names: readonly string[], bad: boolean, fresh = true) {
    if (fresh && bad) await this.#watch?.damaged(await this.damage(digest, names));
    if (fresh && !bad) await markGood(this.seal(digest));
    return { state: bad ? ('damaged' as const) : ('good' as const), names };
  }

  /** Compares the archive with its digest. */
  async archiveState(digest: string): Promise<FileState> {
    try {
      const { good } = await this.#checks.check(this.archive(digest), digest);
      return good ? 'good' : 'damaged';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return 'missing';
    }
  }

  /** Has the next look at each file read it. */
  forgetChecks(): void {
    this.#checks.forget();
  }

  /** Bytes of the unpacked files of an archive; undefined if they are missing. */
  async measure(digest: string): Promise<number | undefined> {
    const folder = this.folder(digest);
    const names = await readdir(folder).catch(() => undefined);
    if (!names) return undefined;
    const found = await Promise.all(names.map((name) => stat(join(folder, name))));
    return found.reduce((sum, { size }) => sum + bytesOnDisk(size), 0);
  }

  /**
   * The folder of an archive, its files checked. What is missing or damaged is unpacked again, from the archive
   * that is kept or from the mirror's.
   * @throws VentralError `file-missing`, `file-damaged`, `files-unavailable`
   */
  async local(digest: string, signal = noSignal()): Promise<string> {
    const { state, names } = await this.state(digest);
    if (state === 'good') return this.folder(digest);
    return this.#once(digest, () => this.#renew(digest, state, names, signal));
  }

  /** Those that ask for one benchmark at the same time unpack it once. */
  #once(digest: string, work: () => Promise<string>): Promise<string> {
    const coming = this.#coming.get(digest);
    if (coming) return coming;
    const mine = work().finally(() => this.#coming.delete(digest));
    this.#coming.set(digest, mine);
    return mine;
  }

  async #renew(
    digest: string,
    state: FileState | 'unsealed',
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<string> {
    const archive = await this.localArchive(digest, signal).catch((error) => {
      if (state === 'missing' || !lostFor(error)) throw error;
      return undefined;
    });
    if (archive === undefined || !this.#unpack) {
      // An earlier version recorded no digests: record the present ones.
      if (state === 'unsealed')
        await sealFolder(this.#checks, this.folder(digest), this.seal(digest));
      else
        throw state === 'missing'
          ? missingFile(digest, 'benchmark')
          : damagedFile({ kind: 'benchmark', digest, names });
      return this.folder(digest);
    }
    const fresh = join(this.#unfinished, `benchmark-${randomUUID()}-files`);
    try {
      await this.#unpack(archive, fresh, signal);
      if (state === 'missing') await this.#moveFolder(fresh, digest);
      else await this.#replaceFiles(fresh, digest);
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
    if (state === 'damaged') this.#watch?.repaired({ kind: 'benchmark', digest });
    return this.folder(digest);
  }

  /** Files are renamed one by one: a job that reads the others is not disturbed. */
  async #replaceFiles(fresh: string, digest: string): Promise<void> {
    const folder = this.folder(digest);
    await sealFolder(this.#checks, fresh, this.seal(digest));
    const names = await readdir(fresh);
    for (const name of names) await rename(join(fresh, name), join(folder, name));
    for (const name of await readdir(folder))
      if (!names.includes(name)) await rm(join(folder, name), { recursive: true, force: true });
    await syncFolder(folder);
  }

  /**
   * The archive itself, checked; from the mirror where it is missing or damaged.
   * @throws VentralError `file-missing`, also where a home of an earlier schema kept none, `file-damaged`,
   *   `files-unavailable`
   */
  async localArchive(digest: string, signal = noSignal()): Promise<string> {
    const state = await this.archiveState(digest);
    if (state === 'good') return this.archive(digest);
    const lost = () =>
      state === 'missing'
        ? missingFile(digest, 'benchmark')
        : damagedFile({ kind: 'benchmark', digest });
    if (!this.#mirror) throw lost();
    await this.fetchArchive(this.#mirror, digest, signal).catch((error) => {
      throw error.code === 'file-missing' ? lost() : error;
    });
    return this.archive(digest);
  }

  /**
   * Replaces an archive by the bytes of an origin.
   * @throws as {@link localArchive}, `checksum-mismatch`
   */
  async fetchArchive(origin: FileOrigin, digest: string, signal: AbortSignal): Promise<void> {
    const path = join(this.#unfinished, `benchmark-${randomUUID()}`);
    try {
      await download(origin, { digest, kind: 'benchmark', path }, signal);
      await rename(path, this.archive(digest));
      await syncFolder(this.#root);
    } finally {
      await rm(path, { force: true });
    }
  }

  /** Moves a whole, synced folder and the archive that it was unpacked from to their places. */
  async place(folder: string, archive: string, digest: string): Promise<void> {
    await this.#mirror?.put(archive, digest, 'benchmark');
    // A folder that is there has its archive.
    await rename(archive, this.archive(digest));
    await this.#moveFolder(folder, digest);
  }

  async #moveFolder(folder: string, digest: string): Promise<void> {
    await sealFolder(this.#checks, folder, this.seal(digest));
    await this.#folders.place(folder, digest);
  }

  /** Takes an archive that came again where the one that is here, or a file out of it, is damaged or gone. */
  async repair(archive: string, digest: string): Promise<void> {
    if ((await this.archiveState(digest)) !== 'good') {
      await this.#mirror?.put(archive, digest, 'benchmark');
      await rename(archive, this.archive(digest));
      await syncFolder(this.#root);
      this.#watch?.repaired({ kind: 'benchmark', digest });
    }
    await this.local(digest);
  }

  /** Renames damaged files: the archive, or the folder and its digests. */
  async setAside(digest: string, part: 'archive' | 'folder', path: string): Promise<void> {
    await mkdir(join(path, '..'), { recursive: true });
    await rename(part === 'archive' ? this.archive(digest) : this.folder(digest), path);
    if (part === 'folder') await rm(this.seal(digest), { force: true });
    await syncFolder(this.#root);
  }

  /** Known damage of unpacked files. */
  async damage(digest: string, names: readonly string[]): Promise<FileDamage> {
    const paths = names.map((name) => join(this.folder(digest), name));
    const since = await damagedSince(this.seal(digest), paths);
    return { kind: 'benchmark', digest, names, since };
  }

  async remove(digest: string): Promise<void> {
    await this.#folders.remove(digest);
    for (const file of [this.archive(digest), this.seal(digest)]) await rm(file, { force: true });
    await syncFolder(this.#root);
    await this.#mirror?.remove(digest, 'benchmark').catch(() => {});
  }

  /** Digests of which something is here. */
  async list(): Promise<string[]> {
    const names = (await readdir(this.#root)).flatMap((name) => own.exec(name)?.[1] ?? []);
    return [...new Set(names)].map((hex) => `sha256:${hex}`);
  }

  /** Removes what nothing needs; the caller owns the home. */
  async sweep(needed: ReadonlySet<string>): Promise<void> {
    await this.#folders.sweep(needed);
    for (const name of await readdir(this.#root)) {
      const hex = own.exec(name)?.[1];
      if (hex && !needed.has(`sha256:${hex}`))
        await rm(join(this.#root, name), { recursive: true, force: true });
    }
  }
}

const own = /^([0-9a-f]{64})(?:\.zip|\.json)?$/;

const lostFor = ({ code }: { code?: string }) => code === 'file-missing' || code === 'file-damaged';
