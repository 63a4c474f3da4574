import type { LabelledImage, LabelledSet } from '../data/labelled-set.js';

/**
 * Images of a set, cached until they take `most` bytes; later ones are read each time.
 * An epoch goes through a set in random order, so that no image is worth more than another.
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
    // Two that ask at the same time for the same image count it once.
    if (bytes <= this.#room && !this.#kept.has(index)) {
      this.#kept.set(index, picture);
      this.#room -= bytes;
    }
    return picture;
  }
}
