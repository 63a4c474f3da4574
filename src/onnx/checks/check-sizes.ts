import type { VentralError } from '../../errors/ventral-error.js';
import { elementBytes, elementTypeName } from '../element-type.js';
import type { Dimension, Graph, GraphNode, TensorInfo, ValueInfo } from '../graph.js';
import type { Model } from '../model.js';
import { allNodes, nodesOf, subgraphs } from '../operators.js';

/** Makes the refusal of a part of a model. */
export type Refuse = (field: string, expected: string, found: string) => VentralError;

/** More axes than any tensor has; NumPy's most. */
const RANK = 64;
/** Functions that call each other deeper than this are made to exhaust a stack, or never end. */
const CALLS = 64;

/** Every tensor stored in the file: initializers and attributes, of subgraphs and functions too. */
export function* allTensors(model: Model): Generator<TensorInfo> {
  for (const graph of allGraphs(model)) {
    yield* graph.initializers;
    yield* graph.sparseInitializers;
  }
  for (const node of allNodes(model)) {
    for (const attribute of node.attributes) yield* attribute.tensors;
  }
}

function* allGraphs(model: Model): Generator<Graph> {
  yield model.graph;
  for (const node of allNodes(model)) yield* subgraphs(node);
}

/** Bytes that a tensor takes once it is loaded; throws where its shape and its data disagree. */
export function tensorBytes(tensor: TensorInfo, refuse: Refuse): number {
  const field = `tensor ${tensor.name || '(without a name)'}`;
  const count = elementCount(tensor.dims, field, refuse);
  const shape = `[${tensor.dims.join(', ')}]`;
  const bytes = elementBytes(tensor.elementType, count);
  const type = elementTypeName(tensor.elementType);
  if (bytes === undefined) {
    throw refuse(field, 'a known element type', `number ${tensor.elementType}`);
  }
  const { data } = tensor;
  if (data.at === 'raw' && (type === 'string' || data.bytes.length !== bytes)) {
    throw refuse(field, `${bytes} bytes for ${type} ${shape}`, `${data.bytes.length}`);
  }
  if (data.at === 'typed' && data.elements !== typedCount(type ?? '', count)) {
    throw refuse(field, `${count} elements for ${type} ${shape}`, `${data.elements}`);
  }
  if (tensor.dense === undefined) return bytes;
  return elementBytes(tensor.elementType, elementCount(tensor.dense, field, refuse)) ?? bytes;
}

/** Elements of a shape whose product, zeros aside, can still be counted. */
function elementCount(dims: readonly number[], field: string, refuse: Refuse): number {
  const most = dims.reduce((product, dim) => product * Math.max(dim, 1), 1);
  if (dims.length > RANK || dims.some((dim) => dim < 0) || !Number.isSafeInteger(most)) {
    throw refuse(field, 'a shape of sizes', shapeText(dims));
  }
  return dims.reduce((product, dim) => product * dim, 1);
}

const shapeText = (dims: readonly Dimension[]) =>
  `[${dims.slice(0, RANK).join(', ')}${dims.length > RANK ? ', …' : ''}]`;

/** Entries of the typed data field: complex numbers take two, 4-bit numbers half a one. */
function typedCount(type: string, count: number): number {
  if (type.startsWith('complex')) return 2 * count;
  return ['uint4', 'int4', 'float4e2m1'].includes(type) ? Math.ceil(count / 2) : count;
}

/**
 * Free dimensions count as one; -1 and 0 are ways to write a free one.
 * @throws where the file itself says that a value is larger than `most` bytes for one picture (or the batch that
 *   it is fixed to), or has a size that is none
 */
export function checkDeclaredValues(model: Model, most: number, refuse: Refuse): void {
  for (const graph of allGraphs(model)) {
    for (const info of [...graph.inputs, ...graph.outputs, ...graph.valueInfo]) {
      checkDeclared(info, most, refuse);
    }
  }
}

function checkDeclared(info: ValueInfo, most: number, refuse: Refuse): void {
  const dims = info.dims ?? [];
  const sizes = dims.filter((dim) => typeof dim === 'number');
  const field = `value ${info.name || '(without a name)'}`;
  if (dims.length > RANK || sizes.some((dim) => dim < -1)) {
    throw refuse(field, 'a shape of sizes', shapeText(dims));
  }
  const count = sizes.reduce((product, dim) => product * Math.max(dim, 1), 1);
  const bytes = elementBytes(info.elementType ?? 0, count) ?? count;
  if (bytes > most) throw refuse(field, `at most ${most} bytes`, `${shapeText(dims)}, ${bytes}`);
}

/** @throws where a name or a text in an attribute is longer than `most`, and where the name of a value cannot be handed to the runtime */
export function checkTexts(model: Model, most: number, refuse: Refuse): void {
  for (const node of allNodes(model)) {
    for (const name of [...node.inputs, ...node.outputs]) checkName(name, node, refuse);
    const lengths = [node.name, node.operator, ...node.inputs, ...node.outputs, ...textsOf(node)];
    const longest = lengths.reduce((longest, { length }) => Math.max(longest, length), 0);
    if (longest > most) {
      throw refuse(
        `node ${node.name.slice(0, 100) || node.operator.slice(0, 100)}`,
        `names and texts no longer than ${most}`,
        `${longest}`,
      );
    }
  }
}

/** The runtime takes and gives values as fields of objects, and names that are not UTF-8 do not survive decoding. */
function checkName(name: string, node: GraphNode, refuse: Refuse): void {
  const field = `node ${node.name.slice(0, 100) || node.operator.slice(0, 100)}`;
  if (name === '__proto__') throw refuse(field, 'values of other names than __proto__', name);
  if (name.includes('\ufffd')) throw refuse(field, 'names in UTF-8', name.slice(0, 100));
}

function* textsOf(node: GraphNode): Generator<string | Uint8Array> {
  for (const { name, string, strings } of node.attributes) {
    yield name;
    if (string) yield string;
    yield* strings;
  }
}

/**
 * Nodes of a model once each call of a function of its own is written out, as the runtime does: a few
 * functions that call each other often can be more than any memory.
 * @throws where they call each other without an end
 */
export function expandedNodes(model: Model, refuse: Refuse): number {
  const functions = new Map(
    model.functions.map((own) => [functionKey(own.domain, own.name), own.nodes]),
  );
  const known = new Map<string, number>();
  const count = (nodes: readonly GraphNode[], depth: number): number => {
    if (depth > CALLS) throw refuse('functions', `calls at most ${CALLS} deep`, 'deeper ones');
    let sum = 0;
    for (const { domain, operator } of nodesOf(nodes)) {
      const key = functionKey(domain, operator);
      const called = functions.get(key);
      if (called && !known.has(key)) known.set(key, count(called, depth + 1));
      sum += 1 + (known.get(key) ?? 0);
    }
    return sum;
  };
  return count(model.graph.nodes, 0);
}

/** The key of a node that calls one of the model's own functions. */
export const functionKey = (domain: string, name: string) => `${domain}\0${name}`;
