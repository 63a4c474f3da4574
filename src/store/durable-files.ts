import { fsyncSync } from 'node:fs';
import type { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';

type Init = Awaited<ReturnType<NodeFS['init']>>;

/** An operation of a mounted file system; only its call matters here. */
type Operation = (...values: unknown[]) => unknown;

/** Those parts of Emscripten's NODEFS that are touched; each PGlite has a NODEFS of its own. */
interface NodeFileSystem {
  readonly stream_ops: Record<string, Operation | undefined>;
  readonly node_ops: Record<string, Operation | undefined>;
  /** Turns an error of node into the errno that the database reports. */
  tryFSOperation<T>(work: () => T): T;
}

/** What changes the data folder. */
const STREAM_WRITES = ['write', 'setattr', 'msync'];
const NODE_WRITES = ['mknod', 'rename', 'unlink', 'rmdir', 'symlink', 'setattr'];

/** Called before each change of the data folder. */
export interface WriteGuard {
  /** Returns where this process may write; ends the process where it may not. */
  mayWrite(): void;
}

/**
 * The folder of a PGlite, with an fsync that reaches the disk: PGlite's own answers "done" and does nothing,
 * so that a power loss takes commits away. Every change is preceded by the guard.
 */
export class DurableFiles extends NodeFS {
  readonly #guard: WriteGuard;

  constructor(folder: string, guard: WriteGuard) {
    super(folder);
    this.#guard = guard;
  }

  override async init(
    lite: PGlite,
    options: Init['emscriptenOpts'],
  ): Promise<{ emscriptenOpts: Init['emscriptenOpts'] }> {
    const { emscriptenOpts } = await super.init(lite, options);
    emscriptenOpts.preRun?.push((module) => {
      const files = module.NODEFS as unknown as NodeFileSystem;
      files.stream_ops.fsync = (stream) => {
        this.#guard.mayWrite();
        files.tryFSOperation(() => fsyncSync((stream as { nfd: number }).nfd));
        return 0;
      };
      this.#guarded(files.stream_ops, STREAM_WRITES);
      this.#guarded(files.node_ops, NODE_WRITES);
    });
    return { emscriptenOpts: { ...emscriptenOpts, onAbort: diedOfPanic } };
  }

  #guarded(operations: Record<string, Operation | undefined>, names: readonly string[]): void {
    for (const name of names) {
      const operation = operations[name];
      if (!operation) continue;
      operations[name] = (...values) => {
        this.#guard.mayWrite();
        return operation(...values);
      };
    }
  }
}

/**
 * PostgreSQL panics where its log cannot be written: nothing that was not on the disk may be acknowledged any
 * more, and only a new start replays the log. PGlite would run in a circle for ever instead.
 */
function diedOfPanic(): never {
  process.stderr.write(
    'ventral: the embedded database stopped, because its log could not be written (is the disk full or broken?): start ventral again\n',
  );
  process.exit(1);
}
