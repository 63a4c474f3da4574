import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { type AppendFile, openAppendFile, wholeLines } from '../../formats/append-file.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { syncFolder } from '../../store/files/write-whole.js';
import { type FileLock, lockFile } from '../../store/home/file-lock.js';

/** A number of a checkpoint, or why there is none. */
export interface WatchedRow {
  readonly benchmark: string;
  readonly region: string | null;
  /** Whether a card or `--layer` gives the layer, or the checkpoint's own map chose it. */
  readonly map: 'fixed' | 'chosen';
  readonly layer: string;
  readonly value: number | null;
  readonly ci: readonly [number, number] | null;
  readonly raw: number | null;
  readonly ceiling: number | null;
  readonly selection: boolean;
  readonly simulated: boolean;
  readonly inputs: string;
}

/** What could not be scored of a checkpoint. */
export interface WatchedFailure {
  readonly benchmark: string;
  readonly code: string;
  readonly reason: string;
}

/** A checkpoint that was scored. */
export interface WatchedResult {
  /** `sha256:…` of the file, of ONNX with its external data. */
  readonly digest: string;
  /** Its path below the watched folder. */
  readonly checkpoint: string;
  readonly run: string;
  readonly step: number;
  readonly epoch?: number;
  /** Milliseconds since 1970; no two results of a watch have the same. */
  readonly time: number;
  readonly rows: readonly WatchedRow[];
  readonly failures: readonly WatchedFailure[];
}

type Entry =
  | {
      readonly kind: 'seen';
      readonly name: string;
      readonly signature: string;
      readonly parts?: readonly string[];
      readonly digest: string;
    }
  | { readonly kind: 'started'; readonly digest: string; readonly name: string }
  /** Left without a result, and not because the process died; `again`: what was asked of a service is void. */
  | { readonly kind: 'left'; readonly digest: string; readonly again: boolean }
  | ({ readonly kind: 'scored' } & WatchedResult)
  | {
      readonly kind: 'failed';
      readonly digest: string;
      readonly checkpoint: string;
      readonly code: string;
      readonly reason: string;
    }
  /** What failed before, wholly or in part, is tried again. */
  | { readonly kind: 'retry' };

/** A version of a file whose digest is known. */
export interface SeenFile {
  readonly signature: string;
  readonly parts: readonly string[];
  readonly digest: string;
}

/** How often a digest was begun without an end. */
interface Attempts {
  readonly name: string;
  died: number;
}

/**
 * What a watch knows, in a folder of its own: `watch.json` says what was asked, `journal.jsonl` what was done, a line each, on the
 * disk before anything is told. A line that a kill cut off is removed. One process at a time has the folder.
 */
export class WatchState {
  /** In the order of their times; one that `--retry` computed follows the one that it replaces. */
  readonly results: WatchedResult[] = [];
  readonly folder: string;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Whether the system could keep other processes out. */
  readonly locked: boolean;
  readonly #file: AppendFile;
  readonly #lock: FileLock | undefined;
  readonly #seen = new Map<string, SeenFile>();
  readonly #ended = new Map<string, 'scored' | 'failed'>();
  readonly #last = new Map<string, WatchedResult>();
  readonly #reasons = new Map<string, string>();
  readonly #attempts = new Map<string, Attempts>();
  /** How often what was asked of a service for a digest came to nothing. */
  readonly #voided = new Map<string, number>();
  readonly #versions = new Map<string, number>();
  /** Lines that could not be read. */
  damaged = 0;

  private constructor(
    { folder, id, createdAt }: Pick<WatchState, 'folder' | 'id' | 'createdAt'>,
    file: AppendFile,
    lock: FileLock | undefined,
  ) {
    this.folder = folder;
    this.id = id;
    this.createdAt = createdAt;
    this.locked = lock !== undefined;
    this.#file = file;
    this.#lock = lock;
    for (const line of file.content.toString('utf8').split('\n')) if (line !== '') this.#read(line);
  }

  /**
   * Opens the state of a watch, or begins one.
   * @param id of what is asked
   * @param asked the same for people
   * @throws VentralError `conflict` where another process has it, or the folder belongs to another watch
   */
  static async open(folder: string, id: string, asked: object): Promise<WatchState> {
    await mkdir(folder, { recursive: true });
    const lock = await lockFile(join(folder, 'lock'));
    if (lock === 'busy')
      throw new VentralError('conflict', `Another ventral watch uses ${folder}: end it first`, {
        file: folder,
      });
    const held = lock === 'unavailable' ? undefined : lock;
    try {
      const createdAt = await identify(folder, id, asked);
      const file = await openAppendFile(join(folder, 'journal.jsonl'), wholeLines);
      await syncFolder(folder);
      return new WatchState({ folder, id, createdAt }, file, held);
    } catch (error) {
      held?.release();
      throw error;
    }
  }

  /** The last version of a file whose digest is known. */
  seenAs(name: string): SeenFile | undefined {
    return this.#seen.get(name);
  }

  /** How a digest ended; undefined for a new one. */
  endOf(digest: string): 'scored' | 'failed' | undefined {
    return this.#ended.get(digest);
  }

  /** Whether a checkpoint was scored, but not on every benchmark. */
  isPartial(digest: string): boolean {
    return this.endOf(digest) === 'scored' && this.#reasons.has(digest);
  }

  /** The last result of a digest, also of one that is tried again. */
  resultOf(digest: string): WatchedResult | undefined {
    return this.#last.get(digest);
  }

  /** How many checkpoints have a result. */
  get scoredCount(): number {
    return this.#last.size;
  }

