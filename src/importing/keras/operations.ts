import type { Size } from '../source/imported.js';
import { graphAxis, type NetworkGraph, type Value } from './network-graph.js';

/** What layers and operators are made of, blind to how their values are in the graph. */

/** A tensor of weights, row-major. */
export interface Weight {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** A constant of the source's shape (without the batch) that lies as `like` does. */
export function constantLike(
  graph: NetworkGraph,
  what: string,
  weight: Weight,
  like: Value,
): string {
  if (!like.moved || weight.dims.length !== 3) {
    return graph.constant(what, [1, ...weight.dims], weight.data);
  }
  const { dims, data } = permuted(weight, [2, 0, 1]);
  return graph.constant(what, [1, ...dims], data);
}

/** A single number as a constant. */
export const scalar = (graph: NetworkGraph, what: string, value: number) =>
  graph.constant(what, [], Float32Array.of(value));

/** Whole numbers as a constant, for shapes and axes. */
const whole = (graph: NetworkGraph, what: string, values: readonly number[]) =>
  graph.constant(what, [values.length], BigInt64Array.from(values, BigInt));

/** The tensor with its axes in another order: axis i of the result is axis `order[i]` of the weight. */
export function permuted({ dims, data }: Weight, order: readonly number[]): Weight {
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((a, b) => a * b, 1));
  const sizes = order.map((axis) => dims[axis]);
  const steps = order.map((axis) => strides[axis]);
  const result = new Float32Array(data.length);
  const at = sizes.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = data[from];
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += steps[axis];
      if (++at[axis] < sizes[axis]) break;
      from -= steps[axis] * sizes[axis];
      at[axis] = 0;
    }
  }
  return { dims: sizes, data: result };
}

/** Operators on several values; those on more than two take them in turn. */
export type Merge = 'Add' | 'Mul' | 'Sub' | 'Div' | 'Max' | 'Min' | 'Mean';

/** Merges values element by element, lower ranks broadcast as Keras does: new axes after the batch. */
export function merge(graph: NetworkGraph, operator: Merge, values: readonly Value[]): Value {
  if (values.length === 0) throw graph.refuse('at least one input', 'none');
  const rank = Math.max(...values.map(({ shape }) => shape.length));
  const raised = values.map((value) => withRank(graph, value, rank));
  const moved = raised.some((value) => value.moved);
  const alike = raised.map((value) => graph.lying(value, moved));
  const shape = alike.map((value) => value.shape).reduce((a, b) => broadcast(graph, a, b));
  const names = alike.map(({ name }) => name);
  const variadic = ['Max', 'Min', 'Mean'].includes(operator);
  const name = variadic
    ? graph.node(operator, names)
    : names.reduce((sum, next) => graph.node(operator, [sum, next]));
  return graph.value(name, shape, moved);
}

function withRank(graph: NetworkGraph, value: Value, rank: number): Value {
  const missing = rank - value.shape.length;
  if (missing === 0) return value;
  const axes = Array.from({ length: missing }, (_, axis) => axis + 1);
  const source = graph.lying(value, false);
  const name = graph.node('Unsqueeze', [source.name, whole(graph, 'axes', axes)]);
  return graph.value(name, [...axes.map(() => 1), ...value.shape], false);
}

function broadcast(graph: NetworkGraph, a: readonly Size[], b: readonly Size[]): Size[] {
  return a.map((size, axis) => {
    const other = b[axis];
    if (size === other || other === 1) return size;
    if (size === 1 || size === null) return other;
    if (other === null) return size;
    throw graph.refuse('inputs of one shape', `[${a.join(', ')}] and [${b.join(', ')}]`);
  });
}

/** Value × scale + shift, by constants of the source's shape (without the batch) that broadcast. */
export function scaled(graph: NetworkGraph, value: Value, scale?: Weight, shift?: Weight): Value {
  let { name } = value;
  if (scale) name = graph.node('Mul', [name, constantLike(graph, 'scale', scale, value)]);
  if (shift) name = graph.node('Add', [name, constantLike(graph, 'shift', shift, value)]);
  return { ...value, name };
}

