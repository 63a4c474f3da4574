import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { VentralError } from '../../errors/ventral-error.js';
import type { PresentationGroups } from '../average-repetitions.js';
import { makeScratchFolder, type ScratchFolder } from '../scratch-folder.js';
import { mostOpen, ScratchMeans, ScratchValues, SUM_BYTES } from './scratch-values.js';

/** Limits of what recordings take; none unless said. */
export interface StoreLimits {
  readonly maxMemory?: number | undefined;
  readonly maxScratch?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Shares of the memory: of recordings that stay in it whole, of those of one fit, and of a block of targets. */
const HELD = 1 / 5;
const FITTED = 1 / 3;
const BLOCK = 1 / 16;

/** Where the recordings of a run are kept: in memory as long as they fit, then on scratch disk. Close it when done. */
export class RecordingStore {
  readonly #home: string;
  readonly #limits: StoreLimits;
  #scratch: Promise<ScratchFolder> | undefined;
  readonly #files: { close(): void }[] = [];
  #held = 0;
  #written = 0;
  #phases = 0;
  #names = 0;
  /** Told which share of what is read for a benchmark is done. */
  told: ((share: number) => void) | undefined;

  constructor(home: string, limits: StoreLimits = {}) {
    this.#home = home;
    this.#limits = limits;
  }

  get #memory(): number {
    return this.#limits.maxMemory ?? Number.POSITIVE_INFINITY;
  }

  /** Bytes that the recordings of one fit may take in memory. */
  get fitted(): number {
    return this.#memory * FITTED;
  }

  /** Bytes that a block of targets may take. */
  get block(): number {
    return this.#memory * BLOCK;
  }

  /** Whether so many bytes may stay in memory; they count from then on. */
  admits(bytes: number): boolean {
    if (this.#held + bytes > this.#memory * HELD) return false;
    this.#held += bytes;
    return true;
  }

  /**
   * Rows on scratch disk.
   * @throws VentralError `memory-exceeded`
   */
  async values(rows: number, cols: number): Promise<ScratchValues> {
    return this.#opened(new ScratchValues(await this.#path(8 * rows * cols), rows, cols));
  }

  /**
   * Means on scratch disk.
   * @throws VentralError `memory-exceeded`
   */
  async means(groups: PresentationGroups, cols: number): Promise<ScratchMeans> {
    const cells = groups.members.length * cols;
    const fits = mostOpen(groups) * SUM_BYTES * cols <= this.block;
    const means = await this.#path(8 * cells);
    const sums = await this.#path(fits ? 0 : SUM_BYTES * cells);
    return this.#opened(new ScratchMeans(groups, cols, { means, sums, memory: this.block }));
  }

  #opened<T extends { close(): void }>(file: T): T {
    this.#files.push(file);
    return file;
  }

  async #path(bytes: number): Promise<string> {
    const { maxScratch = Number.POSITIVE_INFINITY } = this.#limits;
    this.#written += bytes;
    if (this.#written > maxScratch) throw tooLarge(this.#written, maxScratch);
    this.#scratch ??= makeScratchFolder(this.#home);
    return join((await this.#scratch).path, `recordings-${this.#names++}`);
  }

  /** Begins what is told of the next benchmark. */
  restart(): void {
    this.#phases = 0;
  }

  /** Tells a share of what is read now; a whole one ends it. How much there is to come is not known. */
  step(share: number): void {
    const { signal } = this.#limits;
    if (signal?.aborted) throw VentralError.from(signal.reason);
    this.told?.(1 - 0.5 ** (this.#phases + share));
    if (share >= 1) this.#phases++;
  }

  /** {@link step}, after the loop had a turn to hear of a signal. */
  async turn(share: number): Promise<void> {
    await turn();
    this.step(share);
  }

  /** Lets all files go. */
  async close(): Promise<void> {
    for (const file of this.#files.splice(0)) file.close();
    const scratch = this.#scratch;
    this.#scratch = undefined;
    await (await scratch)?.remove();
  }
}

function tooLarge(needed: number, allowed: number): VentralError {
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  return new VentralError(
    'memory-exceeded',
    `The recordings need ${mib(needed)} of scratch, --max-scratch allows ${mib(allowed)}`,
    { field: '--max-scratch', expected: `at least ${mib(needed)}`, found: mib(allowed) },
  );
}
