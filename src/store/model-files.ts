import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './write-whole.js';

/**
 * The bytes of models, by content: HOME/models/<sha256>/model.onnx. Work in progress lives under
 * HOME/tmp/service and reaches its place by a rename, so that a file that is there is whole.
 */
export class ModelFiles {
  readonly #folder: string;
  /** Private temporary folder on the same file system; only the owner of the home uses it. */
  readonly temporary: string;

  constructor(home: string) {
    this.#folder = join(home, 'models');
    this.temporary = join(home, 'tmp', 'service');
  }

  /** Makes the folders, and clears what a dead owner left half-done. */
  async prepare(): Promise<void> {
    await rm(this.temporary, { recursive: true, force: true });
    await mkdir(this.temporary, { recursive: true, mode: 0o700 });
    await mkdir(this.#folder, { recursive: true });
  }

  /** Where the bytes of a digest (`sha256:…`) are. */
  path(digest: string): string {
    return join(this.#folder, hexOf(digest), 'model.onnx');
  }

  async has(digest: string): Promise<boolean> {
    return stat(this.path(digest)).then(
      (found) => found.isFile(),
      () => false,
    );
  }

  /** Moves a whole, synced file of the temporary folder to its place. */
  async place(temporary: string, digest: string): Promise<void> {
    const folder = join(this.#folder, hexOf(digest));
    await mkdir(folder, { recursive: true });
    await rename(temporary, this.path(digest));
    await syncFolder(folder);
    await syncFolder(this.#folder);
  }

  async remove(digest: string): Promise<void> {
    await rm(join(this.#folder, hexOf(digest)), { recursive: true, force: true });
  }

  /** Removes files of digests that nothing needs; the caller owns the home. Gives their number. */
  async sweep(needed: ReadonlySet<string>): Promise<number> {
    const orphans = (await readdir(this.#folder)).filter(
      (name) => /^[0-9a-f]{64}$/.test(name) && !needed.has(`sha256:${name}`),
    );
    for (const name of orphans)
      await rm(join(this.#folder, name), { recursive: true, force: true });
    return orphans.length;
  }
}

function hexOf(digest: string): string {
  const hex = digest.replace(/^sha256:/, '');
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new Error(`not a digest: ${digest}`);
  return hex;
}
