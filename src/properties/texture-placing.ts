import { VentralError } from '../errors/ventral-error.js';
import { GROUND } from './grating.js';

/** Degrees that a texture image spans, and the image that it is placed on. */
const SOURCE_DEGREES = 4;
const CANVAS_DEGREES = 8;
/** Degrees from the centre of the canvas to that of the texture, down and to the right. */
const POSITION = 0.5;

/** Numbers of the texture families in the files of FreemanZiemba2013, in the order of the ranks that stand for them. */
const FAMILIES = [60, 56, 13, 48, 71, 18, 327, 336, 402, 38, 23, 52, 99, 393, 30];

/** What a file of FreemanZiemba2013 shows. */
export interface TextureName {
  /** 1: spectrally matched noise, 2: texture. */
  readonly type: 1 | 2;
  /** From 1. */
  readonly family: number;
  readonly sample: number;
}

/** Reads `tex-320x320-im13-smp2.png`. Throws `stimuli-mismatch` for a name or family of another kind. */
export function textureName(file: string): TextureName {
  const found = /^(tex|noise)-\d+x\d+-im(\d+)-smp(\d+)\./.exec(file);
  const family = FAMILIES.indexOf(Number(found?.[2])) + 1;
  if (found && family > 0)
    return { type: found[1] === 'tex' ? 2 : 1, family, sample: Number(found[3]) };
  const expected = 'tex- or noise-WxH-imFAMILY-smpSAMPLE.png of FreemanZiemba2013';
  throw new VentralError('stimuli-mismatch', `${file}: expected a name like ${expected}`, {
    file,
    field: 'filename',
    expected,
  });
}

/**
 * A square texture image of 4 degrees under a raised cosine on a ground of 8 degrees, .5 degrees below and to the right of
 * the centre. 8-bit grey, twice as wide and high as the image.
 */
export function placeTexture(source: Uint8Array, size: number): Uint8Array {
  const canvas = Math.trunc((size * CANVAS_DEGREES) / SOURCE_DEGREES);
  const pixelsPerDegree = size / SOURCE_DEGREES;
  const shift = Math.trunc(POSITION * pixelsPerDegree);
  const first = (canvas - size) / 2 + shift;
  const centre = canvas / 2 + shift;
  const aperture = (SOURCE_DEGREES * pixelsPerDegree) / 2;
  const pixels = new Uint8Array(canvas * canvas).fill(GROUND);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const y = first + i;
      const x = first + j;
      const distance = Math.sqrt((x - centre) ** 2 + (y - centre) ** 2);
      const mask =
        distance < aperture ? (1 / 2) * (1 + Math.cos((Math.PI * distance) / aperture)) : 0;
      pixels[y * canvas + x] = Math.trunc((source[i * size + j] - GROUND) * mask + GROUND);
    }
  }
  return pixels;
}
