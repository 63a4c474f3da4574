import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { VentralError } from '../../errors/ventral-error.js';
import { readPart } from './read-part.js';

/**
 * IDX files of unsigned bytes, as LeCun's MNIST page lays them out: 0, 0, 8, the number of dimensions, each of
 * them as a big-endian word, the values. Packed by gzip they are held in memory, otherwise read where they lie.
 */

/** Values of an IDX file. */
export interface IdxFile {
  readonly dimensions: readonly number[];
  /** SHA-256 over header and values, unpacked. */
  readonly digest: string;
  /** Values from an offset on. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Most bytes that a packed file may have once it is unpacked. */
const maximumUnpacked = 2 ** 30;
/** Maximum expansion of DEFLATE (zlib, "Technical Details"). */
const maximumRatio = 1032;

/** The error for an invalid IDX file. */
export function idxInvalid(file: string, field: string, expected: string, found: string) {
  return new VentralError(
    'training-data-invalid',
    `${file} is not a usable IDX file: ${field}: expected ${expected}, found ${found}`,
    { file, field, expected, found },
  );
}

/** Checks the size of a file against the sizes in its header. */
interface Layout {
  readonly dimensions: readonly number[];
  readonly start: number;
  readonly bytes: number;
}

function readLayout(file: string, header: Uint8Array, rank: number, size: Sizes): Layout {
  const magic = Buffer.from(header.subarray(0, 4)).toString('hex');
  const expected = `0000080${rank}`;
  if (magic !== expected) throw idxInvalid(file, 'magic number', expected, magic || 'nothing');
  const start = 4 + 4 * rank;
  if (header.length < start)
    throw idxInvalid(file, 'header', `${start} bytes`, `${header.length} bytes`);
  const view = new DataView(header.buffer, header.byteOffset);
  const dimensions = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const said = dimensions.join(' × ');
  if (dimensions.includes(0)) throw idxInvalid(file, 'dimensions', 'at least 1', said);
  const bytes = dimensions.reduce((product, dimension) => product * dimension, 1);
  if (size.packed ? bytes > size.most : bytes !== size.most)
    throw idxInvalid(
      file,
      'dimensions',
      size.packed ? `at most ${size.most} values` : `the ${size.most} bytes that follow`,
      said,
    );
  return { dimensions, start, bytes };
}

/** Bytes that may follow the header: those of the file, or at most so many where it is packed. */
interface Sizes {
  readonly packed: boolean;
  readonly most: number;
}

async function look(path: string, start: number): Promise<{ sizes: Sizes; header: Uint8Array }> {
  const [{ size }, header] = [await stat(path), await readPart(path, 0, start)];
  const packed = header[0] === 0x1f && header[1] === 0x8b;
  const most = packed ? Math.min(maximumUnpacked, size * maximumRatio) : size - header.length;
  return { sizes: { packed, most }, header };
}

async function* unpacked(path: string): AsyncIterable<Uint8Array> {
  const [packed, chunks] = [createReadStream(path), createGunzip()];
  packed.on('error', (error) => chunks.destroy(error));
  try {
    yield* packed.pipe(chunks);
  } finally {
    packed.destroy();
  }
}

/** Unpacks values into memory, of which no more is taken than the header says and the file can hold. */
async function unpack(path: string, rank: number, sizes: Sizes) {
  const start = 4 + 4 * rank;
  const header = new Uint8Array(start);
  let [layout, values]: [Layout | undefined, Uint8Array] = [undefined, new Uint8Array(0)];
  let have = 0;
  const take = (chunk: Uint8Array) => {
    const lead = chunk.subarray(0, Math.max(0, start - have));
    header.set(lead, Math.min(have, start));
    const rest = chunk.subarray(lead.length);
    have += lead.length;
    if (have < start) return;
    if (!layout) {
      layout = readLayout(path, header, rank, sizes);
      values = new Uint8Array(layout.bytes);
    }
    if (have - start + rest.length > layout.bytes)
      throw idxInvalid(path, 'length', `${layout.bytes} values`, 'more');
    values.set(rest, have - start);
    have += rest.length;
  };
  for await (const chunk of unpacked(path)) take(chunk);
  layout ??= readLayout(path, header.subarray(0, have), rank, sizes);
  if (have < start + layout.bytes)
    throw idxInvalid(path, 'length', `${layout.bytes} values`, String(have - start));
  return { dimensions: layout.dimensions, header, values };
}

async function openPacked(path: string, rank: number, sizes: Sizes): Promise<IdxFile> {
  const { dimensions, header, values } = await unpack(path, rank, sizes).catch((error) => {
    if (!String(error?.code).startsWith('Z_')) throw error;
    throw idxInvalid(path, 'packing', 'gzip', error.message);
  });
  return {
    dimensions,
    digest: createHash('sha256').update(header).update(values).digest('hex'),
    read: async (offset, length) => values.subarray(offset, offset + length),
  };
}

async function openPlain(path: string, { dimensions, start }: Layout): Promise<IdxFile> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return {
    dimensions,
    digest: hash.digest('hex'),
    read: async (offset, length) => {
      const bytes = await readPart(path, start + offset, length);
      if (bytes.length === length) return bytes;
      throw idxInvalid(path, 'length', 'the size at the start', 'less');
    },
  };
}

/**
 * Opens an IDX file of unsigned bytes with this many dimensions, packed by gzip or not.
 * @throws VentralError `training-data-invalid` where magic number, dimensions and length do not fit together, or
 * where a packed file holds more than 1 GiB
 */
export async function openIdxFile(path: string, rank: number): Promise<IdxFile> {
  const { sizes, header } = await look(path, 4 + 4 * rank);
  if (sizes.packed) return openPacked(path, rank, sizes);
  return openPlain(path, readLayout(path, header, rank, sizes));
}