/** Joins values along an axis of the source. */
export function concatenated(graph: NetworkGraph, values: readonly Value[], axis: number): Value {
  const [first] = values;
  if (first === undefined) throw graph.refuse('at least one input', 'none');
  const rank = first.shape.length;
  const own = (axis < 0 ? axis + rank + 1 : axis) - 1;
  if (own < 0 || own >= rank) throw graph.refuse(`an axis from 1 to ${rank}`, axis);
  const alike = values.map((value) => graph.lying(value, first.moved));
  const shape = first.shape.map((size, at) => {
    const sizes = alike.map((value) => value.shape[at]);
    if (at === own) return sizes.reduce((a, b) => (a === null || b === null ? null : a + b));
    if (sizes.every((other) => other === size)) return size;
    throw graph.refuse('inputs of one shape beside the axis', sizes);
  });
  if (alike.some((value) => value.shape.length !== rank))
    throw graph.refuse('inputs of one rank', rank);
  const name = graph.node(
    'Concat',
    alike.map((value) => value.name),
    {
      axis: { int: graphAxis(first, own + 1) },
    },
  );
  return graph.value(name, shape, first.moved);
}

/** All sizes but the batch in one, in the source's order. */
export function flattened(graph: NetworkGraph, value: Value): Value {
  const source = graph.lying(value, false);
  const name = graph.node('Flatten', [source.name], { axis: { int: 1 } });
  return graph.value(name, [sizeOf(value.shape)], false);
}

/** Product of sizes, null if one is open. */
export const sizeOf = (shape: readonly Size[]): Size =>
  shape.reduce((product, size) => (product === null || size === null ? null : product * size), 1);

/** Another shape for the same elements, in the source's order; one size may be -1. */
export function reshaped(graph: NetworkGraph, value: Value, target: readonly number[]): Value {
  const elements = sizeOf(value.shape);
  const known = target.reduce((product, size) => product * (size === -1 ? 1 : size), 1);
  const open = target.filter((size) => size === -1).length;
  const rest = elements === null ? null : elements / known;
  const fits =
    open === 1 ? rest === null || Number.isInteger(rest) : elements === null || rest === 1;
  if (open > 1 || !fits || target.some((size) => size < -1 || size === 0)) {
    throw graph.refuse(`a shape for [${value.shape.join(', ')}]`, `[${target.join(', ')}]`);
  }
  const source = graph.lying(value, false);
  const name = graph.node('Reshape', [source.name, whole(graph, 'shape', [0, ...target])]);
  const shape = target.map((size) => (size === -1 ? rest : size));
  return graph.value(name, shape, false);
}

/** Axes in another order; `order` counts the source's from 0, the batch, which stays first. */
export function axesInOrder(graph: NetworkGraph, value: Value, order: readonly number[]): Value {
  const rank = value.shape.length + 1;
  const sorted = [...order].sort((a, b) => a - b);
  if (order[0] !== 0 || order.length !== rank || sorted.some((axis, at) => axis !== at)) {
    throw graph.refuse(`an order of ${rank} axes, the batch first`, `[${order.join(', ')}]`);
  }
  const source = graph.lying(value, false);
  const name = graph.node('Transpose', [source.name], { perm: { ints: order } });
  return graph.value(
    name,
    order.slice(1).map((axis) => value.shape[axis - 1]),
    false,
  );
}

/** Elements put around or taken from the source's axes behind the batch: [before, after] of each. */
export type Margins = readonly (readonly [number, number])[];

/** Surrounds a value with elements of one number. */
export function padded(graph: NetworkGraph, value: Value, margins: Margins, filling = 0): Value {
  const shape = resized(value, margins, 1);
  const before = inGraphOrder(
    value,
    margins.map(([first]) => first),
  );
  const after = inGraphOrder(
    value,
    margins.map(([, last]) => last),
  );
  const pads = whole(graph, 'pads', [0, ...before, 0, ...after]);
  const inputs = [value.name, pads, ...(filling === 0 ? [] : [scalar(graph, 'filling', filling)])];
  return graph.value(graph.node('Pad', inputs), shape, value.moved);
}

