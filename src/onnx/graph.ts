import { floats, integers, ReadBudget, text, WireError, type WireRecord } from './wire.js';

/**
 * What an ONNX graph says, decoded from its records (field numbers of onnx.proto3). Everything
 * keeps the bytes that it was read from, as views, so that writing loses nothing.
 */

/** A dimension: a size, a symbolic name, or null if unknown. */
export type Dimension = number | string | null;

/** An input, an output or an inner value with what is known of its type. */
export interface ValueInfo {
  readonly name: string;
  /** Number of TensorProto.DataType; undefined if untyped or no tensor. */
  readonly elementType?: number;
  /** Undefined where the rank is not known. */
  readonly dims?: readonly Dimension[];
  /** What else the value is, if no dense tensor. */
  readonly kind: 'tensor' | 'sequence' | 'map' | 'optional' | 'sparse' | 'untyped';
  readonly bytes: Uint8Array;
}

/** Where the elements of a tensor are. */
export type TensorContent =
  | { readonly at: 'raw'; readonly bytes: Uint8Array }
  /** In a typed field; `bytes` are what its records take, which an element can only exceed. */
  | { readonly at: 'typed'; readonly elements: number }
  | { readonly at: 'external'; readonly entries: ReadonlyMap<string, string> };

/** A tensor stored in the file: an initializer or an attribute. */
export interface TensorInfo {
  readonly name: string;
  readonly elementType: number;
  readonly dims: readonly number[];
  readonly data: TensorContent;
  readonly bytes: Uint8Array;
  /** Where these are the values of a sparse tensor: its shape, in which the runtime writes it out. */
  readonly dense?: readonly number[];
}

/** An attribute of a node; only the member of its type is set. */
export interface Attribute {
  readonly name: string;
  /** Number of AttributeProto.AttributeType. */
  readonly type: number;
  /** Name of the function attribute that this one takes its value from. */
  readonly reference?: string;
  readonly float?: number;
  readonly integer?: number;
  readonly string?: Uint8Array;
  readonly floats: readonly number[];
  readonly integers: readonly number[];
  readonly strings: readonly Uint8Array[];
  readonly tensors: readonly TensorInfo[];
  readonly graphs: readonly Graph[];
}

