import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { VentralError } from '../../errors/ventral-error.js';

/** The bytes of uploads that come in pieces: HOME/uploads/<id>, as far as they are here. */
export class UploadFiles {
  readonly #folder: string;

  constructor(home: string) {
    this.#folder = join(home, 'uploads');
  }

  async prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
  }

  path(id: string): string {
    return join(this.#folder, id);
  }

  /** Bytes that are here: where the next piece starts. */
  async offset(id: string): Promise<number> {
    try {
      return (await stat(this.path(id))).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
      throw error;
    }
  }

  /**
   * Writes a piece behind what is here. Where the stream breaks, what has come of it stays.
   * @param most bytes of the whole upload
   * @throws VentralError `too-large`; then nothing beyond `most` is written
   */
  async append(id: string, source: Readable, most: number): Promise<void> {
    const target = await open(this.path(id), 'a', 0o600);
    try {
      let { size } = await target.stat();
      for await (const chunk of source.iterator({
        destroyOnReturn: false,
      }) as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > most)
          throw new VentralError('too-large', `The upload has more than its ${most} bytes`);
        await target.writeFile(chunk);
      }
    } finally {
      await target.sync().finally(() => target.close());
      source.resume();
    }
  }

  /** `sha256:…` of what is here. */
  async digest(id: string, signal: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(this.path(id), { signal })) hash.update(chunk);
    return `sha256:${hash.digest('hex')}`;
  }

  async remove(id: string): Promise<void> {
    await rm(this.path(id), { force: true });
  }

  /**
   * Removes what belongs to no upload.
   * @param kept asked after the folder is read: what begins meanwhile stays
   */
  async sweep(kept: () => Promise<ReadonlySet<string>>): Promise<void> {
    const names = await readdir(this.#folder);
    const ids = await kept();
    for (const name of names) if (!ids.has(name)) await this.remove(name);
  }
}
