import { resolve } from 'node:path';
import { digestOf } from '../../formats/digest.js';
import { classesOfLabels } from './checked-labels.js';
import { idxInvalid, openIdxFile } from './idx-file.js';
import type { LabelledSet, LabelledSource } from './labelled-set.js';

type IdxSource = Extract<LabelledSource, { readonly images: string }>;

/** Maximum side in pixels: larger data are not images. */
const maximumSide = 16_384;

async function readLabels(path: string, count: number): Promise<[Int32Array, string]> {
  const file = await openIdxFile(path, 1);
  const [found] = file.dimensions;
  if (found !== count)
    throw idxInvalid(path, 'number of labels', `that of the images, ${count}`, String(found));
  return [Int32Array.from(await file.read(0, count)), file.digest];
}

/** Repeats grey in three channels. */
function greyToRgb(grey: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(grey.length * 3);
  for (let i = 0; i < pixels.length; i++) pixels[i] = grey[Math.trunc(i / 3)];
  return pixels;
}

/**
 * Opens grey images and their labels in a pair of IDX files (magic numbers 0x00000803 and 0x00000801).
 * @throws VentralError `training-data-invalid` where a file is none, the two do not fit, or a label has no class
 */
export async function openIdxPair(source: IdxSource, folder: string): Promise<LabelledSet> {
  const path = resolve(folder, source.images);
  const images = await openIdxFile(path, 3);
  const [count, height, width] = images.dimensions;
  if (Math.max(height, width) > maximumSide)
    throw idxInvalid(path, 'sides', `at most ${maximumSide}`, `${height} × ${width}`);
  const labelPath = resolve(folder, source.labels);
  const [labels, labelDigest] = await readLabels(labelPath, count);
  return {
    classes: classesOfLabels(labels, source.classes, (i) => `${labelPath}, number ${i},`),
    labels,
    digest: digestOf({ images: images.digest, labels: labelDigest }),
    picture: async (index) => {
      const size = height * width;
      const grey = await images.read(index * size, size);
      return { pixels: greyToRgb(grey), height, width, label: labels[index] };
    },
    close: async () => {},
  };
}
