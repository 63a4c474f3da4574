import { type StaticGraph, sizeOf, type Value } from '../static-graph.js';
import type { Convolution } from './convolution.js';
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

/** What is convolved. */
export interface Convolved extends Convolution {
  readonly input: Value;
  /** [outputs, inputs/groups, height, width]. */
  readonly weights: Value;
  readonly bias?: Value;
  readonly dims: readonly number[];
}

/** Convolves in blocks where that is known to work and to be quicker, else by the standard's operator. */
export function convolve(graph: StaticGraph, convolved: Convolved, output?: string): Value {
  if (isBlocked(graph, convolved)) return inBlocks(graph, convolved, output);
  const { input, weights, bias, windows, groups, dims } = convolved;
  const attributes = { group: { int: groups }, ...windowAttributes(windows) };
  return graph.emit(
    'Conv',
    [input, weights, ...(bias ? [bias] : [])],
    dims,
    attributes,
    '',
    output,
  );
}

function isBlocked(graph: StaticGraph, { weights, groups, dims, input }: Convolved): boolean {
  const { block } = graph;
  const [outputs, , height, width] = weights.dims;
  const inputs = input.dims[1];
  if (block === undefined || outputs % block !== 0 || inputs % block !== 0) return false;
  if (groups === 1) return height * width > 1 && sizeOf(dims) / outputs >= LEAST_PLACES;
  return groups === inputs && groups === outputs;
}

function inBlocks(graph: StaticGraph, convolved: Convolved, output?: string): Value {
  const { input, weights, bias, windows, groups, dims } = convolved;
  const reordered = graph.emit('ReorderInput', [input], input.dims, {}, DOMAIN);
  const kernels = blocksOf(graph, weights, groups);
  const attributes = {
    group: { int: groups },
    kernel_shape: { ints: windows.kernel },
    ...windowAttributes(windows),
  };
  const inputs = [reordered, kernels, ...(bias ? [bias] : [])];
  const found = graph.emit('Conv', inputs, dims, attributes, DOMAIN);
  return graph.emit('ReorderOutput', [found], dims, { channels: { int: dims[1] } }, DOMAIN, output);
}

/** Kernels in blocks: [o, 1, h, w, 16] where they are depthwise, else [o, c, h, w, 16 inputs, 16 outputs]. */
function blocksOf(graph: StaticGraph, weights: Value, groups: number): Value {
  const block = graph.block as number;
  const [outputs, inputs, height, width] = weights.dims;
  const dense = groups === 1;
  const split = dense
    ? [outputs / block, block, inputs / block, block, height, width]
    : [outputs / block, block, 1, height, width];
  const order = dense ? [0, 2, 4, 5, 3, 1] : [0, 2, 3, 4, 1];
  const blocks = graph.transpose(graph.reshape(weights, split), order);
  return graph.reshape(blocks, weights.dims);
}
