import { closeSync, constants, openSync, read, readSync, rmSync, write } from 'node:fs';
import { promisify } from 'node:util';

/** What direct writes want memory, places and lengths to be multiples of, on all common disks. */
const PAGE = 4096;

/** Bytes up to the end of the last page. */
export const wholePages = (bytes: number): number => Math.ceil(bytes / PAGE) * PAGE;

/** The bytes of values. */
export const bytesView = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** How values are written: directly, or through the page cache. */
export type Route = 'direct' | 'cached';

/** Values, and their page-aligned position in the file. */
interface Piece {
  readonly values: ArrayBufferView;
  readonly position: number;
}

const writeSome = promisify(write);
const readSome = promisify(read);

/** Bytes of one call to write: the system takes less than 2 GiB. */
const MOST = 2 ** 30;

/**
 * A file for the values of some layers that do not fit memory; it goes when none of them is left. Values on whole
 * pages, in memory as in the file, can be written straight from where they are: a copy in the page cache would take
 * the processor from the network. Where system, file system or memory do not offer that, they are written as any others.
 */
export class ScratchFile {
  readonly #path: string;
  readonly #file: number;
  readonly #direct: number | undefined;
  #users = 0;
  #pieces: Piece[] = [];

  /** @param path of a file that is not there yet */
  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'wx+', 0o600);
    this.#direct = openDirect(path);
  }

  /** One more that will `leave`. */
  enter(): this {
    this.#users++;
    return this;
  }

  /** Lets the file go where this was the last. */
  leave(): void {
    this.#users--;
    if (this.#users > 0) return;
    closeSync(this.#file);
    if (this.#direct !== undefined) closeSync(this.#direct);
    rmSync(this.#path, { force: true });
  }

  /** Takes values that are to stand from `position` on, the first byte of a page; they may not change until they are written. */
  take(values: ArrayBufferView, position: number): void {
    this.#pieces.push({ values, position });
  }

  /**
   * Writes the values that were taken, and what the rest of their last pages holds. What follows on each other in
   * memory as in the file is written at once: a call for every layer costs as much as the bytes. One call at a time.
   */
  async write(route: Route): Promise<void> {
    const pieces = joined(this.#pieces);
    this.#pieces = [];
    for (const { values, position } of pieces) {
      const bytes = bytesView(values);
      let done = route === 'direct' ? await this.#writeDirect(values, position) : 0;
      while (done < bytes.length) {
        const length = Math.min(MOST, bytes.length - done);
        done += (await writeSome(this.#file, bytes, done, length, position + done)).bytesWritten;
      }
    }
  }

  /** Bytes written directly: none if the system refuses that. */
  async #writeDirect(
    { buffer, byteOffset, byteLength }: ArrayBufferView,
    position: number,
  ): Promise<number> {
    const length = wholePages(byteLength);
    if (this.#direct === undefined || byteOffset + length > buffer.byteLength) return 0;
    const pages = new Uint8Array(buffer, byteOffset, length);
    let done = 0;
    try {
      while (done < length) {
        const some = Math.min(MOST, length - done);
        const rest = [done, some, position + done] as const;
        const { bytesWritten } = await writeSome(this.#direct, pages, ...rest);
        done += bytesWritten;
        // The rest starts within a page.
        if (bytesWritten % PAGE !== 0) break;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    }
    return done;
  }

  /**
   * Fills `values`.
   * @throws where the file ends before
   */
  read(values: ArrayBufferView, position: number): void {
    const bytes = bytesView(values);
    for (let done = 0; done < bytes.length; ) {
      const got = readSync(this.#file, bytes, done, bytes.length - done, position + done);
      if (got === 0) throw new Error('a scratch file is shorter than what was written to it');
      done += got;
    }
  }

  /**
   * Reads bytes once, beside whatever the thread does meanwhile, so that reads by small pieces find them in the page
   * cache. Nobody may leave the file for good before this resolves.
   * @param room what is read is written over
   */
  async readAhead(position: number, length: number, room: Uint8Array): Promise<void> {
    for (let done = 0, got = 1; done < length && got > 0; done += got) {
      const some = Math.min(room.length, length - done);
      got = (await readSome(this.#file, room, 0, some, position + done)).bytesRead;
    }
  }
}

/** The same pieces, those in one that follow on each other by whole pages in memory as in the file. */
function joined(pieces: readonly Piece[]): Piece[] {
  const all: Piece[] = [];
  for (const piece of pieces) {
    const last = all.at(-1);
    if (last && follows(piece, last)) {
      const { buffer, byteOffset } = last.values;
      const length = piece.values.byteOffset + piece.values.byteLength - byteOffset;
      all[all.length - 1] = { ...last, values: new Uint8Array(buffer, byteOffset, length) };
    } else all.push(piece);
  }
  return all;
}

function follows({ values, position }: Piece, last: Piece): boolean {
  const length = wholePages(last.values.byteLength);
  return (
    values.buffer === last.values.buffer &&
    values.byteOffset === last.values.byteOffset + length &&
    position === last.position + length
  );
}

/** The file again, past the page cache; undefined if the system or the file system knows no such thing. */
function openDirect(path: string): number | undefined {
  const { O_DIRECT, O_WRONLY } = constants;
  if (O_DIRECT === undefined) return undefined;
  try {
    return openSync(path, O_WRONLY | O_DIRECT);
  } catch {
    return undefined;
  }
}
