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

/** Values with their place in a file. */
export interface Piece {
  readonly values: ArrayBufferView;
  /** In bytes. */
  readonly position: number;
}

const writeSome = promisify(write);
const readSome = promisify(read);

/** Where bytes go that are read for the page cache's sake. */
const nowhere = new Uint8Array(4 * 2 ** 20);

/**
 * A file for values that do not fit memory. Values on whole pages, in memory as in the file, can be written
 * straight from where they are: a copy in the page cache would take the processor from the network. Where
 * system, file system or memory do not offer that, they are written as any others.
 */
export class ScratchFile {
  readonly #path: string;
  readonly #file: number;
  readonly #direct: number | undefined;
  #refused = false;
  #users: number;

  /**
   * @param path of a file that is not there yet
   * @param users how often it is released before it goes
   */
  constructor(path: string, users: number) {
    this.#path = path;
    this.#users = users;
    this.#file = openSync(path, 'wx+', 0o600);
    this.#direct = openDirect(path);
  }

  /**
   * Writes pieces, which may not change before this resolves, and what the rest of their last pages holds.
   * Those that lie side by side, in memory as in the file, are written at once. Throws when all is over.
   */
  async write(pieces: readonly Piece[], route: Route): Promise<void> {
    const written = await Promise.allSettled(
      joined(pieces).map((piece) => this.#writeOne(piece, route)),
    );
    for (const result of written) if (result.status === 'rejected') throw result.reason;
  }

  async #writeOne(piece: Piece, route: Route): Promise<void> {
    let done = route === 'direct' ? await this.#writeDirect(piece) : 0;
    const bytes = bytesView(piece.values);
    while (done < bytes.length) {
      const rest = [done, bytes.length - done, piece.position + done] as const;
      done += (await writeSome(this.#file, bytes, ...rest)).bytesWritten;
    }
  }

  /** Bytes that went to the disk directly: none where that is refused. */
  async #writeDirect({ values, position }: Piece): Promise<number> {
    const { buffer, byteOffset } = values;
    const length = wholePages(values.byteLength);
    const there = byteOffset + length <= buffer.byteLength;
    if (this.#direct === undefined || this.#refused || !there) return 0;
    const pages = new Uint8Array(buffer, byteOffset, length);
    try {
      return (await writeSome(this.#direct, pages, 0, length, position)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      this.#refused = true;
      return 0;
    }
  }

  /** Fills `values`. Throws where the file ends before. */
  read({ values, position }: Piece): void {
    const bytes = bytesView(values);
    for (let done = 0; done < bytes.length; ) {
      const got = readSync(this.#file, bytes, done, bytes.length - done, position + done);
      if (got === 0) throw new Error('a scratch file is shorter than what was written to it');
      done += got;
    }
  }

  /**
   * Reads bytes beside whatever the thread does meanwhile, so that reads by small pieces find them in the page
   * cache. The file may not be released before this resolves.
   */
  async readAhead(position: number, length: number): Promise<void> {
    for (let done = 0; done < length; ) {
      const most = Math.min(nowhere.length, length - done);
      const { bytesRead } = await readSome(this.#file, nowhere, 0, most, position + done);
      if (bytesRead === 0) return;
      done += bytesRead;
    }
  }

  /** Lets the file go when all its users have. */
  release(): void {
    this.#users--;
    if (this.#users > 0) return;
    closeSync(this.#file);
    if (this.#direct !== undefined) closeSync(this.#direct);
    rmSync(this.#path, { force: true });
  }
}

/** Pieces in their order, with neighbours as one. */
function joined(pieces: readonly Piece[]): Piece[] {
  const found: Piece[] = [];
  for (const piece of pieces) {
    const before = found.at(-1);
    if (before && areNeighbours(before, piece)) found[found.length - 1] = span(before, piece);
    else found.push(piece);
  }
  return found;
}

function areNeighbours(before: Piece, { values, position }: Piece): boolean {
  const length = wholePages(before.values.byteLength);
  return (
    before.values.buffer === values.buffer &&
    before.values.byteOffset + length === values.byteOffset &&
    before.position + length === position
  );
}

function span({ values, position }: Piece, { values: last }: Piece): Piece {
  const { buffer, byteOffset } = values;
  const length = last.byteOffset + last.byteLength - byteOffset;
  return { values: new Uint8Array(buffer, byteOffset, length), position };
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
