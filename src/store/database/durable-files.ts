import { fsyncSync } from 'node:fs';
import type { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';

type Init = Awaited<ReturnType<NodeFS['init']>>;

/** An operation of a mounted file system; only its call matters here. */
type Operation = (...values: unknown[]) => unknown;

/** The used parts of Emscripten's NODEFS; each PGlite has its own NODEFS. */
interface NodeFileSystem {
  readonly stream_ops: Record<string, Operation | undefined>;
  readonly node_ops: Record<string, Operation | undefined>;
  /** Turns an error of node into the errno that the database reports. */
  tryFSOperation<T>(work: () => T): T;
}

/** A file or folder of it. */
interface Node {
  readonly parent: Node;
}

/** An open file of it; `nfd` is node's descriptor. */
interface Stream {
  readonly nfd: number;
  readonly node: Node;
}

/** Operations that change the folder, and what then has to be synced, by their arguments and result. */
type Writes<T> = Record<string, (first: T, second: Node, made: Node) => Node[]>;

const ofStream = ({ node }: Stream) => [node];
const ofNode = (node: Node) => [node];
const streamWrites: Writes<Stream> = { write: ofStream, setattr: ofStream, msync: ofStream };
const nodeWrites: Writes<Node> = {
  mknod: (folder, _name, made) => [folder, made],
  // It is moved in the tree of nodes after the operation.
  rename: (node, folder) => [node.parent, folder],
  unlink: ofNode,
  rmdir: ofNode,
  symlink: ofNode,
  setattr: ofNode,
};

/** Called before each change of the data folder. */
export interface WriteGuard {
  /** Returns if this process may write, else ends it. */
  mayWrite(): void;
}

/**
 * The folder of a PGlite, whose content is on the disk, with an fsync that reaches the disk: PGlite's own answers
 * "done" and does nothing, so that a power loss takes commits away. What was not changed since is not synced
 * again: after a crash PostgreSQL syncs each of a thousand files. Every change is preceded by the guard.
 */
export class DurableFiles extends NodeFS {
  readonly #guard: WriteGuard;
  readonly #changed = new WeakSet<Node>();

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
      this.#watch(files.stream_ops, streamWrites);
      this.#watch(files.node_ops, nodeWrites);
      files.stream_ops.fsync = (stream) => {
        const { nfd, node } = stream as Stream;
        if (this.#changed.has(node)) {
          this.#guard.mayWrite();
          files.tryFSOperation(() => fsyncSync(nfd));
          this.#changed.delete(node);
        }
        return 0;
      };
    });
    return { emscriptenOpts: { ...emscriptenOpts, onAbort: diedOfPanic } };
  }

  #watch<T>(operations: Record<string, Operation | undefined>, writes: Writes<T>): void {
    for (const [name, changes] of Object.entries(writes)) {
      const operation = operations[name];
      if (!operation) throw new Error(`NODEFS has no ${name}`);
      operations[name] = (...values) => {
        this.#guard.mayWrite();
        const made = operation(...values);
        const [first, second] = values as [T, Node];
        for (const node of changes(first, second, made as Node)) this.#changed.add(node);
        return made;
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
