import { mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ContentFolders } from './content-folders.js';
import { syncFolder } from './write-whole.js';

/** The bytes of models, by content: HOME/models/<sha256>/model.onnx. */
export class ModelFiles {
  readonly #folders: ContentFolders;

  constructor(home: string) {
    this.#folders = new ContentFolders(join(home, 'models'));
  }

  prepare(): Promise<void> {
    return this.#folders.prepare();
  }

  /** Where the bytes of a digest (`sha256:…`) are. */
  path(digest: string): string {
    return join(this.#folders.folder(digest), 'model.onnx');
  }

  async has(digest: string): Promise<boolean> {
    return stat(this.path(digest)).then(
      (found) => found.isFile(),
      () => false,
    );
  }

  /** Moves a whole, synced file of the temporary folder to its place. */
  async place(temporary: string, digest: string): Promise<void> {
    const folder = this.#folders.folder(digest);
    await mkdir(folder, { recursive: true });
    await rename(temporary, this.path(digest));
    await syncFolder(folder);
    await syncFolder(join(folder, '..'));
  }

  remove(digest: string): Promise<void> {
    return this.#folders.remove(digest);
  }

  /** Removes files of digests that nothing needs; the caller owns the home. */
  sweep(needed: ReadonlySet<string>): Promise<void> {
    return this.#folders.sweep(needed);
  }
}
