import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import type { Convolution } from './convolution-types.js';
import { hasFewPlaces, overRows } from './few-places.js';
import { windowAttributes } from './windows.js';

/**
 * Convolutions in the layout of ONNX Runtime's own kernels, in which channels stand in blocks of 8 or 16 beside
 * each other (MLAS "NCHWc"). The runtime takes this way by itself only where weights are constant; in training
 * they are not, so the nodes are written out: reorder, convolve, reorder back. Depthwise kernels are several
 * times as quick so, dense ones by a fifth.
 */

const DOMAIN = 'com.microsoft.nchwc';

/** Places of all outputs from which on reordering dense weights pays. */
const LEAST_PLACES = 1024;

/** Sizes [N, C, height, width] of the input and of the output. */
interface Sizes {
  readonly from: readonly number[];
  readonly dims: readonly number[];
}

/** Whether a convolution is known to work in blocks, and to be quicker. */
export function isBlocked(
  { block }: StaticGraph,
  { windows, groups, dims, from }: Convolution & Sizes,
): boolean {
  const [count, outputs, ...places] = dims;
  const [, inputs] = from;
  if (block === undefined || outputs % block !== 0 || inputs % block !== 0) return false;
  if (groups > 1) return groups === inputs && groups === outputs;
  return sizeOf(windows.kernel) > 1 && count * sizeOf(places) >= LEAST_PLACES;
}

/** Values [N, C, …] as [N, C/block, …, block]; their sizes are still said as [N, C, …]. */
export const toBlocks = (graph: StaticGraph, value: Value): Value =>
  graph.emit('ReorderInput', [value], value.dims, {}, DOMAIN);

/** The other way. */
export function fromBlocks(graph: StaticGraph, value: Value, output?: string): Value {
  const channels = { channels: { int: value.dims[1] } };
  return graph.emit('ReorderOutput', [value], value.dims, channels, DOMAIN, output);
}

/** Rows of `block` times this many values: [rows, block, values] as [rows, values, block]. */
export const lanes = (graph: StaticGraph, value: Value, values: number): Value => {
  const block = graph.block as number;
  const rows = sizeOf(value.dims) / (block * values);
  return toBlocks(graph, graph.reshape(value, [rows, block, values, 1]));
};

/** Convolves values with kernels, both in blocks. */
export function convolveBlocks(
  graph: StaticGraph,
  [blocks, kernels, bias]: readonly [Value, Value, Value?],
  { windows, groups }: Convolution,
  dims: readonly number[],
): Value {
  const attributes = {
    group: { int: groups },
    kernel_shape: { ints: windows.kernel },
    ...windowAttributes(windows),
  };
  const inputs = [blocks, kernels, ...(bias ? [bias] : [])];
  return graph.emit('Conv', inputs, dims, attributes, DOMAIN);
}

/** Convolves in blocks or by rows where that pays, else by the standard's operator. */
export function convolve(
  graph: StaticGraph,
  [input, weights, bias]: readonly [Value, Value, Value?],
  convolution: Convolution,
  dims: readonly number[],
  output?: string,
): Value {
  const { windows, groups } = convolution;
  if (hasFewPlaces(graph, convolution, dims))
    return overRows(graph, [input, weights, bias], 'inputs', output);
  if (isBlocked(graph, { windows, groups, dims, from: input.dims })) {
    const kernels = kernelBlocks(graph, weights, groups);
    const inputs = [toBlocks(graph, input), kernels, bias] as const;
    return fromBlocks(graph, convolveBlocks(graph, inputs, convolution, dims), output);
  }
  const attributes = { group: { int: groups }, ...windowAttributes(windows) };
  const inputs = [input, weights, ...(bias ? [bias] : [])];
  return graph.emit('Conv', inputs, dims, attributes, '', output);
}

/**
 * Kernels in blocks: [o, 1, h, w, 16] where they are depthwise, else [o, c, h, w, 16 inputs, 16 outputs]. Written
 * by the runtime's reordering, several times as quick as a Transpose of so many axes.
 */
function kernelBlocks(graph: StaticGraph, weights: Value, groups: number): Value {
  const [, inputs, height, width] = weights.dims;
  const taps = height * width;
  const first = lanes(graph, weights, taps);
  return graph.reshape(groups > 1 ? first : lanes(graph, first, inputs * taps), weights.dims);
}

/**
 * Kernels in blocks with inputs and outputs exchanged: convolved with these, turned about, the gradient of the
 * output becomes that of the input.
 * @returns what gives the kernels with these taps of theirs, in this order
 */
export function exchangedBlocks(
  graph: StaticGraph,
  weights: Value,
  groups: number,
): (taps: readonly number[], size: readonly [number, number]) => Value {
  const block = graph.block as number;
  const [outputs, inputs, height, width] = weights.dims;
  const all = height * width;
  if (groups > 1) {
    const places = graph.reshape(lanes(graph, weights, all), [outputs / block, all, block]);
    return (taps, size) => {
      const dims = [outputs / block, taps.length, block];
      const axis = { axis: { int: 1 } };
      const picked = graph.emit('Gather', [places, graph.integers(taps)], dims, axis);
      return graph.reshape(picked, [outputs, 1, ...size]);
    };
  }
  const [o, c] = [outputs / block, inputs / block];
  const first = lanes(graph, weights, inputs * all);
  const rows = graph.reshape(lanes(graph, first, all * block), [o * c * all, block * block]);
  return (taps, size) => {
    const order = Array.from({ length: c * o }, (_, at) => (at % o) * c + Math.floor(at / o));
    const picks = order.flatMap((at) => taps.map((tap) => at * all + tap));
    const dims = [picks.length, block * block];
    const picked = graph.emit('Gather', [rows, graph.integers(picks)], dims);
    return graph.reshape(picked, [inputs, outputs, ...size]);
  };
}

/** Blocks per image from which on {@link blockedAffine} is faster than separate operators. */
const LEAST_BLOCKS = 16;

/** Whether the places of an image [N, C, …] make up so many blocks that {@link blockedAffine} pays. */
export function hasBlocksOfPlaces(
  { block }: StaticGraph,
  [, , ...places]: readonly number[],
): boolean {
  const size = sizeOf(places);
  return block !== undefined && size % block === 0 && size >= LEAST_BLOCKS * block;
}

/**
 * slope·x, or slope·x + offset + sum, in one pass: a depthwise convolution of one tap, to which neighbouring places
 * of a channel are channels. Slope and offset have one value a channel; what is summed is as large as the input.
 */
export function blockedAffine(
  graph: StaticGraph,
  input: Value,
  slope: Value,
  more?: { readonly offset: Value; readonly sum: Value },
): Value {
  const block = graph.block as number;
  const [count, channels, ...places] = input.dims;
  const all = count * channels * block;
  const each = sizeOf(places) / block;
  const spread = (value: Value) => {
    const dims = [count, channels, block];
    const column = graph.reshape(value, [channels, 1]);
    return graph.emit('Expand', [column, graph.integers(dims)], dims);
  };
  const dims = [1, all, 1, each];
  const weights = graph.reshape(spread(slope), [all, 1, 1, 1]);
  const added = more && [graph.reshape(spread(more.offset), [all]), graph.reshape(more.sum, dims)];
  const attributes = { group: { int: all }, kernel_shape: { ints: [1, 1] } };
  const inputs = [graph.reshape(input, dims), weights, ...(added ?? [])];
  return graph.reshape(graph.emit('Conv', inputs, dims, attributes, DOMAIN), input.dims);
}
