import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';

/**
 * The file system of an Emscripten module with one file in it, backed by an open descriptor that is read
 * and written where the module asks: nothing is copied, and no name leads to another file.
 */

/** What a module shows of its file system, as far as it is used here. */
export interface EmscriptenFs {
  root: FsNode | null;
  nameTable: unknown[];
  currentPath: string;
  /** Open streams; 0 to 2 are those of the process. */
  readonly streams: ({ stream_ops: object } | null | undefined)[];
  readonly ErrnoError: new (errno: number) => Error;
  createNode(parent: FsNode | null, name: string, mode: number): FsNode;
  mount(type: { mount(): FsNode }, options: object, point: string): void;
}

interface FsNode {
  readonly id: number;
  readonly mode: number;
  node_ops: object;
  stream_ops: object;
}

interface Stream {
  readonly position: number;
}

/** Path of the file inside the module. */
export const ONLY_FILE = '/file';

const DIRECTORY = 0o040555;
const READ_ONLY = 0o100444;
const READ_WRITE = 0o100644;
/** Numbers of errors as WASI has them. */
const NO_ENTRY = 44;
const INVALID = 28;
const IO = 29;
const READ_ONLY_FS = 69;
const NUMBERS: Readonly<Record<string, number>> = { ENOSPC: 51, EDQUOT: 19, EFBIG: 22 };

/** The file as a module has used it. */
export interface OnlyFile {
  /** What the system said when the first read or write failed: the library does not always pass it on. */
  failure(): unknown;
}

/**
 * Replaces the file system of the module (its devices and folders too) by one that holds
 * {@link ONLY_FILE} alone. The descriptor stays the caller's, to be closed after the module has closed the file.
 */
export function showOnlyFile(
  fs: EmscriptenFs,
  descriptor: number,
  access: 'read' | 'write',
  /** Bytes at the beginning of the file that the module does not see. */
  hidden = 0,
): OnlyFile {
  const calls = new FileCalls(fs, descriptor, access, hidden);
  fs.root = null;
  fs.nameTable = new Array(4096);
  fs.currentPath = '/';
  const mount = () => {
    const root = fs.createNode(null, '/', DIRECTORY);
    root.node_ops = calls.directory;
    root.stream_ops = {};
    const file = fs.createNode(
      root,
      ONLY_FILE.slice(1),
      access === 'read' ? READ_ONLY : READ_WRITE,
    );
    file.node_ops = calls.file;
    file.stream_ops = calls.stream;
    return root;
  };
  fs.mount({ mount }, {}, '/');
  // The library would print its stack of errors beside what it throws.
  for (const stream of fs.streams.slice(0, 3)) if (stream) stream.stream_ops = silent;
  return { failure: () => calls.failure };
}

const silent = {
  write: (_stream: Stream, _buffer: Int8Array, _offset: number, length: number) => length,
};

/** What the module calls for its folder and its file. */
class FileCalls {
  readonly #fs: EmscriptenFs;
  readonly #descriptor: number;
  readonly #access: 'read' | 'write';
  readonly #hidden: number;
  failure: unknown;

  constructor(fs: EmscriptenFs, descriptor: number, access: 'read' | 'write', hidden: number) {
    this.#fs = fs;
    this.#descriptor = descriptor;
    this.#access = access;
    this.#hidden = hidden;
  }

  readonly directory = {
    lookup: () => this.#fail(NO_ENTRY),
    mknod: () => this.#fail(READ_ONLY_FS),
    readdir: () => ['.', '..', ONLY_FILE.slice(1)],
    getattr: (node: FsNode) => attributes(node, 4096),
  };

  readonly file = {
    getattr: (node: FsNode) => attributes(node, this.#size()),
    setattr: (_node: FsNode, { size }: { size?: number }) => {
      if (size === undefined) return;
      this.#requireWrite();
      this.#call(() => ftruncateSync(this.#descriptor, size));
    },
  };

  readonly stream = {
    llseek: (stream: Stream, offset: number, whence: number) => {
      const from = [0, stream.position, whence === 2 ? this.#size() : 0][whence];
      return from + offset < 0 ? this.#fail(INVALID) : from + offset;
    },
    read: (_: Stream, buffer: Int8Array, offset: number, length: number, position: number) =>
      this.#call(() => readSync(this.#descriptor, buffer, offset, length, position + this.#hidden)),
    write: (_: Stream, buffer: Int8Array, offset: number, length: number, position: number) => {
      this.#requireWrite();
      return this.#call(() => writeSync(this.#descriptor, buffer, offset, length, position));
    },
  };

  #size(): number {
    return this.#call(() => fstatSync(this.#descriptor).size) - this.#hidden;
  }

  #requireWrite(): void {
    if (this.#access === 'read') this.#fail(READ_ONLY_FS);
  }

  #call<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      this.failure ??= error;
      return this.#fail(NUMBERS[(error as NodeJS.ErrnoException).code ?? ''] ?? IO);
    }
  }

  #fail(number: number): never {
    throw new this.#fs.ErrnoError(number);
  }
}

function attributes(node: FsNode, size: number): object {
  const never = new Date(0);
  return {
    dev: 1,
    ino: node.id,
    mode: node.mode,
    nlink: 1,
    uid: 0,
    gid: 0,
    rdev: 0,
    size,
    atime: never,
    mtime: never,
    ctime: never,
    blksize: 4096,
    blocks: Math.ceil(size / 512),
  };
}
