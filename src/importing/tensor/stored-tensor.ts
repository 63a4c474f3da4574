import { VentralError } from '../../errors/ventral-error.js';
import { halfToNumber } from '../../formats/npy.js';
import type { Elements } from '../../onnx/graph-builder.js';
import type { UnreadDtype } from '../pickle/pickle-values.js';
import type { StoredDtype, StoredTensor } from '../source/checkpoint.js';
import { type CheckpointPlace, refuseCheckpoint } from '../source/checkpoint-fault.js';
import { elementCount, extentOf, gather, isRowMajor } from './strides.js';

const widths: Record<string, number> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
  complex64: 8,
  complex128: 16,
  qint8: 1,
  quint8: 1,
  qint32: 4,
};

/** Bytes of one element; 0 if that is not known. */
export const dtypeBytes = (dtype: StoredDtype | UnreadDtype): number => widths[dtype] ?? 0;

/** Bytes of one storage in a file. */
export interface StorageBytes {
  readonly length: number;
  readonly bigEndian: boolean;
  /**
   * Bytes `from` up to `to`, in memory of their own.
   * @throws VentralError `checkpoint-invalid` or `zip-invalid`
   */
  read(from: number, to: number): Promise<Buffer>;
}

/** How a tensor is in its storage. */
export interface TensorLayout {
  readonly dtype: StoredDtype;
  readonly dims: readonly number[];
  /** In elements. */
  readonly strides: readonly number[];
  /** Byte of the first element. */
  readonly start: number;
}

/** Most bytes of one tensor, and most elements of one that has more of them than its storage. */
const mostBytes = 2 ** 31 - 1;
const mostRepeated = 2 ** 24;

/**
 * A tensor that is read when it is asked for.
 * @throws VentralError `checkpoint-invalid` where the storage is shorter than the tensor, and `memory-exceeded`
 *   where one tensor has more than 2 GiB
 */
export function storedTensor(
  layout: TensorLayout,
  bytes: StorageBytes,
  place: CheckpointPlace,
): StoredTensor {
  const { dtype, dims, strides, start } = layout;
  checkSize(layout, bytes.length, place);
  const count = elementCount(dims);
  const extent = extentOf(dims, strides);
  const isPlain = count === extent && isRowMajor(dims, strides);
  const end = start + extent * dtypeBytes(dtype);
  const read = async () => {
    if (count === 0) return decode(Buffer.alloc(0), dtype);
    const stretch = await bytes.read(start, end);
    if (bytes.bigEndian) swap(stretch, dtypeBytes(dtype));
    const values = decode(stretch, dtype);
    return isPlain ? values : gather(values, dims, strides, count);
  };
  return { dtype, dims, read };
}

function checkSize(
  { dtype, dims, strides, start }: TensorLayout,
  stored: number,
  place: CheckpointPlace,
): void {
  const width = dtypeBytes(dtype);
  const count = elementCount(dims);
  const extent = extentOf(dims, strides);
  const end = start + extent * width;
  const said = `[${dims.join(', ')}] of ${dtype}`;
  if (count > 0 && !(end <= stored)) {
    refuseCheckpoint(place, `${end} bytes for ${said}`, `a storage of ${stored}`);
  }
  if (count * width > stored && count > mostRepeated) {
    refuseCheckpoint(place, `at most ${mostRepeated} repeated elements`, said);
  }
  // Types of two bytes are widened to four.
  if (Math.max(count, extent) * (width === 2 ? 4 : width) > mostBytes) {
    const message = `${place.file}: ${place.field}, ${said}, has more than 2 GiB`;
    throw new VentralError('memory-exceeded', message, place);
  }
}

function swap(bytes: Buffer, width: number): void {
  if (width === 2) bytes.swap16();
  if (width === 4) bytes.swap32();
  if (width === 8) bytes.swap64();
}

/** Elements of the types that ONNX takes, made of whole little-endian elements. */
function decode(bytes: Buffer, dtype: StoredDtype): Elements {
  const width = dtypeBytes(dtype);
  const count = bytes.length / width;
  // A typed array starts at a multiple of its width; buffers out of a pool start anywhere.
  const isAligned = bytes.byteOffset % width === 0;
  const buffer = isAligned ? bytes.buffer : Uint8Array.from(bytes).buffer;
  return arrayMakers[dtype](buffer, isAligned ? bytes.byteOffset : 0, count);
}

type ArrayMaker = (buffer: ArrayBufferLike, start: number, count: number) => Elements;

const arrayMakers: Readonly<Record<StoredDtype, ArrayMaker>> = {
  float64: (...at) => new Float64Array(...at),
  float32: (...at) => new Float32Array(...at),
  float16: (...at) => fromHalf(new Uint16Array(...at)),
  bfloat16: (...at) => fromBfloat(new Uint16Array(...at)),
  int64: (...at) => new BigInt64Array(...at),
  int32: (...at) => new Int32Array(...at),
  int16: (...at) => Int32Array.from(new Int16Array(...at)),
  int8: (...at) => new Int8Array(...at),
  uint8: (...at) => new Uint8Array(...at),
  bool: (...at) => new Uint8Array(...at),
};

let halves: Float32Array | undefined;

/** float16 by a table of all its 65,536 values. */
function fromHalf(bits: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 65_536 }, (_, pattern) => halfToNumber(pattern));
  const result = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = halves[bits[i]];
  return result;
}

/** bfloat16 is the upper half of float32. */
function fromBfloat(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return new Float32Array(words.buffer);
}
