import { VentralError } from '../../errors/ventral-error.js';
import type { Attribute, Graph } from '../graph.js';
import { type Model, readModel, writeModelWithGraph } from '../model.js';
import { subgraphs } from '../operators.js';
import { integerRecord, integers, messagePieces, records, text, type WireRecord } from '../wire.js';

const BFLOAT16 = 16;
const FLOAT = 1;
/** What a protobuf, and so the runtime, can take. */
const MOST_BYTES = 2 ** 31 - 1;
/** Attributes whose integer is an element type. */
const typed: ReadonlySet<string> = new Set(['to', 'dtype', 'output_dtype', 'stash_type']);

/**
 * The model with bfloat16 as float32: the runtime computes nothing in bfloat16 on a CPU. Weights are widened as they are
 * (exactly), and what is computed of them is not rounded. A model without bfloat16 is given back as it is.
 * @throws VentralError `onnx-invalid` where it is too large then
 */
export function withoutBfloat16(model: Model): Model {
  if (!hasBfloat16(model.graph)) return model;
  const graph = widenedGraph(model.records.find(({ field }) => field === 7) as WireRecord);
  const bytes = graph.reduce((sum, piece) => sum + piece.length, 0);
  if (bytes > MOST_BYTES)
    throw new VentralError(
      'onnx-invalid',
      `${model.name} has bfloat16 weights, which take ${Math.ceil(bytes / 2 ** 20)} MiB in float32: export it in float16`,
      { file: model.name, expected: 'at most 2048 MiB', found: `${bytes} bytes` },
    );
  return readModel(writeModelWithGraph(model, graph), model.name);
}

function hasBfloat16(graph: Graph): boolean {
  const { inputs, outputs, valueInfo, initializers, nodes } = graph;
  const isIt = ({ elementType }: { readonly elementType?: number }) => elementType === BFLOAT16;
  if ([inputs, outputs, valueInfo, initializers].some((values) => values.some(isIt))) return true;
  const says = ({ name, integer, tensors }: Attribute) =>
    (typed.has(name) && integer === BFLOAT16) || tensors.some(isIt);
  return nodes.some((node) => node.attributes.some(says) || subgraphs(node).some(hasBfloat16));
}

type Edits = Readonly<Record<number, (record: WireRecord) => readonly Uint8Array[]>>;

/** The records of a message, those of some fields replaced. */
function edited({ payload }: WireRecord, edits: Edits): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (const record of records(payload)) {
    const edit = record.wire === 2 ? edits[record.field] : undefined;
    // One by one: a graph in a node may have more pieces than a call takes arguments.
    for (const piece of edit ? messagePieces(record.field, edit(record)) : [record.raw])
      pieces.push(piece);
  }
  return pieces;
}

const widenedGraph = (record: WireRecord): Uint8Array[] =>
  edited(record, {
    1: (node) => edited(node, { 5: widenedAttribute }),
    5: widenedTensor,
    11: widenedValue,
    12: widenedValue,
    13: widenedValue,
  });

function widenedAttribute(record: WireRecord): Uint8Array[] {
  const parts = [...records(record.payload)];
  const name = parts.find(({ field }) => field === 1);
  const isType = name !== undefined && typed.has(text(name));
  const pieces = edited(record, {
    5: widenedTensor,
    6: widenedGraph,
    10: widenedTensor,
    11: widenedGraph,
  });
  const isIt = parts.some(
    ({ field, wire, value }) => field === 3 && wire === 0 && value === BFLOAT16,
  );
  if (!isType || !isIt) return pieces;
  return parts.map((part) => (part.field === 3 ? integerRecord(3, FLOAT) : part.raw));
}

/** ValueInfoProto: TypeProto in field 2, its tensor type in field 1, the element type in field 1 of that. */
const widenedValue = (record: WireRecord): Uint8Array[] =>
  edited(record, { 2: (type) => edited(type, { 1: (tensor) => retyped(tensor, 1) }) });

function retyped({ payload }: WireRecord, field: number): Uint8Array[] {
  return [...records(payload)].map((part) =>
    part.field === field && part.wire === 0 && part.value === BFLOAT16
      ? integerRecord(field, FLOAT)
      : part.raw,
  );
}

/** TensorProto: the type in field 2, elements in raw_data 9 or, one an integer, in int32_data 5. */
function widenedTensor(record: WireRecord): Uint8Array[] {
  const parts = [...records(record.payload)];
  if (!parts.some(({ field, wire, value }) => field === 2 && wire === 0 && value === BFLOAT16))
    return [record.payload];
  const whole = parts.filter(({ field }) => field === 5).flatMap(integers);
  const raw = parts.find(({ field }) => field === 9)?.payload;
  const kept = parts.filter(({ field }) => field !== 5 && field !== 9 && field !== 2);
  const elements = raw ? highHalves(raw) : highHalvesOf(whole);
  return [
    ...kept.map((part) => part.raw),
    integerRecord(2, FLOAT),
    ...messagePieces(9, [elements]),
  ];
}

/** Each pair of bytes as the upper half of a float32, little-endian. */
function highHalves(bytes: Uint8Array): Uint8Array {
  const wide = new Uint8Array(2 * bytes.length);
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    wide[2 * i + 2] = bytes[i];
    wide[2 * i + 3] = bytes[i + 1];
  }
  return wide;
}

function highHalvesOf(bits: readonly number[]): Uint8Array {
  const bytes = Uint8Array.from(bits.flatMap((each) => [each & 255, (each >> 8) & 255]));
  return highHalves(bytes);
}
