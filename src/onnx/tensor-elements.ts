import { elementTypeName } from './element-type.js';
import type { TensorInfo } from './graph.js';
import type { Elements } from './graph-builder.js';
import { floats, integers, records } from './wire.js';

/**
 * The elements of a float32, float64, int64, int32, uint8, int8 or bool tensor stored in the file,
 * row-major, copied.
 * @throws RangeError for other types, for external data and for bytes that are too few
 */
export function tensorElements(tensor: TensorInfo): Elements {
  const type = elementTypeName(tensor.elementType) ?? String(tensor.elementType);
  const count = tensor.dims.reduce((product, size) => product * size, 1);
  const elements =
    tensor.data.at === 'raw' ? fromRaw(type, tensor.data.bytes) : fromFields(type, tensor);
  if (elements?.length === count) return elements;
  const found =
    elements === undefined ? `${type} (${tensor.data.at})` : `${elements.length} elements`;
  throw new RangeError(
    `${tensor.name}: expected ${count} elements that can be read, found ${found}`,
  );
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int8: Int8Array,
} as const;

const isKnown = (type: string): type is keyof typeof arrays => type in arrays;

function fromRaw(type: string, bytes: Uint8Array): Elements | undefined {
  if (!isKnown(type)) return undefined;
  const array = arrays[type];
  if (bytes.byteLength % array.BYTES_PER_ELEMENT !== 0) return undefined;
  // Bytes in a file start anywhere, elements of an array at multiples of their size.
  return new array(new Uint8Array(bytes).buffer);
}

/** Elements in the typed fields of TensorProto: float_data 4, int32_data 5, int64_data 7, double_data 10. */
function fromFields(type: string, { bytes, data }: TensorInfo): Elements | undefined {
  if (data.at !== 'typed') return undefined;
  const all = [...records(bytes)];
  const of = (field: number) => all.filter((record) => record.field === field);
  if (type === 'float32') return Float32Array.from(of(4).flatMap(floats));
  if (type === 'int64') return BigInt64Array.from(of(7).flatMap(integers), BigInt);
  if (type === 'float64') return doubles(of(10).map(({ payload }) => payload));
  if (!isKnown(type)) return undefined;
  const numbers = of(5).flatMap(integers);
  return new arrays[type as 'int32' | 'uint8' | 'int8' | 'bool'](numbers);
}

function doubles(payloads: readonly Uint8Array[]): Float64Array {
  return Float64Array.from(
    payloads.flatMap((payload) => [...new Float64Array(new Uint8Array(payload).buffer)]),
  );
}
