import type { ModelCard } from '../card/card.js';
import type { Shown } from './shown.js';
import { prepareStimulus } from './stimulus-feed.js';

/** Width and height of an image in pixels. */
export interface StimulusSize {
  readonly width: number;
  readonly height: number;
}

/** Side of the square input in pixels; undefined if the card does not fix it. */
export function cardSide({ input: { crop, resize } }: ModelCard): number | undefined {
  return crop ?? (resize !== 'none' && resize.mode === 'square' ? resize.to : undefined);
}

/**
 * The size that a network of this card gets its images in: the card's own, else that of the first
 * image of the set; undefined if the card leaves it open and that image cannot be read.
 */
export async function stimulusSize(
  shown: Shown,
  card: ModelCard,
): Promise<StimulusSize | undefined> {
  const side = cardSide(card);
  if (side !== undefined) return { width: side, height: side };
  try {
    const { width, height } = await prepareStimulus(shown, 0, card);
    return { width, height };
  } catch {
    // The pass over the set reports the invalid image.
    return undefined;
  }
}

/** Bytes of an image after resize and crop, before it is normalised. */
export function stimulusBytes({ width, height }: StimulusSize, { input }: ModelCard): number {
  const isFloat = input.resize !== 'none' && input.resize.library === 'torch';
  return width * height * 3 * (isFloat ? 4 : 1);
}
