import { Worker } from 'node:worker_threads';
import { type ErrorDetails, VentralError } from '../errors/ventral-error.js';
import { checkHdf5Start } from './hdf5-library.js';
import type { Hyperslab, NetcdfGroup, NetcdfValues, NetcdfVariable } from './netcdf-content.js';
import type { WorkerAnswer, WorkerFile, WorkerRequest } from './netcdf-worker.js';
import { programFile } from './package-root.js';

/** Milliseconds that the thread may take: to open a file, and to read one block. */
const patience = { open: 20_000, read: 180_000 };
const script = programFile('formats/netcdf-worker.js');

/** A thread that has no file yet. */
let spare: Worker | undefined;

/**
 * Starts the thread of the next file that is opened, for a program that will open one soon: meanwhile it loads the HDF5
 * library, which takes longer than most files. It keeps no process alive.
 */
export function prepareNetcdf(): void {
  if (spare) return;
  const thread = startThread();
  spare = thread;
  thread.once('exit', () => {
    if (spare === thread) spare = undefined;
  });
}

function startThread(): Worker {
  // The library writes to stderr when it aborts; that is caught here and said in our words.
  const thread = new Worker(script, { stdout: true, stderr: true });
  thread.on('error', () => undefined);
  thread.unref();
  return thread;
}

/** The thread that was prepared, or a new one. */
function takeThread(): Worker {
  const thread = spare ?? startThread();
  spare = undefined;
  return thread;
}

/** An open netCDF-4 file; made by {@link openNetcdf}. */
export class NetcdfFile {
  #queue: Promise<unknown> = Promise.resolve();

  readonly #thread: ReaderThread;

  constructor(
    thread: ReaderThread,
    readonly name: string,
    /** The root group: what the file holds. */
    readonly root: NetcdfGroup,
  ) {
    this.#thread = thread;
  }

  /**
   * A variable by its path (`data`, `group/data`).
   * @throws VentralError `netcdf-invalid` where it is not there
   */
  variable(path: string): NetcdfVariable {
    const parts = path.split('/');
    const name = parts.pop();
    let group: NetcdfGroup | undefined = this.root;
    for (const part of parts) group = group?.groups.find((inner) => inner.name === part);
    const found = group?.variables.find((variable) => variable.name === name);
    if (found !== undefined) return found;
    throw new VentralError('netcdf-invalid', `${this.name} has no variable ${path}`, {
      file: this.name,
      field: path,
      expected: `a variable ${path}`,
      found: 'none of that name',
    });
  }

  /**
   * Values of a variable as stored (not unpacked), row-major: all of them, or one hyperslab.
   * @throws VentralError `netcdf-invalid`, RangeError for a slab outside the variable
   */
  async read(path: string, slab?: Hyperslab): Promise<NetcdfValues> {
    const { shape, dtype } = this.variable(path);
    if (dtype === undefined) {
      throw unreadable(this.name, `the type of ${path} is neither a number nor text`);
    }
    const { start, count } = slab ?? { start: shape.map(() => 0), count: shape };
    shape.forEach((length, i) => {
      if (start[i] >= 0 && count[i] >= 0 && start[i] + count[i] <= length) return;
      throw new RangeError(`${start[i]} + ${count[i]} is outside dimension ${i} of ${path}`);
    });
    if (count.includes(0)) return dtype === 'string' ? [] : new arrays[dtype](0);
    // One request at a time: the answers bear no name.
    const answer = this.#queue.then(() => this.#thread.ask({ path, slab: { start, count } }));
    this.#queue = answer.catch(() => undefined);
    return (await answer).values as NetcdfValues;
  }

  /** Lets the file go; further reads fail. */
  async close(): Promise<void> {
    await this.#thread.end();
  }
}

/**
 * Opens a netCDF-4 file, another HDF5 file or a MAT-file of version 7.3 for reading; `name` is how messages call it (its
 * path by default).
 * @throws VentralError `file-missing`, or `netcdf-invalid` for anything else
 */
export async function openNetcdf(path: string, name: string = path): Promise<NetcdfFile> {
  const hidden = checkHdf5Start(path, name);
  const thread = new ReaderThread(path, name, hidden);
  const { root } = await thread.answer(patience.open);
  if (root === undefined) throw unreadable(name, 'it has no root group');
  return new NetcdfFile(thread, name, root);
}

/** The thread that reads one file; its first answer is the content of the file. */
class ReaderThread {
  readonly #worker: Worker;
  #hasEnded = false;

  readonly #name: string;

  constructor(path: string, name: string, hidden: number) {
    this.#name = name;
    this.#worker = takeThread();
    this.#worker.postMessage({ path, name, hidden } satisfies WorkerFile);
  }

  async ask(request: WorkerRequest): Promise<WorkerAnswer> {
    if (this.#hasEnded) throw unreadable(this.#name, 'it is closed');
    this.#worker.postMessage(request);
    return this.answer(patience.read);
  }

  /** The next answer of the thread. Ends the thread if it fails, exits or takes too long. */
  async answer(milliseconds: number): Promise<WorkerAnswer> {
    this.#worker.ref();
    try {
      const answer = await this.#next(milliseconds);
      if (answer.error !== undefined) throw errorOf(answer.error);
      this.#worker.unref();
      return answer;
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.#worker.terminate();
  }

  #next(milliseconds: number): Promise<WorkerAnswer> {
    const thread = this.#worker;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        thread.off('message', onMessage).off('error', onEnd).off('exit', onEnd);
        act();
      };
      const fail = (found: string, cause?: unknown) =>
        settle(() => reject(unreadable(this.#name, found, cause)));
      const onMessage = (answer: WorkerAnswer) => settle(() => resolve(answer));
      const onEnd = (cause: unknown) => fail('the HDF5 library broke down over its content', cause);
      const timer = setTimeout(
        () => fail(`the HDF5 library did not finish reading it within ${milliseconds / 1000} s`),
        milliseconds,
      );
      thread.on('message', onMessage).on('error', onEnd).on('exit', onEnd);
    });
  }
}

function unreadable(name: string, found: string, cause?: unknown): VentralError {
  const sentence = `${name} is not a readable netCDF-4 file: ${found}`;
  return new VentralError('netcdf-invalid', sentence, { file: name, found, cause });
}

function errorOf({ message, details }: { message: string; details: ErrorDetails }): VentralError {
  return new VentralError('netcdf-invalid', message, details);
}

const arrays = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;
