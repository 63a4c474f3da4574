import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isUnfinished, syncFolder } from './write-whole.js';

/**
 * Folders by content, `<root>/<sha256>/`. What goes there is made elsewhere on the same file system and
 * reaches its place by a rename, so that a folder that is there is whole.
 */
export class ContentFolders {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async prepare(): Promise<void> {
    await mkdir(this.#root, { recursive: true });
  }

  /** The folder of a digest (`sha256:…`). */
  folder(digest: string): string {
    const hex = digest.replace(/^sha256:/, '');
    if (!/^[0-9a-f]{64}$/.test(hex)) throw new Error(`not a digest: ${digest}`);
    return join(this.#root, hex);
  }

  /** Moves a complete, synced folder into place, replacing an existing one. */
  async place(temporary: string, digest: string): Promise<void> {
    await this.remove(digest);
    await rename(temporary, this.folder(digest));
    await syncFolder(this.#root);
  }

  async remove(digest: string): Promise<void> {
    await rm(this.folder(digest), { recursive: true, force: true });
  }

  /** Digests that have a folder. */
  async list(): Promise<string[]> {
    const names = await readdir(this.#root);
    return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => `sha256:${name}`);
  }

  /** Removes what nothing needs and what was left half-written here; the caller owns the home. */
  async sweep(needed: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#root)) {
      const orphan = /^[0-9a-f]{64}$/.test(name) && !needed.has(`sha256:${name}`);
      if (orphan || isUnfinished(name))
        await rm(join(this.#root, name), { recursive: true, force: true });
    }
  }
}