/** Takes elements off the margins. */
export function cropped(graph: NetworkGraph, value: Value, margins: Margins): Value {
  const shape = resized(value, margins, -1);
  const starts = margins.map(([first]) => first);
  // Negative ends count from the back; none means up to the end.
  const ends = margins.map(([, last]) => (last === 0 ? 2 ** 31 - 1 : -last));
  const axes = margins.map((_, axis) => graphAxis(value, axis + 1));
  const inputs = [starts, ends, axes].map((list, at) =>
    whole(graph, ['starts', 'ends', 'axes'][at], list),
  );
  return graph.value(graph.node('Slice', [value.name, ...inputs]), shape, value.moved);
}

const resized = ({ shape }: Value, margins: Margins, sign: number) =>
  shape.map((size, axis) =>
    size === null ? null : size + sign * (margins[axis][0] + margins[axis][1]),
  );

const inGraphOrder = ({ moved }: Value, [a, b, c, ...rest]: number[]) =>
  moved ? [c, a, b] : [a, b, c, ...rest].filter((size) => size !== undefined);

/** Mean or largest element over axes of the source. */
export function reduced(
  graph: NetworkGraph,
  operator: 'ReduceMean' | 'ReduceMax',
  value: Value,
  axes: readonly number[],
  keep: boolean,
): Value {
  // Axes that go would leave a moved value in no order: the images' two leave the channels alone.
  const [h, w] = [...axes].sort((a, b) => a - b);
  const pictures = axes.length === 2 && h === 1 && w === 2;
  const source = keep || pictures ? value : graph.lying(value, false);
  const name = graph.node(operator, [source.name], {
    axes: { ints: axes.map((axis) => graphAxis(source, axis)) },
    keepdims: { int: keep ? 1 : 0 },
  });
  const shape = value.shape.flatMap((size, at) =>
    axes.includes(at + 1) ? (keep ? [1] : []) : [size],
  );
  return graph.value(name, shape, source.moved);
}

/** The last axis of a value times a matrix [in, out], and a bias. */
export function dense(graph: NetworkGraph, value: Value, kernel: Weight, bias?: Weight): Value {
  const source = graph.lying(value, false);
  const [from, to] = kernel.dims;
  const last = value.shape[value.shape.length - 1];
  if (kernel.dims.length !== 2 || (last !== null && last !== from)) {
    throw graph.refuse(`a kernel for ${last} inputs`, `[${kernel.dims.join(', ')}]`);
  }
  const weights = graph.constant('kernel', kernel.dims, kernel.data);
  const inputs = [source.name, weights];
  const shape = [...value.shape.slice(0, -1), to];
  if (bias === undefined) return graph.value(graph.node('MatMul', inputs), shape, false);
  const shift = graph.constant('bias', [to], bias.data);
  const name =
    shape.length === 1
      ? graph.node('Gemm', [...inputs, shift])
      : graph.node('Add', [graph.node('MatMul', inputs), shift]);
  return graph.value(name, shape, false);
}

/** A function of every element. */
export function elementwise(
  graph: NetworkGraph,
  operator: string,
  value: Value,
  attributes: Readonly<Record<string, { readonly float: number }>> = {},
): Value {
  return { ...value, name: graph.node(operator, [value.name], attributes) };
}

/** Every element held between two numbers. */
export function clipped(graph: NetworkGraph, value: Value, least?: number, most?: number): Value {
  const bound = (what: string, limit?: number) =>
    limit === undefined ? '' : scalar(graph, what, limit);
  const inputs = [value.name, bound('least', least), bound('most', most)];
  if (most === undefined) inputs.pop();
  return { ...value, name: graph.node('Clip', inputs) };
}