  /** Why a digest failed, wholly or in part. */
  reasonOf(digest: string): string {
    return this.#reasons.get(digest) ?? '';
  }

  /** How often the process died over a digest. */
  diedOver(digest: string): number {
    return this.#attempts.get(digest)?.died ?? 0;
  }

  /** Files over which the process died. */
  get suspects(): ReadonlySet<string> {
    const open = [...this.#attempts.values()].filter(({ died }) => died > 0);
    return new Set(open.map(({ name }) => name));
  }

  /** How often what was asked of a service for a digest was cancelled or failed: the same would be answered again. */
  voided(digest: string): number {
    return this.#voided.get(digest) ?? 0;
  }

  /** How many versions of a file have a result. */
  versionsOf(name: string): number {
    return this.#versions.get(name) ?? 0;
  }

  seen(name: string, { signature, parts, digest }: SeenFile): Promise<void> {
    const more = parts.length > 0 ? { parts } : {};
    return this.#append({ kind: 'seen', name, signature, ...more, digest });
  }

  started(digest: string, name: string): Promise<void> {
    return this.#append({ kind: 'started', digest, name });
  }

  left(digest: string, again: boolean): Promise<void> {
    return this.#append({ kind: 'left', digest, again });
  }

  /** @returns as it is recorded: with the rows of the result that it replaces, where it has none in their place */
  async scored(result: Omit<WatchedResult, 'time'>): Promise<WatchedResult> {
    const time = Math.max(Date.now(), (this.results.at(-1)?.time ?? 0) + 1);
    const former = this.#last.get(result.digest)?.rows ?? [];
    const kept = former.filter((row) => !result.rows.some((each) => isInPlaceOf(each, row)));
    const timed = { ...result, rows: [...result.rows, ...kept], time };
    await this.#append({ kind: 'scored', ...timed });
    return timed;
  }

  /** A digest that was scored stays so, whatever goes wrong later or with another file of the same bytes. */
  async failed(failure: Omit<Extract<Entry, { kind: 'failed' }>, 'kind'>): Promise<void> {
    if (this.endOf(failure.digest) !== 'scored') await this.#append({ kind: 'failed', ...failure });
  }

  retry(): Promise<void> {
    return this.#append({ kind: 'retry' });
  }

  async close(): Promise<void> {
    await this.#file.close();
    this.#lock?.release();
  }

  async #append(entry: Entry): Promise<void> {
    await this.#file.append(`${JSON.stringify(entry)}\n`);
    this.#take(entry);
  }

  #read(line: string): void {
    try {
      this.#take(JSON.parse(line) as Entry);
    } catch {
      this.damaged++;
    }
  }

  #take(entry: Entry): void {
    if (entry.kind === 'seen') {
      const { name, signature, parts = [], digest } = entry;
      this.#seen.set(name, { signature, parts, digest });
    } else if (entry.kind === 'started') {
      const { digest, name } = entry;
      this.#attempts.set(digest, { name, died: this.diedOver(digest) + 1 });
    } else if (entry.kind === 'left') {
      const attempts = this.#attempts.get(entry.digest);
      if (attempts) attempts.died = Math.max(0, attempts.died - 1);
      if (entry.again) this.#void(entry.digest);
    } else if (entry.kind === 'retry') this.#forgetFailures();
    else this.#end(entry);
  }

  #end(entry: Extract<Entry, { kind: 'scored' | 'failed' }>): void {
    const { digest, kind } = entry;
    this.#ended.set(digest, kind);
    this.#attempts.delete(digest);
    if (kind === 'failed') {
      this.#reasons.set(digest, entry.reason);
      this.#void(digest);
      return;
    }
    const { kind: _, ...result } = entry;
    this.results.push(result);
    const [failure] = result.failures;
    if (failure) {
      this.#reasons.set(digest, `${failure.benchmark}: ${failure.reason}`);
      this.#void(digest);
    }
    if (!this.#last.has(digest))
      this.#versions.set(result.checkpoint, this.versionsOf(result.checkpoint) + 1);
    this.#last.set(digest, result);
  }

  #forgetFailures(): void {
    this.#attempts.clear();
    for (const [digest, end] of this.#ended) {
      if (end !== 'failed' && !this.isPartial(digest)) continue;
      this.#ended.delete(digest);
      this.#reasons.delete(digest);
    }
  }

  #void(digest: string): void {
    this.#voided.set(digest, this.voided(digest) + 1);
  }
}

const isInPlaceOf = (a: WatchedRow, b: WatchedRow) =>
  a.benchmark === b.benchmark && a.map === b.map;

/** Says in the folder what it is of, or reads it. @returns when it was made */
async function identify(folder: string, id: string, asked: object): Promise<number> {
  const path = join(folder, 'watch.json');
  if (!existsSync(path)) {
    const createdAt = Date.now();
    const about = { id, createdAt: new Date(createdAt).toISOString(), ...asked };
    await writeFileAtomic(path, `${JSON.stringify(about, null, 2)}\n`);
    return createdAt;
  }
  const refuse = (found: string) =>
    new VentralError(
      'conflict',
      `${folder} ${found}: give another folder by --state, or remove it to score everything anew`,
      { file: path },
    );
  let found: { id?: unknown; createdAt?: unknown };
  try {
    found = JSON.parse(await readFile(path, 'utf8'));
  } catch {
    throw refuse('holds a watch.json that cannot be read');
  }
  const createdAt = Date.parse(String(found.createdAt));
  if (found.id !== id || Number.isNaN(createdAt))
    throw refuse('is the state of a watch of another folder or with other options');
  return createdAt;
}
