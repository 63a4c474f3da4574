import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import sharp from 'sharp';
import { stimulusSetOf } from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import { colourChannels, normaliseInto } from '../../screen/preprocess.js';
import type { ModelCard } from '../card/card.js';
import { prepareStimulus } from './stimulus-feed.js';

/** What a network sees of an image. */
export interface SeenImage {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Lowest and highest value of the tensor. */
  readonly values: readonly [number, number];
}

/**
 * The tensor that a network gets for an image, turned back into pixels: decoded, placed on the canvas, resized,
 * cropped and normalised as for a score; then × std + mean, scaled from `range` to 0 to 255.
 * @param degrees visual angle of the image on the canvas of the card's; undefined: it is not placed
 * Throws `file-missing`, `bad-usage` for a folder, `image-corrupt`, `degrees-mismatch`, `input-mismatch`.
 */
export async function seenImage(
  path: string,
  card: ModelCard,
  degrees?: number,
): Promise<SeenImage> {
  const bytes = await readFile(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== 'EISDIR') throw thrown;
    const expected = 'an image; of a clip one of its frames';
    const details = { file: path, expected, found: 'a folder' };
    throw new VentralError('bad-usage', `${path}: expected ${expected}, found a folder`, details);
  });
  const name = basename(path);
  const stimuli = stimulusSetOf(
    name,
    [
      { name: 'stimulus_id', dtype: 'string', values: [name] },
      { name: 'filename', dtype: 'string', values: [name] },
    ],
    async () => bytes,
  );
  const shown = { stimuli, degrees: degrees === undefined ? undefined : [degrees] };
  const pixels = await prepareStimulus(shown, 0, card);
  const { width, height } = pixels;
  const spec = { ...card.input, layout: 'NHWC' as const };
  const tensor = new Float32Array(3 * width * height);
  normaliseInto(pixels, spec, tensor);
  const { mean, std, range } = spec;
  const order = colourChannels(spec);
  const seen = Uint8Array.from(tensor, (_, i) => {
    const channel = order[i % 3];
    const value = tensor[i - (i % 3) + channel] * std[channel] + mean[channel];
    return Math.min(255, Math.max(0, Math.round((value * 255) / range)));
  });
  const png = await sharp(seen, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of tensor) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { png, width, height, values: [low, high] };
}
