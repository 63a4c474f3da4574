import { type ImageHeader, imageCorrupt } from './image-header.js';

const text = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));

/** True for the first bytes of a WebP file. */
export const isWebp = (bytes: Uint8Array): boolean =>
  text(bytes, 0) === 'RIFF' && text(bytes, 8) === 'WEBP';

/**
 * Reads the first chunk of a WebP file (RFC 9649): lossy, lossless or extended, of one image.
 * @throws VentralError `image-corrupt`, for an animation too
 */
export function readWebpHeader(bytes: Uint8Array, name: string): ImageHeader {
  if (bytes.length < 30) throw imageCorrupt(name, 'the WebP file ends inside its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const three = (at: number) => view.getUint16(at, true) + 65536 * bytes[at + 2];
  const of = (width: number, height: number, alpha: boolean): ImageHeader => ({
    ...{ format: 'WebP', width, height, mode: alpha ? 'RGBA' : 'RGB', bits: 8 },
  });
  const kind = text(bytes, 12);
  if (kind === 'VP8 ')
    return of(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff, false);
  if (kind === 'VP8L') {
    const packed = view.getUint32(21, true);
    return of((packed & 0x3fff) + 1, ((packed >>> 14) & 0x3fff) + 1, (packed & 0x10000000) !== 0);
  }
  if (kind !== 'VP8X') throw imageCorrupt(name, 'WebP whose first chunk is no image');
  if ((bytes[20] & 0x02) !== 0) throw imageCorrupt(name, 'animated WebP');
  return of(three(24) + 1, three(27) + 1, (bytes[20] & 0x10) !== 0);
}
