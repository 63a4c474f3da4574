import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ContentFolders } from './content-folders.js';
import { syncFolder } from './write-whole.js';

/**
 * The files of uploaded benchmarks, by the digest of the archive: unpacked in HOME/benchmarks/<sha256>/,
 * and the archive beside it as HOME/benchmarks/<sha256>.zip, which is what other hosts get.
 */
export class BenchmarkFiles {
  readonly #root: string;
  readonly #folders: ContentFolders;

  constructor(home: string) {
    this.#root = join(home, 'benchmarks');
    this.#folders = new ContentFolders(this.#root);
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

  /** Moves a whole, synced folder and the archive that it was unpacked from to their places. */
  async place(folder: string, archive: string, digest: string): Promise<void> {
    // A folder that is there has its archive.
    await rename(archive, this.archive(digest));
    await this.#folders.place(folder, digest);
  }

  async remove(digest: string): Promise<void> {
    await this.#folders.remove(digest);
    await rm(this.archive(digest), { force: true });
    await syncFolder(this.#root);
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
