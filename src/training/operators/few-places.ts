import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import type { Convolution } from './convolution-types.js';

/** Rows that the runtime's product computes together; below this the remainder dominates. */
const [AT_ONCE, MOST] = [16, 64];

/** Whether 1 × 1 kernels see so few places an image that one product over all images is quicker than one for each. */
export function hasFewPlaces(
  { portable }: StaticGraph,
  { windows, groups }: Convolution,
  [, , ...places]: readonly number[],
): boolean {
  const { kernel, strides, before, after } = windows;
  const size = sizeOf(places);
  const plain = [...kernel, ...strides, groups].every((number) => number === 1);
  const inside = [...before, ...after].every((width) => width === 0);
  return !portable && plain && inside && size <= MOST && size % AT_ONCE !== 0;
}

/**
 * Convolves with 1 × 1 kernels as a product of rows, one a place: [N·hw, C]·[C, O].
 * @param side of the kernels that meets the input: the first for the gradient of the input
 */
export function overRows(
  graph: StaticGraph,
  [input, weights, bias]: readonly [Value, Value, Value?],
  side: 'inputs' | 'outputs',
  output?: string,
): Value {
  const [count, channels, ...sizes] = input.dims;
  const places = sizeOf(sizes);
  const others = weights.dims[side === 'inputs' ? 0 : 1];
  const kernels = graph.reshape(weights, weights.dims.slice(0, 2));
  const last = graph.transpose(graph.reshape(input, [count, channels, places]), [0, 2, 1]);
  const rows = graph.reshape(last, [count * places, channels]);
  const product = graph.emit(
    'Gemm',
    [rows, kernels, ...(bias ? [bias] : [])],
    [count * places, others],
    { transB: { int: Number(side === 'inputs') } },
  );
  const first = graph.transpose(graph.reshape(product, [count, places, others]), [0, 2, 1]);
  const dims = [count, others, ...sizes];
  return graph.emit('Reshape', [first, graph.integers(dims)], dims, {}, '', output);
}
