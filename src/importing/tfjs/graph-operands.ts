import type { NetworkGraph, Value } from '../keras/network-graph.js';
import type { Weight } from '../keras/operations.js';
import type { Size } from '../source/imported.js';
import type { TfjsNode } from './graph-nodes.js';

/**
 * What a node of a graph model gives: a value that depends on the image, a constant, or sizes of a value
 * (of which null stands for the batch, and for those that the network leaves open).
 */
export type Operand =
  | { readonly is: 'value'; readonly value: Value }
  | { readonly is: 'constant'; readonly weight: Weight }
  | { readonly is: 'sizes'; readonly sizes: readonly Size[] };

/** One node, with what its inputs gave. */
export interface Operation {
  readonly graph: NetworkGraph;
  readonly node: TfjsNode;
  readonly operands: readonly Operand[];
}

/** Builds an operand of a node. */
export type OperationTranslation = (operation: Operation) => Operand;

export const of = (value: Value): Operand => ({ is: 'value', value });

/**
 * An input that depends on the picture.
 * @throws VentralError `import-unsupported` for a constant
 */
export function valueAt({ node, operands }: Operation, at: number): Value {
  const operand = operands[at];
  if (operand?.is === 'value') return operand.value;
  throw node.unsupported(
    `whose input ${at} is ${operand ? 'a constant' : 'missing'}: the import does not support that`,
  );
}

/**
 * An input that is a constant.
 * @throws VentralError `import-unsupported` for one that depends on the picture
 */
export function constantAt({ node, operands }: Operation, at: number): Weight {
  const operand = operands[at];
  if (operand?.is === 'constant') return operand.weight;
  throw node.unsupported(
    `whose input ${at} is ${operand ? 'computed' : 'missing'}: the import needs a constant there`,
  );
}

/** Whole numbers of a constant, such as axes. */
export function wholesAt(operation: Operation, at: number): readonly number[] {
  const { dims, data } = constantAt(operation, at);
  if (dims.length > 2 || data.length > 64 || !data.every(Number.isInteger)) {
    throw operation.node.refuse(`input ${at}`, 'a few whole numbers', [...data.slice(0, 8)]);
  }
  return [...data];
}

/** Sizes, computed or constant; -1 and the batch are null. */
export function sizesAt(operation: Operation, at: number): readonly Size[] {
  const operand = operation.operands[at];
  if (operand?.is === 'sizes') return operand.sizes;
  return wholesAt(operation, at).map((size) => (size === -1 ? null : size));
}

/** The axis of the source that holds the channels. */
export const channelsAxis = (node: TfjsNode, value: Value): number =>
  channelsFirst(node) ? 1 : value.shape.length;

/** Whether a node's images lie channels first. */
export function channelsFirst(node: TfjsNode): boolean {
  const format = node.text('data_format', 'NHWC');
  if (format === 'NHWC') return false;
  if (format === 'NCHW') return true;
  throw node.refuse('data_format', 'NHWC or NCHW', format);
}

/** The two entries for height and width of a list with one for each axis. */
export function heightAndWidth(node: TfjsNode, name: string): readonly number[] {
  const list = node.has(name) ? node.wholes(name) : [1, 1, 1, 1];
  const [batch, a, b, c] = list;
  const pair = channelsFirst(node) ? [b, c] : [a, b];
  const others = [batch, channelsFirst(node) ? a : c];
  const fits =
    list.length === 4 &&
    others.every((one) => one === 1) &&
    pair.every((one) => one >= 1 && one <= 4096);
  if (fits) return pair;
  throw node.refuse(name, 'strides only in height and width', list);
}

/** A function of the elements of two constants, of one shape or with one of them a single number. */
export function folded(
  node: TfjsNode,
  a: Weight,
  b: Weight,
  compute: (x: number, y: number) => number,
): Weight {
  const single = (weight: Weight) => weight.data.length === 1;
  const alike = `${a.dims}` === `${b.dims}`;
  if (!alike && !single(a) && !single(b))
    throw node.unsupported('on constants of two shapes, which the import does not know');
  const larger = single(a) && !alike ? b : a;
  const at = (weight: Weight, index: number) => weight.data[single(weight) ? 0 : index];
  const data = Float32Array.from(larger.data, (_, index) => compute(at(a, index), at(b, index)));
  return { dims: larger.dims, data };
}
