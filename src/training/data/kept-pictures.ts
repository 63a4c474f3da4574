import type { LabelledPicture, LabelledSet } from './labelled-set.js';

/**
 * A set whose pictures are kept once they were read, up to so many bytes: epochs show the same ones again, and
 * decoding or drawing one costs more than a step of a small network. Which are kept changes no bit.
 */
export function keepPictures(set: LabelledSet, maxBytes: number): LabelledSet {
  const kept = new Map<number, LabelledPicture>();
  let bytes = 0;
  return {
    classes: set.classes,
    labels: set.labels,
    digest: set.digest,
    async picture(index) {
      const known = kept.get(index);
      if (known) return known;
      const picture = await set.picture(index);
      const size = picture.pixels.byteLength + (picture.mask?.byteLength ?? 0);
      if (bytes + size > maxBytes || kept.has(index)) return picture;
      kept.set(index, picture);
      bytes += size;
      return picture;
    },
    close: () => set.close(),
  };
}
