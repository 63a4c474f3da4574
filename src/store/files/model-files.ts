import { randomUUID } from 'node:crypto';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ContentFolders } from './content-folders.js';
import { type DamageWatch, damagedFile, type FileDamage } from './damaged-file.js';
import { download, type FileMirror, type FileOrigin, missingFile } from './file-source.js';
import { damagedSince, markGood, VerifiedFiles } from './verified-files.js';
import { syncFolder } from './write-whole.js';

/** How a stored file is found. */
export type FileState = 'good' | 'damaged' | 'missing';

/** The bytes of models, by content: HOME/models/<sha256>/model.onnx, and in a mirror if there is one. */
export class ModelFiles {
  readonly #folders: ContentFolders;
  readonly #unfinished: string;
  readonly #mirror: FileMirror | undefined;
  readonly #watch: DamageWatch | undefined;
  readonly #checks = new VerifiedFiles();

  /** @param watch called with damage as it is found */
  constructor(home: string, mirror?: FileMirror, watch?: DamageWatch) {
    this.#folders = new ContentFolders(join(home, 'models'));
    this.#unfinished = join(home, 'tmp', 'service');
    this.#mirror = mirror;
    this.#watch = watch;
  }

  prepare(): Promise<void> {
    return this.#folders.prepare();
  }

  /** Where the bytes of a digest (`sha256:…`) are, as they are: {@link local} checks them. */
  path(digest: string): string {
    return join(this.#folders.folder(digest), 'model.onnx');
  }

  async has(digest: string): Promise<boolean> {
    return (await this.state(digest)) === 'good';
  }

  /** Compares the bytes with their digest; damage is reported to the watch once. */
  async state(digest: string): Promise<FileState> {
    const mark = this.#mark(digest);
    try {
      const { good, fresh } = await this.#checks.check(this.path(digest), digest);
      if (fresh && good) await markGood(mark);
      if (fresh && !good) await this.#watch?.damaged(await this.damage(digest));
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

  /**
   * Where the checked bytes of a digest are. What is missing or damaged comes from the mirror, if there is one.
   * @throws VentralError `file-missing`, `file-damaged`, `files-unavailable`
   */
  async local(digest: string, signal = new AbortController().signal): Promise<string> {
    const state = await this.state(digest);
    if (state === 'good') return this.path(digest);
    if (!this.#mirror) throw lost(digest, state);
    await this.fetch(this.#mirror, digest, signal).catch((error) => {
      throw error.code === 'file-missing' ? lost(digest, state, error) : error;
    });
    return this.path(digest);
  }

  /**
   * Replaces missing or damaged bytes by those of an origin.
   * @throws as {@link local}, `checksum-mismatch`
   */
  async fetch(origin: FileOrigin, digest: string, signal: AbortSignal): Promise<void> {
    const state = await this.state(digest);
    if (state === 'good') return;
    const path = join(this.#unfinished, `model-${randomUUID()}`);
    await download(origin, { digest, kind: 'model', path }, signal);
    await this.#place(path, digest);
    if (state === 'damaged') this.#watch?.repaired({ kind: 'model', digest });
  }

  /**
   * Moves a whole, synced file of the temporary folder to its place.
   * @throws VentralError `files-unavailable`
   */
  async place(temporary: string, digest: string): Promise<void> {
    await this.#mirror?.put(temporary, digest, 'model');
    await this.#place(temporary, digest);
  }

  /** Takes bytes that came again where those that are here are damaged or gone. */
  async repair(temporary: string, digest: string): Promise<void> {
    const state = await this.state(digest);
    if (state === 'good') return;
    await this.place(temporary, digest);
    this.#watch?.repaired({ kind: 'model', digest });
  }

  /** Moves a damaged file to another name. */
  async setAside(digest: string, path: string): Promise<void> {
    await rename(this.path(digest), path);
    await syncFolder(this.#folders.folder(digest));
  }

  async #place(temporary: string, digest: string): Promise<void> {
    const folder = this.#folders.folder(digest);
    await mkdir(folder, { recursive: true });
    await rename(temporary, this.path(digest));
    await syncFolder(folder);
    await syncFolder(join(folder, '..'));
  }

  #mark(digest: string): string {
    return join(this.#folders.folder(digest), '.verified');
  }

  /** Known damage of a file. */
  async damage(digest: string): Promise<FileDamage> {
    const since = await damagedSince(this.#mark(digest), [this.path(digest)]);
    return { kind: 'model', digest, since };
  }

  async remove(digest: string): Promise<void> {
    await this.#folders.remove(digest);
    // Its registration is already removed: a leftover in an unreachable mirror is harmless.
    await this.#mirror?.remove(digest, 'model').catch(() => {});
  }

  /** Digests of which something is here. */
  list(): Promise<string[]> {
    return this.#folders.list();
  }

  /** Removes files of digests that nothing needs; the caller owns the home. */
  sweep(needed: ReadonlySet<string>): Promise<void> {
    return this.#folders.sweep(needed);
  }
}

const lost = (digest: string, state: FileState, cause?: unknown) =>
  state === 'missing'
    ? missingFile(digest, 'model')
    : damagedFile({ kind: 'model', digest }, cause);
