import { imageCorrupt, requireSize } from './image-header.js';
import { channelsOf, type Picture, type PictureMode } from './picture.js';

const headerSizes = [12, 40, 52, 56, 64, 108, 124];
const compressions: Readonly<Record<number, string>> = { 1: 'RLE', 2: 'RLE', 4: 'JPEG', 5: 'PNG' };

/** The layouts of `BITFIELDS` that are read, by bits and masks: the shifts of red, green, blue (and alpha). */
const masked: Readonly<Record<string, readonly number[]>> = {
  '32 ff0000 ff00 ff 0': [16, 8, 0],
  '32 ff0000 ff00 ff ff000000': [16, 8, 0, 24],
  '32 ff ff00 ff0000 ff000000': [0, 8, 16, 24],
  '24 ff0000 ff00 ff': [16, 8, 0],
  '16 f800 7e0 1f': [11, 5, 0],
  '16 7c00 3e0 1f': [10, 5, 0],
};
const plain: Readonly<Record<number, readonly number[]>> = {
  16: [10, 5, 0],
  24: [16, 8, 0],
  32: [16, 8, 0],
};

/** True for the first bytes of a BMP file. */
export const isBmp = (bytes: Uint8Array): boolean => bytes[0] === 0x42 && bytes[1] === 0x4d;

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  /** First byte of the rows. */
  readonly offset: number;
  readonly topDown: boolean;
}

/**
 * Decodes a BMP file (all headers of Windows, the first of OS/2) to the pixels that Pillow gives.
 * @throws VentralError `image-corrupt`, for RLE and unusual bit fields too
 */
export function decodeBmp(bytes: Uint8Array, name: string): Picture {
  const refuse = (why: string) => imageCorrupt(name, why);
  if (bytes.length < 26) throw refuse('the BMP file ends inside its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(14, true);
  if (!headerSizes.includes(size)) throw refuse(`BMP with a header of ${size} bytes`);
  if (bytes.length < 14 + size) throw refuse('the BMP file ends inside its header');
  const old = size === 12;
  const rawHeight = old ? view.getUint16(20, true) : view.getInt32(22, true);
  const layout = {
    width: old ? view.getUint16(18, true) : view.getUint32(18, true),
    height: Math.abs(rawHeight),
    bits: view.getUint16(old ? 24 : 28, true),
    topDown: rawHeight < 0,
  };
  requireSize(layout, name);
  const compression = old ? 0 : view.getUint32(30, true);
  if (compression !== 0 && compression !== 3)
    throw refuse(`BMP with ${compressions[compression] ?? `unknown (${compression})`} compression`);
  const offset = view.getUint32(10, true);
  if (layout.bits === 1 || layout.bits === 4 || layout.bits === 8) {
    if (compression !== 0) throw refuse('BMP of a palette with bit fields');
    return indexed(bytes, { ...layout, offset }, size, refuse);
  }
  const shifts = compression === 3 ? shiftsOf(view, size, layout.bits) : plain[layout.bits];
  if (shifts === undefined)
    throw refuse(
      `BMP of ${layout.bits} bits a pixel${compression === 3 ? ' in these bit fields' : ''}`,
    );
  return direct(view, { ...layout, offset }, shifts, refuse);
}

/** The masks follow a header of 40 bytes, which has none for alpha, and are part of the longer ones. */
function shiftsOf(view: DataView, size: number, bits: number): readonly number[] | undefined {
  const count = bits === 32 ? 4 : 3;
  if (54 + 4 * count > view.byteLength) return undefined;
  const masks = Array.from({ length: count }, (_, i) =>
    i === 3 && size < 56 ? 0 : view.getUint32(54 + 4 * i, true),
  );
  return masked[[bits, ...masks.map((mask) => mask.toString(16))].join(' ')];
}

/** Bytes of a row, which is padded to four. */
const strideOf = ({ width, bits }: Layout) => Math.floor((width * bits + 31) / 32) * 4;

function requireRows(bytes: number, layout: Layout, refuse: (why: string) => Error): void {
  if (layout.offset + strideOf(layout) * layout.height > bytes)
    throw refuse('the BMP file ends inside its pixels');
}

const rowAt = (layout: Layout, y: number) =>
  layout.offset + strideOf(layout) * (layout.topDown ? y : layout.height - 1 - y);

function direct(
  view: DataView,
  layout: Layout,
  shifts: readonly number[],
  refuse: (why: string) => Error,
): Picture {
  requireRows(view.byteLength, layout, refuse);
  const { width, height, bits } = layout;
  const mode: PictureMode = shifts.length === 4 ? 'RGBA' : 'RGB';
  const channels = shifts.length;
  const data = new Uint8Array(width * height * channels);
  // 16 bits have five or six of a colour: red takes what is above green, green what is above blue.
  const most = bits === 16 ? [31, 2 ** (shifts[0] - shifts[1]) - 1, 31] : [255, 255, 255, 255];
  const bytes = bits / 8;
  let out = 0;
  for (let y = 0; y < height; y++) {
    const row = rowAt(layout, y);
    for (let x = 0; x < width; x++) {
      const at = row + x * bytes;
      const pixel =
        bits === 32
          ? view.getUint32(at, true)
          : view.getUint16(at, true) + (bits === 24 ? 65536 * view.getUint8(at + 2) : 0);
      for (let c = 0; c < channels; c++)
        data[out++] = Math.floor((((pixel >>> shifts[c]) & most[c]) * 255) / most[c]);
    }
  }
  return { width, height, channels, mode, data };
}

function indexed(
  bytes: Uint8Array,
  layout: Layout,
  size: number,
  refuse: (why: string) => Error,
): Picture {
  const { width, height, bits } = layout;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entry = size === 12 ? 3 : 4;
  const count = (size === 12 ? 0 : view.getUint32(46, true)) || 2 ** bits;
  const start = 14 + size;
  if (count > 2 ** bits) throw refuse(`BMP of ${bits} bits with a palette of ${count} colours`);
  if (start + entry * count > bytes.length) throw refuse('the BMP file ends inside its palette');
  const colour = (i: number) => [2, 1, 0].map((c) => bytes[start + entry * i + c]);
  const greys = Array.from({ length: count }, (_, i) => (count === 2 ? 255 * i : i));
  const grey = greys.every((value, i) => colour(i).every((part) => part === value));
  const mode: PictureMode = grey ? (count === 2 ? '1' : 'L') : 'P';
  const table = greys.map((_, i) => (grey ? colour(i).slice(0, 1) : colour(i)));
  // Some writers leave the palette out of the offset; Pillow reads those, too.
  const offset = layout.offset === start ? start + 4 * count : layout.offset;
  const placed = { ...layout, offset };
  requireRows(bytes.length, placed, refuse);
  const channels = channelsOf[mode];
  const data = new Uint8Array(width * height * channels);
  for (let y = 0, out = 0; y < height; y++, out += width * channels) {
    const row = rowAt(placed, y);
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      const index = (bytes[row + (bit >> 3)] >> (8 - bits - (bit & 7))) & (2 ** bits - 1);
      if (index >= count) throw refuse(`pixel of colour ${index} in a palette of ${count}`);
      data.set(table[index], out + x * channels);
    }
  }
  return { width, height, channels, mode, data };
}
