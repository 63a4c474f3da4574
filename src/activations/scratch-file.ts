import { closeSync, constants, openSync, read, readSync, rmSync, write } from 'node:fs';
import { promisify } from 'node:util';

/** What direct writes want memory, places and lengths to be multiples of, on all common disks. */
const PAGE = 4096;

/** Bytes up to the end of the last page. */
export const wholePages = (bytes: number): number => Math.ceil(bytes / PAGE) * PAGE;

/** The bytes that values stand in. */
export const bytesView = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** How values get to the disk: from where they are, or over a copy in the page cache. */
export type Route = 'direct' | 'cached';

const writeSome = promisify(write);
const readSome = promisify(read);

/** Bytes of one reading ahead. */
const AHEAD = 4 * 2 ** 20;

/**
 * A file for values that do not fit memory. Values on whole pages, in memory as in the file, can be written
 * straight from where they are: a copy in the page cache would take the processor from the network. Where
 * system, file system or memory do not offer that, they are written as any others.
 */
export class ScratchFile {
  readonly #path: string;
  readonly #file: number;
  #direct: number | undefined;

  /** @param path of a file that is not there yet */
  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'wx+', 0o600);
    this.#direct = openDirect(path);
  }

  /**
   * Writes `values`, which may not change before this resolves, and what the rest of their last page holds.
   * One call at a time.
   */
  async write(values: ArrayBufferView, position: number, route: Route): Promise<void> {
    let done = route === 'direct' ? await this.#writeDirect(values, position) : 0;
    const bytes = bytesView(values);
    while (done < bytes.length) {
      const rest = [done, bytes.length - done, position + done] as const;
      done += (await writeSome(this.#file, bytes, ...rest)).bytesWritten;
    }
  }

  /** Bytes that went to the disk directly: none where that is refused. */
  async #writeDirect(
    { buffer, byteOffset, byteLength }: ArrayBufferView,
    position: number,
  ): Promise<number> {
    const length = wholePages(byteLength);
    if (this.#direct === undefined || byteOffset + length > buffer.byteLength) return 0;
    const pages = new Uint8Array(buffer, byteOffset, length);
    try {
      return (await writeSome(this.#direct, pages, 0, length, position)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      closeSync(this.#direct);
      this.#direct = undefined;
      return 0;
    }
  }

  /** Fills `values`. Throws where the file ends before. */
  read(values: ArrayBufferView, position: number): void {
    const bytes = bytesView(values);
    for (let done = 0; done < bytes.length; ) {
      const got = readSync(this.#file, bytes, done, bytes.length - done, position + done);
      if (got === 0) throw new Error('a scratch file is shorter than what was written to it');
      done += got;
    }
  }

  /**
   * Reads the file once from front to end, beside whatever the thread does meanwhile, so that reads by small
   * pieces find it in the page cache. The file stays open until this resolves.
   */
  async readAhead(): Promise<void> {
    const room = new Uint8Array(AHEAD);
    for (let at = 0, got = AHEAD; got > 0; at += got)
      got = (await readSome(this.#file, room, 0, AHEAD, at)).bytesRead;
  }

  /** Lets the file go. */
  close(): void {
    closeSync(this.#file);
    if (this.#direct !== undefined) closeSync(this.#direct);
    rmSync(this.#path, { force: true });
  }
}

/** The file again, past the page cache; undefined where the system or the file system knows no such thing. */
function openDirect(path: string): number | undefined {
  const { O_DIRECT, O_WRONLY } = constants;
  if (O_DIRECT === undefined) return undefined;
  try {
    return openSync(path, O_WRONLY | O_DIRECT);
  } catch {
    return undefined;
  }
}
