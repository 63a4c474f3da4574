import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../formats/digest.js';
import type { FloatRaster, Raster } from '../screen/picture.js';
import type { ModelCard } from './card.js';
import type { Shown } from './extract.js';
import { shownDigest } from './stimulus-digest.js';

/** The rows of one stimulus set as a network's card wants them. */
export interface PreparedSet {
  /** Pixels of a row that were put before. */
  get(row: number): Raster | FloatRaster | undefined;
  put(row: number, pixels: Raster | FloatRaster): void;
}

/**
 * Pictures after decoding, screen, resize and crop, kept on scratch disk for the passes that follow: other
 * layers, or other checkpoints with the same input. They are known by what was shown and how, never by name.
 */
export class PreparedPictures {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #sets = new Map<string, PictureFile>();

  /** @param folder a folder that belongs to this run alone */
  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  /** The pictures of a set for networks of this card; what does not fit the bound is not kept. */
  async of(shown: Shown, { input, visual_degrees }: ModelCard): Promise<PreparedSet> {
    const { resize, crop } = input;
    const key = digestOf({
      shown: await shownDigest(shown),
      visual_degrees,
      // Mean, deviation and layout are applied to the kept pixels.
      pixels: JSON.stringify({ resize, crop }),
    });
    const known = this.#sets.get(key);
    if (known) return known;
    const path = join(this.#folder, `pictures-${this.#sets.size}`);
    const made = new PictureFile(path, shown.stimuli.ids.length, () => this.#maxBytes - this.bytes);
    this.#sets.set(key, made);
    return made;
  }

  /** Bytes of the sets that are kept. */
  get bytes(): number {
    return [...this.#sets.values()].reduce((sum, set) => sum + set.bytes, 0);
  }

  close(): void {
    for (const set of this.#sets.values()) set.close();
    this.#sets.clear();
  }
}

/** Pixels of equal size, one slot a row; the first that is put decides the size. */
class PictureFile implements PreparedSet {
  readonly #path: string;
  readonly #file: number;
  readonly #room: () => number;
  readonly #there: Uint8Array;
  #slot: (Raster | FloatRaster) | undefined;

  constructor(path: string, rows: number, room: () => number) {
    this.#path = path;
    this.#file = openSync(path, 'wx+', 0o600);
    this.#room = room;
    this.#there = new Uint8Array(rows);
  }

  get bytes(): number {
    return (this.#slot?.data.byteLength ?? 0) * this.#there.length;
  }

  get(row: number): Raster | FloatRaster | undefined {
    if (!this.#slot || this.#there[row] === 0) return undefined;
    const { data: like, ...size } = this.#slot;
    const data =
      like instanceof Uint8Array ? new Uint8Array(like.length) : new Float32Array(like.length);
    const bytes = new Uint8Array(data.buffer);
    const got = readSync(this.#file, bytes, 0, bytes.length, row * bytes.length);
    return got === bytes.length ? ({ ...size, data } as Raster | FloatRaster) : undefined;
  }

  put(row: number, pixels: Raster | FloatRaster): void {
    const { data } = pixels;
    this.#slot ??= data.byteLength * this.#there.length <= this.#room() ? { ...pixels } : undefined;
    if (!this.#slot || !sameShape(this.#slot, pixels)) return;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const written = writeSync(this.#file, bytes, 0, bytes.length, row * bytes.length);
    this.#there[row] = written === bytes.length ? 1 : 0;
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }
}

const sameShape = (a: Raster | FloatRaster, b: Raster | FloatRaster) =>
  a.width === b.width &&
  a.height === b.height &&
  a.data.constructor === b.data.constructor &&
  a.data.length === b.data.length;
