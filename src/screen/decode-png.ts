import { crc32, inflate } from 'node:zlib';
import type { ImageHeader } from './image-header.js';

/**
 * The plainest PNG files, which most stimuli are: 8 bits a channel, grey, RGB or RGBA, not interlaced. Inflating their data alone
 * takes half the time of a pipeline of sharp. Whatever is not exactly as it should be is left to sharp, so that it alone decides
 * what is refused, and why.
 */

/** Channels by colour type. */
const channelsOfType: Readonly<Record<number, number>> = { 0: 1, 2: 3, 6: 4 };
/** Chunks before the data that change no pixel, with their length where it is fixed. */
const harmless: Readonly<Record<string, number | undefined>> = { pHYs: 9, sRGB: 1, gAMA: 4 };
const MOST_CHUNKS = 8;
const MOST_TEXT = 65_536;
/** Bytes of pixels beyond which memory is not taken before the data are seen. */
const MOST_BYTES = 2 ** 24;
/** A side beyond this is refused by libpng. */
const MOST_SIDE = 1_000_000;
/** Bytes before the first chunk. */
const SIGNATURE = 8;

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
}

/** The chunk at a position; undefined where it is cut short or its checksum differs. */
function chunkAt(bytes: Buffer, at: number): Chunk | undefined {
  if (at + 12 > bytes.length) return undefined;
  const end = at + 8 + bytes.readUInt32BE(at);
  if (end + 4 > bytes.length) return undefined;
  if (crc32(bytes.subarray(at + 4, end)) !== bytes.readUInt32BE(end)) return undefined;
  return { type: bytes.toString('latin1', at + 4, at + 8), data: bytes.subarray(at + 8, end) };
}

const isHarmless = ({ type, data: { length } }: Chunk) =>
  type === 'tEXt' ? length <= MOST_TEXT : harmless[type] === length;

/** The compressed pixels of a file that has only what is expected; undefined for every other. */
function dataOf(bytes: Buffer): Uint8Array | undefined {
  const header = chunkAt(bytes, SIGNATURE);
  if (header?.type !== 'IHDR' || !isPlain(header.data)) return undefined;
  const parts: Uint8Array[] = [];
  let others = 0;
  for (let at = SIGNATURE + 12 + header.data.length; ; ) {
    const chunk = chunkAt(bytes, at);
    if (!chunk) return undefined;
    at += 12 + chunk.data.length;
    if (chunk.type === 'IDAT') parts.push(chunk.data);
    else if (chunk.type === 'IEND')
      return chunk.data.length === 0 && at === bytes.length ? Buffer.concat(parts) : undefined;
    else if (parts.length > 0 || !isHarmless(chunk) || ++others > MOST_CHUNKS) return undefined;
  }
}

/** Whether a header says 8 bits, one of the colour types, and the one compression and filtering there is, without interlace. */
const isPlain = (header: Uint8Array) =>
  header.length === 13 &&
  header[8] === 8 &&
  channelsOfType[header[9]] !== undefined &&
  header[10] === 0 &&
  header[11] === 0 &&
  header[12] === 0;

/** Exactly `length` bytes from all of `data`; undefined where there are others, or damaged ones. */
function inflated(data: Uint8Array, length: number): Promise<Uint8Array | undefined> {
  // One more: the whole comes in one piece, and what is too long shows.
  const options = { chunkSize: Math.max(64, length + 1), maxOutputLength: length + 1, info: true };
  return new Promise((resolve) => {
    inflate(data, options, (error, result) => {
      // With `info` the result has the engine, which the types do not say.
      const { buffer, engine } = (result ?? {}) as unknown as Inflated;
      const whole = !error && buffer.length === length && engine.bytesWritten === data.length;
      resolve(whole ? buffer : undefined);
    });
  });
}

interface Inflated {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

/** Undoes the filters of rows, `wide` bytes and a filter each; `near` bytes lie between neighbours. Undefined for a filter that is none. */
function unfiltered(
  filtered: Uint8Array,
  rows: number,
  wide: number,
  near: number,
): Uint8Array | undefined {
  const out = new Uint8Array(rows * wide);
  let above = new Uint8Array(wide);
  for (let y = 0, at = 0; y < rows; y++, at += wide + 1) {
    const row = out.subarray(y * wide, (y + 1) * wide);
    row.set(filtered.subarray(at + 1, at + 1 + wide));
    const undo = filters[filtered[at]];
    if (undo === undefined) return undefined;
    undo(row, above, near);
    above = row;
  }
  return out;
}

type Undo = (row: Uint8Array, above: Uint8Array, near: number) => void;

/** By their numbers in the file. */
const filters: readonly Undo[] = [
  () => {},
  (row, _, near) => {
    for (let i = near; i < row.length; i++) row[i] += row[i - near];
  },
  (row, above) => {
    for (let i = 0; i < row.length; i++) row[i] += above[i];
  },
  (row, above, near) => {
    for (let i = 0; i < near; i++) row[i] += above[i] >> 1;
    for (let i = near; i < row.length; i++) row[i] += (row[i - near] + above[i]) >> 1;
  },
  (row, above, near) => {
    for (let i = 0; i < near; i++) row[i] += above[i];
    for (let i = near; i < row.length; i++)
      row[i] += paeth(row[i - near], above[i], above[i - near]);
  },
];

/** Which of left, up and diagonal is nearest to left + up − diagonal. */
function paeth(left: number, up: number, diagonal: number): number {
  const toLeft = Math.abs(up - diagonal);
  const toUp = Math.abs(left - diagonal);
  const toDiagonal = Math.abs(left + up - 2 * diagonal);
  if (toLeft <= toUp && toLeft <= toDiagonal) return left;
  return toUp <= toDiagonal ? up : diagonal;
}

/** Pixels of a plain PNG file, row-major and interleaved; undefined for any other, and for one with a fault. */
export async function decodePlainPng(
  bytes: Uint8Array,
  { width, height }: Pick<ImageHeader, 'width' | 'height'>,
): Promise<Uint8Array | undefined> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const near = channelsOfType[bytes[25]];
  if (near === undefined || Math.max(width, height) > MOST_SIDE) return undefined;
  if (height * (width * near + 1) > MOST_BYTES) return undefined;
  const data = dataOf(file);
  const filtered = data && (await inflated(data, height * (width * near + 1)));
  return filtered && unfiltered(filtered, height, width * near, near);
}
