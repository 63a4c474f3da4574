import sharp from 'sharp';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';

/** Most bytes of an image's file, so that none is read into memory whatever its length. */
export const maximumImageBytes = 2 ** 28;

/** Images with more pixels are refused; Pillow's own limit against decompression bombs. */
const maximumPixels = 178_956_970;

/** How the files that are taken start, in Latin-1. */
const beginnings = ['\x89PNG\r\n\x1a\n', '\xff\xd8\xff', 'GIF87a', 'GIF89a', 'II*\0', 'MM\0*'];

/** Whether bytes start as PNG, JPEG, WebP, GIF or TIFF files do. */
export function isImage(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  const webp = start.startsWith('RIFF') && start.startsWith('WEBP', 8);
  return webp || beginnings.some((beginning) => start.startsWith(beginning));
}

/** The error for an image that cannot be used. */
export function imageInvalid(name: string, found: string, cause?: unknown): VentralError {
  return new VentralError('training-data-invalid', `${name} cannot be used: ${found}`, {
    file: name,
    expected: 'a PNG, JPEG, WebP, GIF or TIFF image',
    found,
    ...present({ cause }),
  });
}

/** RGB pixels of 8 bits. */
export interface DecodedExample {
  /** height × width × 3, row-major. */
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
}

async function decode(bytes: Uint8Array): Promise<DecodedExample> {
  const picture = sharp(bytes, {
    failOn: 'error',
    ignoreIcc: true,
    limitInputPixels: maximumPixels,
    sequentialRead: true,
  });
  const { depth } = await picture.metadata();
  const wide = depth === 'ushort';
  const { data, info } = await picture
    .toColourspace(wide ? 'rgb16' : 'srgb')
    .raw({ depth: wide ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const values = wide
    ? new Uint16Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength))
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { width, height, pixels: overBlack(values, channels, width * height) };
}

/** Three channels of 8 bits: grey is repeated, 16 bits keep their high byte, alpha lies over black. */
function overBlack(values: Uint8Array | Uint16Array, channels: number, count: number): Uint8Array {
  if (values.length !== count * channels)
    throw new Error('its pixel count differs from its header');
  const shift = values instanceof Uint16Array ? 8 : 0;
  if (channels === 3 && values instanceof Uint8Array) return values;
  const alpha = channels === 2 || channels === 4;
  const step = channels >= 3 ? 1 : 0;
  const out = new Uint8Array(count * 3);
  for (let i = 0; i < count; i++) {
    const opaque = alpha ? values[i * channels + channels - 1] >> shift : 255;
    for (let c = 0; c < 3; c++) {
      const value = values[i * channels + c * step] >> shift;
      out[i * 3 + c] = opaque === 255 ? value : Math.round((value * opaque) / 255);
    }
  }
  return out;
}

/**
 * Decodes an image of training data to RGB. Colour profiles and EXIF orientation are left aside, as Pillow does.
 * @param name the file's name, for the error
 * @throws VentralError `training-data-invalid` for anything that is no such picture, cut short or damaged
 */
export async function decodeExample(bytes: Uint8Array, name: string): Promise<DecodedExample> {
  if (!isImage(bytes))
    throw imageInvalid(name, bytes.length === 0 ? 'the file is empty' : 'it is not an image');
  try {
    return await decode(bytes);
  } catch (error) {
    const why = (error as Error).message.split('\n').at(-1)?.trim();
    throw imageInvalid(name, why || 'its pixels are damaged', error);
  }
}
