import { type ImageHeader, imageCorrupt } from './image-header.js';
import type { PictureMode } from './picture.js';

/** Tags that decide how the samples of an image are read (TIFF 6.0). */
const tags = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  orientation: 274,
  samples: 277,
  planar: 284,
  extra: 338,
  format: 339,
} as const;

type Tags = Record<keyof typeof tags, readonly number[]>;

/** Uncompressed, LZW, Deflate (both numbers), PackBits: each gives the same pixels to every reader. */
const lossless = [1, 5, 8, 32946, 32773];
const compressions: Readonly<Record<number, string>> = {
  2: 'CCITT',
  3: 'CCITT fax',
  4: 'CCITT fax',
  6: 'JPEG',
  7: 'JPEG',
  34712: 'JPEG 2000',
  34887: 'LERC',
  34925: 'LZMA',
  50000: 'Zstandard',
  50001: 'WebP',
};
const colours: Readonly<Record<number, string>> = {
  4: 'a transparency mask',
  5: 'CMYK',
  6: 'YCbCr',
  8: 'CIELab',
  9: 'ICC Lab',
  10: 'ITU Lab',
  32803: 'a colour filter array',
};

/** True for the first bytes of a TIFF file of either byte order, BigTIFF included. */
export function isTiff(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  const little = a === 0x49 && b === 0x49 && (c === 42 || c === 43) && d === 0;
  return little || (a === 0x4d && b === 0x4d && c === 0 && (d === 42 || d === 43));
}

/**
 * Reads the directory of a TIFF file. Accepted is what has one defined reading as 8-bit pixels: one page, whole
 * bytes in grey (or one bit), palette, RGB, with alpha that is not multiplied in, lossless compression.
 * @throws VentralError `image-corrupt` that names what else was found
 */
export function readTiffHeader(bytes: Uint8Array, name: string): ImageHeader {
  const refuse = (why: string) => imageCorrupt(name, why);
  const found = readTags(bytes, name);
  const one = (tag: keyof Tags, otherwise: number) => found[tag][0] ?? otherwise;
  const compression = one('compression', 1);
  if (!lossless.includes(compression))
    throw refuse(
      `TIFF with ${compressions[compression] ?? `unknown (${compression})`} compression`,
    );
  const turned = one('orientation', 1);
  if (turned !== 1) throw refuse(`TIFF that is turned (orientation ${turned}): store it upright`);
  if (one('fillOrder', 1) !== 1) throw refuse('TIFF whose bits are in reverse order');
  const format = found.format.find((each) => each !== 1);
  if (format !== undefined)
    throw refuse(`TIFF of ${format === 3 ? 'floating-point' : 'signed or unknown'} samples`);
  const samples = one('samples', 1);
  if (samples > 1 && one('planar', 1) !== 1) throw refuse('TIFF of separate colour planes');
  const mode = modeOf(found, samples, refuse);
  return { format: 'TIFF', width: one('width', 0), height: one('height', 0), mode, bits: 8 };
}

function modeOf(found: Tags, samples: number, refuse: (why: string) => Error): PictureMode {
  const photometric = found.photometric[0];
  const bits = found.bits.length > 0 ? found.bits : [1];
  const kind = ['grey', 'grey', 'RGB', 'palette'][photometric];
  if (kind === undefined) throw refuse(`TIFF in ${colours[photometric] ?? 'unknown colours'}`);
  if (kind !== 'RGB' && samples === 1 && bits[0] === 1) return kind === 'grey' ? '1' : 'P';
  const odd = bits.find((each) => each !== 8);
  if (odd !== undefined) throw refuse(`${kind} TIFF of ${odd} bits a sample`);
  const extra = samples - (kind === 'RGB' ? 3 : 1);
  if (extra === 0) return kind === 'grey' ? 'L' : kind === 'palette' ? 'P' : 'RGB';
  if (extra !== 1 || kind === 'palette') throw refuse(`${kind} TIFF of ${samples} samples a pixel`);
  if (found.extra[0] === 1) throw refuse(`${kind} TIFF with its colours multiplied by alpha`);
  if (kind === 'RGB') return found.extra[0] === 2 ? 'RGBA' : 'RGB';
  if (found.extra[0] !== 2 || photometric === 0)
    throw refuse('grey TIFF with a second sample that is not alpha');
  return 'LA';
}

const sizes: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4 };

/** The values of the known tags in the first directory; a second one is refused. */
function readTags(bytes: Uint8Array, name: string): Tags {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  const cut = () => imageCorrupt(name, 'the TIFF file ends inside its header');
  if (bytes.length < 8) throw cut();
  if (view.getUint16(2, little) === 43) throw imageCorrupt(name, 'BigTIFF');
  const start = view.getUint32(4, little);
  if (start + 2 > bytes.length) throw cut();
  const count = view.getUint16(start, little);
  const end = start + 2 + 12 * count;
  if (end + 4 > bytes.length) throw cut();
  if (view.getUint32(end, little) !== 0)
    throw imageCorrupt(name, 'TIFF of several pages: store each in a file');
  const values = (at: number): number[] => {
    const [size, length] = [sizes[view.getUint16(at + 2, little)], view.getUint32(at + 4, little)];
    // Of the tags that are read none has more values than there are samples.
    if (size === undefined || length > 64) return [];
    const first = size * length <= 4 ? at + 8 : view.getUint32(at + 8, little);
    if (first + size * length > bytes.length) throw cut();
    return Array.from({ length }, (_, i) => {
      const where = first + size * i;
      if (size === 1) return bytes[where];
      return size === 2 ? view.getUint16(where, little) : view.getUint32(where, little);
    });
  };
  const found = Object.fromEntries(
    Object.keys(tags).map((key): [string, number[]] => [key, []]),
  ) as unknown as Record<keyof Tags, number[]>;
  const keys = new Map(
    Object.entries(tags).map(([key, tag]) => [tag as number, key as keyof Tags]),
  );
  for (let at = start + 2; at < end; at += 12) {
    const key = keys.get(view.getUint16(at, little));
    if (key !== undefined) found[key] = values(at);
  }
  return found;
}
