import { elementTypeNumber } from './element-type.js';
import type { TensorInfo } from './graph.js';
import type { Elements } from './graph-builder.js';
import { type Model, writeModelWithGraph } from './model.js';
import { messagePieces, records } from './wire.js';

/** Fields of TensorProto that say where its elements are. */
const DATA = new Set([4, 5, 6, 7, 9, 10, 11, 13, 14]);

/**
 * Bytes of the model with other elements in some initializers, by name; all else is kept byte for byte.
 * Throws RangeError where there is no such initializer, or it is of another type or count.
 */
export function replaceInitializers(
  model: Model,
  values: ReadonlyMap<string, Elements>,
): Uint8Array {
  const missing = new Set(values.keys());
  const pieces = new Map<Uint8Array, Uint8Array[]>();
  for (const tensor of model.graph.initializers) {
    const elements = values.get(tensor.name);
    if (!elements) continue;
    missing.delete(tensor.name);
    checkFit(tensor, elements);
    const raw = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
    const described = [...records(tensor.bytes)].filter(({ field }) => !DATA.has(field));
    const parts = [...described.map((record) => record.raw), ...messagePieces(9, [raw])];
    pieces.set(tensor.bytes, messagePieces(5, parts));
  }
  if (missing.size > 0)
    throw new RangeError(`the graph has no initializer ${[...missing].join(', ')}`);
  const graph = model.graph.records.flatMap((record) => pieces.get(record.payload) ?? [record.raw]);
  return writeModelWithGraph(model, graph);
}

const types = new Map<unknown, string>([
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [BigInt64Array, 'int64'],
  [Int32Array, 'int32'],
]);

function checkFit({ name, dims, elementType }: TensorInfo, elements: Elements): void {
  const count = dims.reduce((product, size) => product * size, 1);
  const type = types.get(elements.constructor);
  if (elements.length !== count || type === undefined || elementTypeNumber(type) !== elementType)
    throw new RangeError(`${name}: ${elements.length} elements of ${type} do not fit [${dims}]`);
}
