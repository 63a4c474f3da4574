import type { LabelledImage, LabelledSet } from '../data/labelled-set.js';

/**
 * Pictures of a set, kept as they were read until they take `most` bytes; what comes later is read again each time.
 * An epoch goes through a set in random order, so that no picture is worth more than another.
 */
export class ImageCache {
  readonly #kept = new Map<number, LabelledImage>();
  #room: number;

  readonly #set: LabelledSet;

  constructor(set: LabelledSet, most: number) {
    this.#set = set;
    this.#room = most;
  }

  /**
   * Nobody may write into it.
   * @throws what reading it throws
   */
  async picture(index: number): Promise<LabelledImage> {
    const known = this.#kept.get(index);
    if (known) return known;
    const picture = await this.#set.picture(index);
    const bytes = picture.pixels.length + (picture.mask?.length ?? 0);
    // Two that ask at the same time for the same picture count it once.
    if (bytes <= this.#room && !this.#kept.has(index)) {
      this.#kept.set(index, picture);
      this.#room -= bytes;
    }
    return picture;
  }
}
