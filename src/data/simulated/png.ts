import { crc32 } from 'node:zlib';

/**
 * Writes 8-bit grey and RGB PNG files without compression: the bytes, and the stimulus ids that are made of
 * them, are the same on every machine and with every version of zlib (PNG, third edition; RFC 1950).
 */

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Most bytes of one stored block. */
const blockSize = 65535;

function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

function chunk(type: string, data: Uint8Array): Buffer {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/** A zlib stream of stored blocks. */
function store(bytes: Uint8Array): Buffer {
  const parts: Uint8Array[] = [Uint8Array.of(0x78, 0x01)];
  for (let from = 0; from < bytes.length; from += blockSize) {
    const block = bytes.subarray(from, from + blockSize);
    const header = Buffer.alloc(5);
    header[0] = from + blockSize >= bytes.length ? 1 : 0;
    header.writeUInt16LE(block.length, 1);
    header.writeUInt16LE(0xffff - block.length, 3);
    parts.push(header, block);
  }
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(adler32(bytes));
  return Buffer.concat([...parts, sum]);
}

/** PNG file of a grey image; `pixels` is row-major, width × height values. */
export const encodeGreyPng = (width: number, height: number, pixels: Uint8Array): Uint8Array =>
  encodePng({ width, height, channels: 1 }, pixels);

/** PNG file of an RGB image; `pixels` is row-major, width × height × 3 values. */
export const encodeRgbPng = (width: number, height: number, pixels: Uint8Array): Uint8Array =>
  encodePng({ width, height, channels: 3 }, pixels);

function encodePng(
  { width, height, channels }: { width: number; height: number; channels: 1 | 3 },
  pixels: Uint8Array,
): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8; // bits; no interlace
  header[9] = channels === 1 ? 0 : 2;
  const bytes = width * channels;
  const rows = new Uint8Array((bytes + 1) * height); // each begins with filter type 0
  for (let y = 0; y < height; y++) {
    rows.set(pixels.subarray(y * bytes, (y + 1) * bytes), y * (bytes + 1) + 1);
  }
  return Buffer.concat([
    Uint8Array.from(signature),
    chunk('IHDR', header),
    chunk('IDAT', store(rows)),
    chunk('IEND', new Uint8Array(0)),
  ]);
}
