import sharp from 'sharp';
import { decodeBmp, isBmp } from './decode-bmp.js';
import { decodePlainPng } from './decode-png.js';
import { type ImageHeader, imageCorrupt, maximumPixels, requireSize } from './image-header.js';
import { channelsOf, type Picture, type PictureMode } from './picture.js';
import { isTiff, readTiffHeader } from './tiff-header.js';
import { isWebp, readWebpHeader } from './webp-header.js';

/**
 * From the bytes of an image file to its pixels, as Pillow opens it: no colour management, no
 * rotation by EXIF, no gamma, no blending of alpha (spec §5.3). sharp decodes all but BMP and nothing else; the
 * mode is read from the file's own header, since sharp does not tell a palette or one bit from the rest.
 */

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const pngModes: Record<number, PictureMode> = { 0: 'L', 2: 'RGB', 3: 'P', 4: 'LA', 6: 'RGBA' };

function readPngHeader(bytes: Uint8Array, name: string): ImageHeader {
  if (bytes.length < 33) throw imageCorrupt(name, 'the PNG file ends inside its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [depth, type] = [bytes[24], bytes[25]];
  const mode = pngModes[type];
  if (mode === undefined) throw imageCorrupt(name, `PNG colour type ${type} does not exist`);
  if (mode === 'L' && depth === 16) {
    throw imageCorrupt(name, 'grey PNG of 16 bits has no defined conversion to 8 bits');
  }
  return {
    format: 'PNG',
    width: view.getUint32(16),
    height: view.getUint32(20),
    mode: mode === 'L' && depth === 1 ? '1' : mode,
    bits: depth === 16 ? 16 : 8,
  };
}

/** True for the markers that start a frame: SOF0 to SOF15 without DHT, JPG and DAC. */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

function readJpegHeader(bytes: Uint8Array, name: string): ImageHeader {
  let at = 2;
  while (at + 9 < bytes.length) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff || marker === 0xff || marker === 0) {
      at += 1; // junk or a fill byte before the next marker
      continue;
    }
    if (isFrame(marker)) {
      const components = bytes[at + 9];
      if (bytes[at + 4] !== 8) throw imageCorrupt(name, `JPEG of ${bytes[at + 4]} bits`);
      if (components === 4) throw imageCorrupt(name, 'CMYK JPEG has no defined conversion to RGB');
      if (components !== 1 && components !== 3)
        throw imageCorrupt(name, `JPEG of ${components} colours`);
      return {
        format: 'JPEG',
        height: bytes[at + 5] * 256 + bytes[at + 6],
        width: bytes[at + 7] * 256 + bytes[at + 8],
        mode: components === 1 ? 'L' : 'RGB',
        bits: 8,
      };
    }
    const alone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    at += alone ? 2 : 2 + bytes[at + 2] * 256 + bytes[at + 3];
  }
  throw imageCorrupt(name, 'the JPEG file ends before its image data');
}

function readHeader(bytes: Uint8Array, name: string): ImageHeader {
  if (pngSignature.every((byte, i) => bytes[i] === byte)) return readPngHeader(bytes, name);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return readJpegHeader(bytes, name);
  if (isTiff(bytes)) return readTiffHeader(bytes, name);
  if (isWebp(bytes)) return readWebpHeader(bytes, name);
  const found = bytes.length === 0 ? 'the file is empty' : 'it is no PNG, JPEG, TIFF, BMP or WebP';
  throw imageCorrupt(name, found);
}

interface Decoded {
  readonly data: Uint8Array | Uint16Array;
  readonly channels: number;
}

async function run(
  bytes: Uint8Array,
  header: ImageHeader,
  failOn: 'warning' | 'error',
): Promise<Decoded> {
  const pipeline = sharp(bytes, {
    failOn,
    ignoreIcc: true,
    limitInputPixels: maximumPixels,
    sequentialRead: true,
  });
  if (header.bits === 16) {
    const { data, info } = await pipeline
      .toColourspace('rgb16')
      .raw({ depth: 'ushort' })
      .toBuffer({ resolveWithObject: true });
    const words = new Uint16Array(
      data.buffer.slice(data.byteOffset, data.byteOffset + data.length),
    );
    return { data: words, channels: info.channels };
  }
  if (channelsOf[header.mode] === 1) pipeline.toColourspace('b-w');
  const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true });
  return {
    data: new Uint8Array(data.buffer, data.byteOffset, data.length),
    channels: info.channels,
  };
}

/** Warnings of the decoders that leave the pixels as they should be; Pillow does not mind them either. */
const harmless =
  /extraneous bytes|Unknown Adobe color|iCCP|sRGB|gAMA|cHRM|pHYs|tEXt|zTXt|iTXt|EXIF|Unknown field with tag/i;

async function decodePixels(
  bytes: Uint8Array,
  header: ImageHeader,
  name: string,
): Promise<Decoded> {
  const because = (error: unknown) =>
    (error as Error).message.split('\n').at(-1)?.trim() || 'the pixel data are damaged';
  try {
    return await run(bytes, header, 'warning');
  } catch (error) {
    if (!harmless.test((error as Error).message)) throw imageCorrupt(name, because(error), error);
  }
  try {
    return await run(bytes, header, 'error');
  } catch (error) {
    throw imageCorrupt(name, because(error), error);
  }
}

/** Keeps the channels of the mode: sharp adds alpha for transparent colours and repeats grey. */
function pickChannels(decoded: Decoded, header: ImageHeader): Uint8Array {
  const wanted = channelsOf[header.mode];
  const { data, channels } = decoded;
  if (data instanceof Uint8Array && channels === wanted) return data;
  const shift = data instanceof Uint16Array ? 8 : 0;
  const pixels = header.width * header.height;
  const out = new Uint8Array(pixels * wanted);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < wanted; c++) {
      // LA: grey is the first channel, alpha the last, whatever is between.
      const from = header.mode === 'LA' && c === 1 ? channels - 1 : c;
      out[i * wanted + c] = data[i * channels + from] >> shift;
    }
  }
  return out;
}

/**
 * Decodes a PNG, JPEG, TIFF, BMP or WebP file, which its bytes tell, to the pixels that Pillow gives.
 * @param name the file's name, for the error
 * @throws VentralError `image-corrupt` for anything that is no such picture, is cut short or damaged,
 * has CMYK or 16-bit grey pixels, several pages or frames, or more than 178,956,970 pixels
 */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<Picture> {
  if (isBmp(bytes)) return decodeBmp(bytes, name);
  const header = readHeader(bytes, name);
  requireSize(header, name);
  const { width, height, mode } = header;
  const plain = header.format === 'PNG' ? await decodePlainPng(bytes, header) : undefined;
  if (plain) return { width, height, channels: channelsOf[mode], mode, data: plain };
  const decoded = await decodePixels(bytes, header, name);
  if (decoded.data.length !== width * height * decoded.channels) {
    throw imageCorrupt(name, `its header says ${width} × ${height}, its pixel data differ in size`);
  }
  return { width, height, channels: channelsOf[mode], mode, data: pickChannels(decoded, header) };
}
