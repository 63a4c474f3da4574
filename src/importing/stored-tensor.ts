import { VentralError } from '../errors/ventral-error.js';
import { halfToNumber } from '../formats/npy.js';
import type { Elements } from '../onnx/graph-builder.js';
import type { StoredDtype, StoredTensor } from './checkpoint.js';
import { type Place, refuseCheckpoint } from './checkpoint-fault.js';
import type { UnreadDtype } from './pickle-values.js';
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

/** Bytes of one element; 0 where that is not known. */
export const dtypeBytes = (dtype: StoredDtype | UnreadDtype): number => widths[dtype] ?? 0;

/** Bytes of one storage in a file. */
export interface StorageBytes {
  readonly length: number;
  readonly bigEndian: boolean;
  /** Bytes `from` up to `to`, in memory of their own. Throws `checkpoint-invalid` or `zip-invalid`. */
  read(from: number, to: number): Promise<Buffer>;
}

/** How a tensor lies in its storage. */
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
 * A tensor that is read when it is asked for. Throws `checkpoint-invalid` where the storage is shorter than the
 * tensor, and `memory-exceeded` where one tensor has more than 2 GiB.
 */
export function storedTensor(
  layout: TensorLayout,
  bytes: StorageBytes,
  place: Place,
): StoredTensor {
  const { dtype, dims, strides, start } = layout;
  const width = dtypeBytes(dtype);
  const count = elementCount(dims);
  const extent = extentOf(dims, strides);
  const end = start + extent * width;
  const said = `[${dims.join(', ')}] of ${dtype}`;
  if (count > 0 && !(end <= bytes.length)) {
    refuseCheckpoint(place, `${end} bytes for ${said}`, `a storage of ${bytes.length}`);
  }
  if (count * width > bytes.length && count > mostRepeated) {
    refuseCheckpoint(place, `at most ${mostRepeated} repeated elements`, said);
  }
  // Types of two bytes are widened to four.
  if (Math.max(count, extent) * (width === 2 ? 4 : width) > mostBytes) {
    throw new VentralError(
      'memory-exceeded',
      `${place.file}: ${place.field}, ${said}, has more than 2 GiB`,
      place,
    );
  }
  const read = async () => {
    if (count === 0) return decode(Buffer.alloc(0), dtype, false);
    const values = decode(await bytes.read(start, end), dtype, bytes.bigEndian);
    return count === extent && isRowMajor(dims, strides)
      ? values
      : gather(values, dims, strides, count);
  };
  return { dtype, dims, read };
}

function decode(bytes: Buffer, dtype: StoredDtype, bigEndian: boolean): Elements {
  const width = dtypeBytes(dtype);
  if (bigEndian && width === 2) bytes.swap16();
  if (bigEndian && width === 4) bytes.swap32();
  if (bigEndian && width === 8) bytes.swap64();
  const count = bytes.length / width;
  // Typed arrays begin where their width says; pooled buffers begin anywhere.
  const start = bytes.byteOffset % width === 0 ? bytes.byteOffset : 0;
  const buffer = start === bytes.byteOffset ? bytes.buffer : Uint8Array.from(bytes).buffer;
  switch (dtype) {
    case 'float64':
      return new Float64Array(buffer, start, count);
    case 'float32':
      return new Float32Array(buffer, start, count);
    case 'float16':
      return widened(new Uint16Array(buffer, start, count), halfValues());
    case 'bfloat16':
      return fromBfloat(new Uint16Array(buffer, start, count));
    case 'int64':
      return new BigInt64Array(buffer, start, count);
    case 'int32':
      return new Int32Array(buffer, start, count);
    case 'int16':
      return Int32Array.from(new Int16Array(buffer, start, count));
    case 'int8':
      return new Int8Array(buffer, start, count);
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer, start, count);
  }
}

let halves: Float32Array | undefined;

/** The value of each of the 65,536 patterns of half precision. */
function halfValues(): Float32Array {
  halves ??= Float32Array.from({ length: 65_536 }, (_, bits) => halfToNumber(bits));
  return halves;
}

function widened(bits: Uint16Array, values: Float32Array): Float32Array {
  const result = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = values[bits[i]];
  return result;
}

/** bfloat16 is the upper half of float32. */
function fromBfloat(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return new Float32Array(words.buffer);
}
