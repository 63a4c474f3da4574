import { VentralError } from '../errors/ventral-error.js';
import type { PictureMode } from './picture.js';

/** Images with more pixels are refused; Pillow's own limit against decompression bombs. */
export const maximumPixels = 178_956_970;

/** What the file of an image says of its pixels. */
export interface ImageHeader {
  readonly format: 'PNG' | 'JPEG' | 'TIFF' | 'WebP';
  readonly width: number;
  readonly height: number;
  readonly mode: PictureMode;
  /** 16 only for colour PNG, of which Pillow keeps the high byte. */
  readonly bits: 8 | 16;
}

/** An image that cannot be decoded: `why` names what was found. */
export function imageCorrupt(name: string, why: string, cause?: unknown): VentralError {
  return new VentralError('image-corrupt', `${name} cannot be decoded: ${why}`, {
    file: name,
    expected: 'an 8-bit PNG, JPEG, TIFF, BMP or WebP image in grey, palette, RGB or RGBA',
    found: why,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Refuses sizes of 0 and images beyond the limit, before anything is allocated for them. */
export function requireSize(
  { width, height }: Pick<ImageHeader, 'width' | 'height'>,
  name: string,
) {
  if (width > 0 && height > 0 && width * height <= maximumPixels) return;
  throw imageCorrupt(
    name,
    `${width} × ${height} pixels (at least 1 and at most ${maximumPixels} are allowed)`,
  );
}
