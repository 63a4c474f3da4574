import { toHalf } from '../../activations/stimuli/half.js';
import { VentralError } from '../../errors/ventral-error.js';
import { nonFinite } from '../../numerics/algebra/non-finite.js';
import { elementTypeName } from '../../onnx/element-type.js';
import type { TensorInfo } from '../../onnx/graph.js';
import type { Elements } from '../../onnx/graph-builder.js';
import { initializerPieces } from '../../onnx/prepare/replace-initializers.js';
import {
  bytesRecord,
  concatenate,
  integerRecord,
  messagePieces,
  varintBytes,
} from '../../onnx/wire.js';
import type { WeightSlot } from './weight-slots.js';

/**
 * Pieces of the initializer record (field 5 of a graph) that holds `values` in a slot; what else the file
 * says of the tensor is kept byte for byte.
 */
export function slotPieces(slot: WeightSlot, values: Elements): Uint8Array[] {
  const { name, dims, elementType, stored, shared } = slot;
  if (shared === undefined) return initializerPieces(stored, values);
  return messagePieces(5, [
    ...(dims.length === 0 ? [] : [bytesRecord(1, concatenate(dims.map(varintBytes)))]),
    integerRecord(2, elementType),
    bytesRecord(8, name),
    ...messagePieces(9, [new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]),
  ]);
}

/**
 * Values in the element type of a slot: floating-point numbers are rounded to it, whole numbers must fit
 * as they are.
 * @throws VentralError `checkpoint-invalid` for values that are not finite (or no longer, once rounded) and
 *   `import-unsupported` for types that cannot stand for each other
 */
export function castTo(
  slot: WeightSlot,
  values: Elements,
  { file, key }: { readonly file: string; readonly key: string },
): Elements {
  const type = elementTypeName(slot.elementType) ?? `type ${slot.elementType}`;
  const floating = values instanceof Float32Array || values instanceof Float64Array;
  const cast = floating ? castFloats(type, values) : castIntegers(type, values);
  if (cast === undefined) {
    throw new VentralError(
      'import-unsupported',
      `${file}: ${key} holds ${floating ? 'floating-point' : 'whole'} numbers, and the graph takes ${type} there`,
      { file, field: key, expected: type, found: values.constructor.name },
    );
  }
  const rounded = (cast instanceof Uint16Array ? values : cast) as Float32Array | Float64Array;
  const bad = floating ? nonFinite(rounded) : undefined;
  if (bad) {
    throw new VentralError(
      'checkpoint-invalid',
      `${file}: ${key} has the value ${values[bad.first]} at element ${bad.first}, which is not finite as ${type}`,
      { file, field: key, expected: 'finite weights', found: String(values[bad.first]) },
    );
  }
  return cast;
}

function castFloats(type: string, values: Float32Array | Float64Array): Elements | undefined {
  if (type === 'float64') return Float64Array.from(values);
  if (type === 'float32')
    return values instanceof Float32Array ? values : Float32Array.from(values);
  return type === 'float16' ? toHalf(Float32Array.from(values)) : undefined;
}

function castIntegers(type: string, values: Elements): Elements | undefined {
  if (type === 'bool' || type === 'uint8') return values instanceof Uint8Array ? values : undefined;
  if (type === 'int64') {
    if (values instanceof BigInt64Array) return values;
    return BigInt64Array.from(values as Int32Array, BigInt);
  }
  if (type !== 'int32' || values instanceof Uint8Array) return undefined;
  const wide = Array.from(values as Int32Array, Number);
  return wide.every((value) => (value | 0) === value) ? Int32Array.from(wide) : undefined;
}

/** The float32 values that a tensor of a file holds as raw bytes; undefined if they lie otherwise. */
export function storedFloats({ elementType, data }: TensorInfo): Float32Array | undefined {
  if (elementType !== 1 || data.at !== 'raw') return undefined;
  return new Float32Array(Uint8Array.from(data.bytes).buffer);
}

/** A matrix (rows × columns) turned over. */
export function transposed<T extends Float32Array | Float64Array>(
  values: T,
  rows: number,
  columns: number,
): T {
  const turned = values.slice() as T;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = values[row * columns + column];
    }
  }
  return turned;
}
