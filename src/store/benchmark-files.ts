import { randomUUID } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ContentFolders } from './content-folders.js';
import { download, type FileMirror, missingFile, type Unpack } from './file-source.js';
import { syncFolder } from './write-whole.js';

const BLOCK = 4096;

/** Bytes that a file of some size takes on the disk, where many small ones take more than they hold. */
export const bytesOnDisk = (size: number): number => Math.max(1, Math.ceil(size / BLOCK)) * BLOCK;

/**
 * The files of uploaded benchmarks, by the digest of the archive: unpacked in HOME/benchmarks/<sha256>/,
 * and the archive beside it as HOME/benchmarks/<sha256>.zip, which is what other hosts get.
 */
export class BenchmarkFiles {
  readonly #root: string;
  readonly #folders: ContentFolders;
  readonly #unfinished: string;
  readonly #mirror: FileMirror | undefined;
  readonly #unpack: Unpack | undefined;

  /** @param unpack for archives that are in the mirror alone */
  constructor(home: string, mirror?: FileMirror, unpack?: Unpack) {
    this.#root = join(home, 'benchmarks');
    this.#folders = new ContentFolders(this.#root);
    this.#unfinished = join(home, 'tmp', 'service');
    this.#mirror = mirror;
    this.#unpack = unpack;
  }

  prepare(): Promise<void> {
    return this.#folders.prepare();
  }

  /** Where the files of an archive are. */
  folder(digest: string): string {
    return this.#folders.folder(digest);
  }

  /** Where an archive is; it may be missing, since homes of an earlier schema did not keep it. */
  archive(digest: string): string {
    return `${this.#folders.folder(digest)}.zip`;
  }

  async has(digest: string): Promise<boolean> {
    return stat(this.folder(digest)).then(
      (found) => found.isDirectory(),
      () => false,
    );
  }

  /** Bytes of the unpacked files of an archive; undefined where they are not here. */
  async measure(digest: string): Promise<number | undefined> {
    const folder = this.folder(digest);
    const names = await readdir(folder).catch(() => undefined);
    if (!names) return undefined;
    const found = await Promise.all(names.map((name) => stat(join(folder, name))));
    return found.reduce((sum, { size }) => sum + bytesOnDisk(size), 0);
  }

  /**
   * The folder of an archive, after it was brought from the mirror and unpacked where another service
   * took it in. Throws `file-missing`, `files-unavailable`.
   */
  async local(digest: string, signal = new AbortController().signal): Promise<string> {
    if (await this.has(digest)) return this.folder(digest);
    if (!this.#mirror || !this.#unpack) throw missingFile(digest, 'benchmark');
    const path = join(this.#unfinished, `benchmark-${randomUUID()}`);
    const folder = `${path}-files`;
    try {
      await download(this.#mirror, { digest, kind: 'benchmark', path }, signal);
      await this.#unpack(path, folder, signal);
      await this.#place(folder, path, digest);
    } finally {
      for (const left of [path, folder]) await rm(left, { recursive: true, force: true });
    }
    return this.folder(digest);
  }

  /** The archive itself. Throws `file-missing`, also where a home of an earlier schema kept none. */
  async localArchive(digest: string): Promise<string> {
    await this.local(digest);
    const kept = await stat(this.archive(digest)).catch(() => undefined);
    if (!kept) throw missingFile(digest, 'benchmark');
    return this.archive(digest);
  }

  /** Moves a whole, synced folder and the archive that it was unpacked from to their places. */
  async place(folder: string, archive: string, digest: string): Promise<void> {
    await this.#mirror?.put(archive, digest, 'benchmark');
    await this.#place(folder, archive, digest);
  }

  async #place(folder: string, archive: string, digest: string): Promise<void> {
    // A folder that is there has its archive.
    await rename(archive, this.archive(digest));
    await this.#folders.place(folder, digest);
  }

  async remove(digest: string): Promise<void> {
    await this.#folders.remove(digest);
    await rm(this.archive(digest), { force: true });
    await syncFolder(this.#root);
    await this.#mirror?.remove(digest, 'benchmark').catch(() => {});
  }

  /** Removes what nothing needs; the caller owns the home. */
  async sweep(needed: ReadonlySet<string>): Promise<void> {
    await this.#folders.sweep(needed);
    for (const name of await readdir(this.#root)) {
      const hex = /^([0-9a-f]{64})\.zip$/.exec(name)?.[1];
      if (hex && !needed.has(`sha256:${hex}`)) await rm(join(this.#root, name), { force: true });
    }
  }
}
