import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { namesIn, placeFile } from './data-folder.js';

/** After this long without a write a part counts as left behind: a longer wait than any for a retry. */
const STALE_MS = 10 * 60_000;

/**
 * The beginning of a file that is being downloaded, kept in a folder of its own beside the place of
 * the whole file. The folder's name says who owns it, and ownership changes by renaming it, which
 * only one of several processes can do: two that fetch the same file never write to the same part.
 * What an interrupted or killed process left is taken over by the next.
 */
export class PartialFile {
  #folder: string;
  readonly #home: string;
  #bytes: number;
  #validator: string | undefined;
  #pieces: number;

  private constructor(home: string, folder: string, bytes: number, validator: string | undefined) {
    this.#home = home;
    this.#folder = folder;
    this.#bytes = bytes;
    this.#validator = validator;
    this.#pieces = bytes > 0 ? 1 : 0;
  }

  /** Claims the longest unclaimed part in `home`, or starts an empty one. */
  static async open(home: string): Promise<PartialFile> {
    await mkdir(home, { recursive: true });
    for (const { name } of await leftBehind(home)) {
      const folder = join(home, partName());
      try {
        await rename(join(home, name), folder);
      } catch (error) {
        if ((error as { code?: string }).code === 'ENOENT') continue; // another process was faster
        throw error;
      }
      const validator = await readFile(join(folder, 'validator'), 'utf8').catch(() => undefined);
      return new PartialFile(home, folder, await sizeOf(join(folder, 'bytes')), validator);
    }
    const folder = join(home, partName());
    await mkdir(folder, { recursive: true });
    return new PartialFile(home, folder, 0, undefined);
  }

  /** Bytes that are there. */
  get bytes(): number {
    return this.#bytes;
  }

  /** ETag or date of the content that the bytes are of, for `If-Range`. */
  get validator(): string | undefined {
    return this.#validator;
  }

  /** Whether the bytes come from several answers, and so perhaps from several contents. */
  get joined(): boolean {
    return this.#pieces > 1;
  }

  get path(): string {
    return join(this.#folder, 'bytes');
  }

  /** Forgets the bytes, and notes the validator of the content that follows. */
  async restart(validator: string | undefined): Promise<void> {
    await rm(this.path, { force: true });
    this.#bytes = 0;
    this.#pieces = 0;
    this.#validator = validator;
    const note = join(this.#folder, 'validator');
    await (validator === undefined ? rm(note, { force: true }) : writeFile(note, validator));
  }

  /** Appends chunks as they arrive; bytes written before a failure are kept. */
  async append(chunks: AsyncIterable<Uint8Array>, written: (total: number) => void): Promise<void> {
    const handle = await open(this.path, 'a');
    this.#pieces++;
    try {
      for await (const chunk of chunks) {
        await handle.writeFile(chunk);
        this.#bytes += chunk.length;
        written(this.#bytes);
      }
    } finally {
      await handle.close();
      this.#bytes = await sizeOf(this.path);
    }
  }

  /** Renames the complete file into place, and sweeps leftovers of others. */
  async finish(path: string): Promise<void> {
    await placeFile(this.path, path);
    await this.discard();
    for (const { name } of await leftBehind(this.#home)) {
      await rm(join(this.#home, name), { recursive: true, force: true });
    }
  }

  /** Releases the part for the next process, ignoring errors; an empty part is removed. */
  async release(): Promise<void> {
    if (this.#bytes === 0) return this.discard();
    await rename(this.#folder, join(this.#home, `.part-free-${unique()}`)).catch(() => {});
  }

  async discard(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true }).catch(() => {});
    // The folders that it stood in go as well, unless something else is there.
    await rmdir(this.#home)
      .then(() => rmdir(dirname(this.#home)))
      .catch(() => {});
  }
}

const unique = () => randomBytes(6).toString('hex');
const host = `at${hostname().replaceAll(/[^A-Za-z0-9]/g, '')}`;

/** Name of the folder of a part that a process of this machine works on. */
export function partName(pid: number = process.pid): string {
  return `.part-${host}-${pid}-${unique()}`;
}

async function leftBehind(home: string): Promise<{ name: string; bytes: number }[]> {
  const parts: { name: string; bytes: number }[] = [];
  for (const name of await namesIn(home)) {
    if (!name.startsWith('.part-') || !(await isFree(home, name))) continue;
    parts.push({ name, bytes: await sizeOf(join(home, name, 'bytes')) });
  }
  return parts.sort((a, b) => b.bytes - a.bytes);
}

async function isFree(home: string, name: string): Promise<boolean> {
  const [, owner, pid] = name.split('-'); // .part-<host>-<pid>-<random>, .part-free-<random>
  if (owner === 'free') return true;
  if (owner === host && pid !== undefined && !isAlive(Number(pid))) return true;
  const { mtimeMs } = await stat(join(home, name, 'bytes')).catch(() =>
    stat(join(home, name)).catch(() => ({ mtimeMs: Date.now() })),
  );
  return Date.now() - mtimeMs > STALE_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => ({ size: 0 }))).size;
}
