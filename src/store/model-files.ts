import { randomUUID } from 'node:crypto';
import { mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ContentFolders } from './content-folders.js';
import { download, type FileMirror, missingFile } from './file-source.js';
import { syncFolder } from './write-whole.js';

/** The bytes of models, by content: HOME/models/<sha256>/model.onnx, and in a mirror where there is one. */
export class ModelFiles {
  readonly #folders: ContentFolders;
  readonly #unfinished: string;
  readonly #mirror: FileMirror | undefined;

  constructor(home: string, mirror?: FileMirror) {
    this.#folders = new ContentFolders(join(home, 'models'));
    this.#unfinished = join(home, 'tmp', 'service');
    this.#mirror = mirror;
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

  /**
   * Where the bytes of a digest are, after they were brought from the mirror where another service
   * took them in. Throws `file-missing`, `files-unavailable`.
   */
  async local(digest: string, signal = new AbortController().signal): Promise<string> {
    if (await this.has(digest)) return this.path(digest);
    if (!this.#mirror) throw missingFile(digest, 'model');
    const path = join(this.#unfinished, `model-${randomUUID()}`);
    await download(this.#mirror, { digest, kind: 'model', path }, signal);
    await this.#place(path, digest);
    return this.path(digest);
  }

  /** Moves a whole, synced file of the temporary folder to its place. Throws `files-unavailable`. */
  async place(temporary: string, digest: string): Promise<void> {
    await this.#mirror?.put(temporary, digest, 'model');
    await this.#place(temporary, digest);
  }

  async #place(temporary: string, digest: string): Promise<void> {
    const folder = this.#folders.folder(digest);
    await mkdir(folder, { recursive: true });
    await rename(temporary, this.path(digest));
    await syncFolder(folder);
    await syncFolder(join(folder, '..'));
  }

  async remove(digest: string): Promise<void> {
    await this.#folders.remove(digest);
    // Its registration is gone already: what a mirror that is away keeps harms nobody.
    await this.#mirror?.remove(digest, 'model').catch(() => {});
  }

  /** Removes files of digests that nothing needs; the caller owns the home. */
  sweep(needed: ReadonlySet<string>): Promise<void> {
    return this.#folders.sweep(needed);
  }
}