/** One call of an operator. */
export interface GraphNode {
  readonly name: string;
  readonly operator: string;
  readonly domain: string;
  /** Empty names are optional inputs that are not given. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly Attribute[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly record: WireRecord;
}

/** A graph; `records` are all of its records in file order. */
export interface Graph {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly initializers: readonly TensorInfo[];
  /** Names of sparse initializers (their `values` tensor bears the name). */
  readonly sparseInitializers: readonly TensorInfo[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly valueInfo: readonly ValueInfo[];
  readonly records: readonly WireRecord[];
}

/** Deeper nesting of subgraphs than any network has: a file made to exhaust the stack. */
const MAX_DEPTH = 32;

/** What the readers share while they read one file. */
export interface ReadState {
  readonly budget: ReadBudget;
  readonly depth: number;
}

/** The state with which reading a file starts. */
export function startReading(): ReadState {
  return { budget: new ReadBudget(), depth: 0 };
}

/**
 * Reads a GraphProto.
 * @throws {@link WireError}
 */
export function readGraph(bytes: Uint8Array, state: ReadState): Graph {
  if (state.depth > MAX_DEPTH) throw new WireError('deep', 0, 0);
  const all: WireRecord[] = [];
  const graph = {
    name: '',
    nodes: [] as GraphNode[],
    initializers: [] as TensorInfo[],
    sparseInitializers: [] as TensorInfo[],
    inputs: [] as ValueInfo[],
    outputs: [] as ValueInfo[],
    valueInfo: [] as ValueInfo[],
    records: all,
  };
  for (const record of state.budget.records(bytes)) {
    all.push(record);
    const { field, payload } = record;
    if (record.wire !== 2) continue;
    if (field === 1) graph.nodes.push(readNode(record, state));
    else if (field === 2) graph.name = text(record);
    else if (field === 5) graph.initializers.push(readTensor(payload, state));
    else if (field === 11) graph.inputs.push(readValueInfo(payload, state));
    else if (field === 12) graph.outputs.push(readValueInfo(payload, state));
    else if (field === 13) graph.valueInfo.push(readValueInfo(payload, state));
    else if (field === 15) graph.sparseInitializers.push(...readSparse(payload, state));
  }
  return graph;
}

/**
 * Reads a NodeProto from its record.
 * @throws {@link WireError}
 */
export function readNode(record: WireRecord, state: ReadState): GraphNode {
  state.budget.spendNode();
  const node = { name: '', operator: '', domain: '' };
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: Attribute[] = [];
  const metadata = new Map<string, string>();
  for (const part of state.budget.records(record.payload)) {
    if (part.wire !== 2) continue;
    if (part.field === 1) inputs.push(text(part));
    else if (part.field === 2) outputs.push(text(part));
    else if (part.field === 3) node.name = text(part);
    else if (part.field === 4) node.operator = text(part);
    else if (part.field === 5) attributes.push(readAttribute(part.payload, state));
    else if (part.field === 7) node.domain = text(part);
    else if (part.field === 9) metadata.set(...readEntry(part.payload, state));
  }
  return { ...node, inputs, outputs, attributes, metadata, record };
}

function readAttribute(bytes: Uint8Array, state: ReadState): Attribute {
  const scalar: { float?: number; integer?: number; string?: Uint8Array; reference?: string } = {};
  const lists = {
    floats: [] as number[],
    integers: [] as number[],
    strings: [] as Uint8Array[],
    tensors: [] as TensorInfo[],
    graphs: [] as Graph[],
  };
  let name = '';
  let type = 0;
  for (const part of state.budget.records(bytes)) {
    const { field, wire, payload } = part;
    if (field === 2 && wire === 5) scalar.float = floats(part)[0];
    else if (field === 3 && wire === 0) scalar.integer = part.value;
    else if (field === 7) append(lists.floats, floats(part), state);
    else if (field === 8) append(lists.integers, integers(part), state);
    else if (field === 20 && wire === 0) type = part.value;
    else if (wire !== 2) continue;
    else if (field === 1) name = text(part);
    else if (field === 4) scalar.string = payload;
    else if (field === 5 || field === 10) lists.tensors.push(readTensor(payload, state));
    else if (field === 6 || field === 11)
      lists.graphs.push(readGraph(payload, { ...state, depth: state.depth + 1 }));
    else if (field === 9) lists.strings.push(payload);
    else if (field === 21) scalar.reference = text(part);
    else if (field === 22 || field === 23) lists.tensors.push(...readSparse(payload, state));
  }
  return { name, type, ...scalar, ...lists };
}

/** Appends one by one: spread arguments would exhaust the stack. */
function append(list: number[], values: readonly number[], { budget }: ReadState): void {
  budget.spend(values.length, 8);
  for (const value of values) list.push(value);
}

/**
 * Reads a TensorProto; its elements stay where they are.
 * @throws {@link WireError}
 */
function readTensor(bytes: Uint8Array, state: ReadState): TensorInfo {
  const dims: number[] = [];
  const entries = new Map<string, string>();
  let name = '';
  let elementType = 0;
  let raw: Uint8Array | undefined;
  let external = false;
  let elements = 0;
  for (const part of state.budget.records(bytes)) {
    const { field, wire, payload } = part;
    if (field === 1) append(dims, integers(part), state);
    else if (field === 2 && wire === 0) elementType = part.value;
    else if (field === 8 && wire === 2) name = text(part);
    else if (field === 9 && wire === 2) raw = payload;
    else if (field === 13 && wire === 2) entries.set(...readEntry(payload, state));
    else if (field === 14 && wire === 0) external = part.value === 1;
    else if (
      field === 4 ||
      field === 5 ||
      field === 6 ||
      field === 7 ||
      field === 10 ||
      field === 11
    )
      elements += typedElements(part);
  }
  let data: TensorContent = { at: 'typed', elements };
  if (external) data = { at: 'external', entries };
  else if (raw !== undefined) data = { at: 'raw', bytes: raw };
  return { name, elementType, dims, data, bytes };
}

/** Elements in one record of a typed data field (float 4, int32 5, string 6, int64 7, double 10, uint64 11). */
function typedElements({ field, wire, payload }: WireRecord): number {
  if (wire !== 2 || field === 6) return 1;
  if (field === 4) return payload.length / 4;
  if (field === 10) return payload.length / 8;
  let count = 0;
  for (const byte of payload) if (byte < 0x80) count++;
  return count;
}

/** Reads a SparseTensorProto: its values and its indices. */
function readSparse(bytes: Uint8Array, state: ReadState): TensorInfo[] {
  const dense: number[] = [];
  const values: TensorInfo[] = [];
  const indices: TensorInfo[] = [];
  for (const part of state.budget.records(bytes)) {
    if (part.field === 3) append(dense, integers(part), state);
    else if (part.wire !== 2) continue;
    else if (part.field === 1) values.push(readTensor(part.payload, state));
    else if (part.field === 2) indices.push(readTensor(part.payload, state));
  }
  return [...values.map((tensor) => ({ ...tensor, dense })), ...indices];
}

/**
 * Reads a StringStringEntryProto.
 * @throws {@link WireError}
 */
export function readEntry(bytes: Uint8Array, state: ReadState): [string, string] {
  let key = '';
  let value = '';
  for (const part of state.budget.records(bytes)) {
    if (part.wire !== 2) continue;
    if (part.field === 1) key = text(part);
    else if (part.field === 2) value = text(part);
  }
  return [key, value];
}

const kinds = { 1: 'tensor', 4: 'sequence', 5: 'map', 8: 'sparse', 9: 'optional' } as const;

/**
 * Reads a ValueInfoProto.
 * @throws {@link WireError}
 */
function readValueInfo(bytes: Uint8Array, state: ReadState): ValueInfo {
  let info: Omit<ValueInfo, 'name' | 'bytes'> = { kind: 'untyped' };
  let name = '';
  for (const part of state.budget.records(bytes)) {
    if (part.wire !== 2) continue;
    if (part.field === 1) name = text(part);
    if (part.field !== 2) continue;
    for (const type of state.budget.records(part.payload)) {
      const kind = kinds[type.field as keyof typeof kinds];
      if (kind === undefined || type.wire !== 2) continue;
      info = kind === 'tensor' ? { kind, ...readTensorType(type.payload, state) } : { kind };
    }
  }
  return { name, ...info, bytes };
}

function readTensorType(
  bytes: Uint8Array,
  state: ReadState,
): { elementType?: number; dims?: Dimension[] } {
  const type: { elementType?: number; dims?: Dimension[] } = {};
  for (const part of state.budget.records(bytes)) {
    if (part.field === 1 && part.wire === 0) type.elementType = part.value;
    if (part.field !== 2 || part.wire !== 2) continue;
    type.dims = [];
    for (const dim of state.budget.records(part.payload)) {
      if (dim.field === 1 && dim.wire === 2) type.dims.push(readDimension(dim.payload, state));
    }
  }
  return type;
}

function readDimension(bytes: Uint8Array, state: ReadState): Dimension {
  let size: Dimension = null;
  for (const part of state.budget.records(bytes)) {
    if (part.field === 1 && part.wire === 0) size = part.value;
    else if (part.field === 2 && part.wire === 2) size = text(part);
  }
  return size === '' ? null : size;
}
