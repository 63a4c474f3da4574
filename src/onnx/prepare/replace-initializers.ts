import { elementTypeName } from '../element-type.js';
import type { TensorInfo } from '../graph.js';
import { type Elements, elementTypeOf } from '../graph-builder.js';
import { type Model, writeModelWithGraph } from '../model.js';
import { messagePieces, records } from '../wire.js';

/** Fields of TensorProto that say where its elements are. */
const DATA = new Set([4, 5, 6, 7, 9, 10, 11, 13, 14]);

/**
 * Bytes of the model with other elements in some initializers, by name; all else is kept byte for byte.
 * @throws RangeError if the initializer does not exist or has another type or count
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
    pieces.set(tensor.bytes, initializerPieces(tensor, elements));
  }
  if (missing.size > 0)
    throw new RangeError(`the graph has no initializer ${[...missing].join(', ')}`);
  const graph = model.graph.records.flatMap((record) => pieces.get(record.payload) ?? [record.raw]);
  return writeModelWithGraph(model, graph);
}

/**
 * Pieces of the record (field 5 of a graph) of an initializer with other elements; what else the file says
 * of it is kept byte for byte.
 */
export function initializerPieces({ bytes }: TensorInfo, elements: Elements): Uint8Array[] {
  const raw = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  const described = [...records(bytes)].filter(({ field }) => !DATA.has(field));
  return messagePieces(5, [...described.map((record) => record.raw), ...messagePieces(9, [raw])]);
}

function checkFit({ name, dims, elementType }: TensorInfo, elements: Elements): void {
  const count = dims.reduce((product, size) => product * size, 1);
  const found = elementTypeOf(elements);
  if (elements.length !== count || found !== elementType)
    throw new RangeError(
      `${name}: ${elements.length} elements of ${elementTypeName(found)} do not fit [${dims}]`,
    );
}
