import { closeSync, openSync, read, rmSync, write } from 'node:fs';
import { promisify } from 'node:util';
import { VentralError } from '../../errors/ventral-error.js';
import type { Tiles } from '../../numerics/algebra/tiles.js';
import { bytesView } from './scratch-file.js';

const writeSome = promisify(write);
const readSome = promisify(read);

interface Held {
  readonly values: Float64Array;
  /** Whether the file lacks it, or has an older one. */
  fresh: boolean;
}

/** Where a tile lies in the file. */
interface Place {
  readonly position: number;
  readonly length: number;
}

/** Limits of the tiles of a matrix. */
export interface TileLimits {
  /** Path of a file that is not there yet; it is made when the first tile has no room in memory. */
  readonly path: string;
  /** Bytes of tiles in memory. */
  readonly memory: number;
}

/**
 * Tiles in memory, those that were used longest ago on scratch disk. Close them when done: the file goes.
 */
export class ScratchTiles implements Tiles {
  readonly #limits: TileLimits;
  /** In the order of their last use. */
  readonly #held = new Map<string, Held>();
  readonly #places = new Map<string, Place>();
  #bytes = 0;
  #end = 0;
  #file: number | undefined;

  constructor(limits: TileLimits) {
    this.#limits = limits;
  }

  /** Bytes on scratch disk. */
  get spilled(): number {
    return this.#end;
  }

  async read(row: number, col: number): Promise<Float64Array> {
    const key = `${row} ${col}`;
    const held = this.#held.get(key);
    if (held) {
      this.#held.delete(key);
      this.#held.set(key, held);
      return held.values;
    }
    const place = this.#places.get(key);
    if (!place) throw new RangeError(`no tile ${row}, ${col} was written`);
    const values = new Float64Array(place.length);
    await this.#readFrom(bytesView(values), place.position);
    await this.#hold(key, { values, fresh: false });
    return values;
  }

  /** @throws VentralError `disk-full`, `disk-failed` */
  async write(row: number, col: number, values: Float64Array): Promise<void> {
    const key = `${row} ${col}`;
    const before = this.#held.get(key);
    if (before) {
      this.#held.delete(key);
      this.#bytes -= before.values.byteLength;
    }
    await this.#hold(key, { values, fresh: true });
  }

  async #hold(key: string, tile: Held): Promise<void> {
    this.#held.set(key, tile);
    this.#bytes += tile.values.byteLength;
    for (const [oldest, { values, fresh }] of this.#held) {
      if (this.#bytes <= this.#limits.memory || oldest === key) return;
      if (fresh) await this.#spill(oldest, values);
      this.#held.delete(oldest);
      this.#bytes -= values.byteLength;
    }
  }

  async #spill(key: string, values: Float64Array): Promise<void> {
    const place = this.#places.get(key) ?? { position: this.#end, length: values.length };
    if (!this.#places.has(key)) this.#end += values.byteLength;
    this.#places.set(key, place);
    const bytes = bytesView(values);
    try {
      this.#file ??= openSync(this.#limits.path, 'wx+', 0o600);
      for (let done = 0; done < bytes.length; ) {
        const rest = [done, bytes.length - done, place.position + done] as const;
        done += (await writeSome(this.#file, bytes, ...rest)).bytesWritten;
      }
    } catch (error) {
      throw VentralError.from(Object.assign(error as Error, { path: this.#limits.path }));
    }
  }

  async #readFrom(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const rest = [done, bytes.length - done, position + done] as const;
      const { bytesRead } = await readSome(this.#file as number, bytes, ...rest);
      if (bytesRead === 0) throw new Error('a scratch file is shorter than what was written to it');
      done += bytesRead;
    }
  }

  /** Forgets the tiles and lets the file go. */
  close(): void {
    this.#held.clear();
    this.#places.clear();
    if (this.#file === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
    rmSync(this.#limits.path, { force: true });
  }
}
