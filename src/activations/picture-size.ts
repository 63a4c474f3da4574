import type { ModelCard } from './card.js';
import type { Shown } from './extract.js';
import { preparePicture } from './picture-feed.js';

/** Width and height of a picture in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/**
 * The size that a network of this card gets its pictures in: the card's own, else that of the first
 * picture of the set; undefined where the card leaves it open and that picture cannot be read.
 */
export async function pictureSize(shown: Shown, card: ModelCard): Promise<PictureSize | undefined> {
  const { resize, crop } = card.input;
  const side = crop ?? (resize !== 'none' && resize.mode === 'square' ? resize.to : undefined);
  if (side !== undefined) return { width: side, height: side };
  try {
    const { width, height } = await preparePicture(shown, 0, card);
    return { width, height };
  } catch {
    // The pass over the set says which picture is wrong, and how.
    return undefined;
  }
}

/** Bytes of a picture after resize and crop, before it is normalised. */
export function pictureBytes({ width, height }: PictureSize, { input }: ModelCard): number {
  const isFloat = input.resize !== 'none' && input.resize.library === 'torch';
  return width * height * 3 * (isFloat ? 4 : 1);
}
