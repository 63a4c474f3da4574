import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../formats/digest.js';
import type { FloatRaster, Raster } from '../../screen/picture.js';
import type { ModelCard } from '../card/card.js';
import type { Shown } from './shown.js';
import { shownDigest } from './stimulus-digest.js';

/** The rows of one stimulus set as a network's card wants them; a set with clips has a slot for each frame of a row. */
export interface PreparedSet {
  /** Pixels of a slot that were put before. */
  get(slot: number): Raster | FloatRaster | undefined;
  put(slot: number, pixels: Raster | FloatRaster): void;
}

/** Pictures that a network with this card gets of a set. */
export const slotsOf = ({ stimuli }: Shown, { input }: Pick<ModelCard, 'input'>): number =>
  stimuli.ids.length * (stimuli.frames ? (input.frames ?? 1) : 1);

/**
 * Images after decoding, screen, resize and crop, stored on scratch disk for later passes: other layers, or other
 * checkpoints with the same input. The key is their content and preprocessing, never a name.
 */
export class PreparedStimuli {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #sets = new Map<string, PreparedFile>();

  /** @param folder a private folder of this run */
  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  /** The images of a set for networks with this card; images beyond the bound are not stored. */
  async of(shown: Shown, { input, visual_degrees }: ModelCard): Promise<PreparedSet> {
    const { resize, crop, frames, sampling } = input;
    const key = digestOf({
      shown: await shownDigest(shown),
      visual_degrees,
      // Mean, deviation and layout are applied to the kept pixels.
      pixels: JSON.stringify({ resize, crop, ...(shown.stimuli.frames && { frames, sampling }) }),
    });
    const known = this.#sets.get(key);
    if (known) return known;
    const path = join(this.#folder, `pictures-${this.#sets.size}`);
    const made = new PreparedFile(
      path,
      slotsOf(shown, { input }),
      () => this.#maxBytes - this.bytes,
    );
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

/**
 * Pixels of equal width and height, one a slot, with room for three channels; the first that is put
 * decides the size. A grey image takes a third of its slot.
 */
class PreparedFile implements PreparedSet {
  readonly #path: string;
  readonly #file: number;
  readonly #room: () => number;
  /** Channels of each stored slot, 0 if absent. */
  readonly #channels: Uint8Array;
  #like: (Raster | FloatRaster) | undefined;

  constructor(path: string, slots: number, room: () => number) {
    this.#path = path;
    this.#file = openSync(path, 'wx+', 0o600);
    this.#room = room;
    this.#channels = new Uint8Array(slots);
  }

  get bytes(): number {
    return this.#like ? slotBytes(this.#like) * this.#channels.length : 0;
  }

  get(slot: number): Raster | FloatRaster | undefined {
    const channels = this.#channels[slot];
    if (!this.#like || channels === 0) return undefined;
    const { width, height, data: like } = this.#like;
    const length = width * height * channels;
    const data = like instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
    const bytes = new Uint8Array(data.buffer);
    const got = readSync(this.#file, bytes, 0, bytes.length, slot * slotBytes(this.#like));
    const pixels = { width, height, channels, data } as Raster | FloatRaster;
    return got === bytes.length ? pixels : undefined;
  }

  put(slot: number, pixels: Raster | FloatRaster): void {
    const { data, channels } = pixels;
    if (!this.#like && slotBytes(pixels) * this.#channels.length <= this.#room())
      this.#like = { ...pixels };
    if (!this.#like || !sameSize(this.#like, pixels)) return;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const at = slot * slotBytes(this.#like);
    const written = writeSync(this.#file, bytes, 0, bytes.length, at);
    this.#channels[slot] = written === bytes.length ? channels : 0;
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }
}

const slotBytes = ({ width, height, data }: Raster | FloatRaster) =>
  width * height * 3 * data.BYTES_PER_ELEMENT;

const sameSize = (a: Raster | FloatRaster, b: Raster | FloatRaster) =>
  a.width === b.width && a.height === b.height && a.data.constructor === b.data.constructor;
