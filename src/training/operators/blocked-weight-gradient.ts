import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import { slice } from './arrangements.js';
import { convolveBlocks, fromBlocks, lanes, toBlocks } from './blocked-convolution.js';
import type { Convolution, WeightGradient } from './convolution-types.js';
import { pad } from './taps.js';
import type { Windows } from './windows.js';

/**
 * Gradients of weights as convolutions in blocks: the input is convolved with dy as the kernel, and the few places
 * of what that gives are the taps; stride and dilation change places. The kernels of the runtime are as quick at
 * this as at any other convolution, however large that of dy.
 */
export function blockedWeightGradient(
  graph: StaticGraph,
  parts: WeightGradient,
  { windows, groups }: Convolution,
): Value | undefined {
  const { block } = graph;
  const [count, outputs] = parts.gradient.dims;
  const inputs = parts.input.dims[1];
  if (block === undefined || outputs % block !== 0) return undefined;
  if (groups === outputs && groups === inputs) return depthwise(graph, parts, windows);
  const dense = groups === 1 && sizeOf(windows.kernel) > 1 && sizeOf(windows.dilations) === 1;
  const bands = bandsOf(count, parts.gradient.dims[2], block);
  return dense && bands ? overPictures(graph, parts, windows, bands) : undefined;
}

/** Each band of an image has rows beside it that are copied for it. */
const MOST_BANDS = 4;

/** Into how many bands of rows images are cut so that these are a multiple of a block; undefined if they cannot be. */
function bandsOf(count: number, rows: number, block: number): number | undefined {
  for (let bands = 1; bands <= MOST_BANDS; bands++)
    if ((count * bands) % block === 0) return rows % bands === 0 ? bands : undefined;
  return undefined;
}

/** Bands of the padded input, as each band of dy sees them: [N · bands, C, …]. */
function bandsSeen(
  graph: StaticGraph,
  value: Value,
  { kernel, strides }: Windows,
  [bands, rows]: readonly [number, number],
): Value {
  const [count, inputs, , width] = value.dims;
  const high = (rows - 1) * strides[0] + kernel[0];
  const each = Array.from({ length: bands }, (_, band) => {
    const start = band * rows * strides[0];
    const part = slice(graph, value, 2, [start, start + high]);
    return graph.reshape(part, [count, 1, inputs, high, width]);
  });
  const dims = [count, bands, inputs, high, width];
  const all = graph.emit('Concat', each, dims, { axis: { int: 1 } });
  return graph.reshape(all, [count * bands, inputs, high, width]);
}

/** The input as far as dy sees it: without what is behind that, and how much is to be padded there. */
function seen(graph: StaticGraph, { input, gradient }: WeightGradient, windows: Windows) {
  const { kernel, strides, dilations, before } = windows;
  const behind = [0, 1].map((axis) => {
    const last = (gradient.dims[2 + axis] - 1) * strides[axis];
    return last + (kernel[axis] - 1) * dilations[axis] + 1 - before[axis] - input.dims[2 + axis];
  });
  const side = (limit: (width: number) => number) => [limit(behind[0]), limit(behind[1])] as const;
  const less = side((width) => Math.min(0, width));
  const value = pad(graph, input, { ...windows, before: [0, 0], after: less });
  return { value, after: side((width) => Math.max(0, width)) };
}

/** Each channel of each image is convolved by itself, and the taps of all images are summed. */
function depthwise(graph: StaticGraph, parts: WeightGradient, windows: Windows): Value {
  const block = graph.block as number;
  const [count, channels, rows, columns] = parts.gradient.dims;
  const all = count * channels;
  const { value, after } = seen(graph, parts, windows);
  const pictures = graph.reshape(toBlocks(graph, value), [1, all, ...value.dims.slice(2)]);
  const kernels = graph.reshape(parts.blocks(), [all, 1, rows, columns]);
  const { strides, dilations, before } = windows;
  const kernel = [rows, columns] as const;
  const around = { kernel, strides: dilations, dilations: strides, before, after };
  const dims = [1, all, ...windows.kernel];
  const found = convolveBlocks(graph, [pictures, kernels], { windows: around, groups: all }, dims);
  const taps = sizeOf(windows.kernel);
  const each = graph.reshape(found, [count, channels / block, taps, block]);
  return graph.transpose(graph.sum(each, [0]), [0, 2, 1]);
}

/** Outputs that the runtime computes together, in blocks. */
const AT_ONCE = 4;

/**
 * Images, or bands of them, stand for channels: their number must be one of blocks. The inputs stand beside each
 * other in each column, so that the columns of dy are as far apart as there are inputs, and the taps of a row beside
 * each other.
 */
function overPictures(
  graph: StaticGraph,
  parts: WeightGradient,
  windows: Windows,
  bands: number,
): Value {
  const block = graph.block as number;
  const [, outputs, all, columns] = parts.gradient.dims;
  const { kernel, strides, before } = windows;
  const { value: whole, after } = seen(graph, parts, windows);
  const rows = all / bands;
  const above = { ...windows, before: [before[0], 0], after: [after[0], 0] } as const;
  const value =
    bands === 1 ? whole : bandsSeen(graph, pad(graph, whole, above), windows, [bands, rows]);
  const [count, inputs, height, width] = value.dims;
  // Few outputs are little work to share among threads.
  const parted = outputs <= AT_ONCE * block && inputs % 2 === 0 ? 2 : 1;
  const each = inputs / parted;
  const sets = count / block;
  const split = [sets, parted, each, height * width, block];
  const beside = graph.reshape(lanes(graph, value, inputs * height * width), split);
  const turned = graph.transpose(beside, [1, 0, 3, 2, 4]);
  const flat = graph.reshape(turned, [parted * sets * height, width * each * block]);
  const wide = (before[1] + width + after[1]) * each;
  const padded = between(graph, flat, [before[1] * each * block, after[1] * each * block]);
  const pictures = graph.reshape(padded, [parted, count, height, wide]);
  const around = {
    kernel: [rows, columns],
    strides: [1, 1],
    dilations: [strides[0], strides[1] * each],
    before: [bands === 1 ? before[0] : 0, 0],
    after: [bands === 1 ? after[0] : 0, 0],
  } as const;
  const dims = [parted, outputs, kernel[0], kernel[1] * each];
  const kernels = bandKernels(graph, parts, bands);
  const found = convolveBlocks(graph, [pictures, kernels], { windows: around, groups: 1 }, dims);
  return tapsLast(graph, found, [parted, outputs / block, sizeOf(kernel), each]);
}

/** dy as kernels in blocks: [o, N · bands/block, rows, columns, block bands, block outputs]. */
function bandKernels(
  graph: StaticGraph,
  { gradient, blocks }: WeightGradient,
  bands: number,
): Value {
  const block = graph.block as number;
  const [count, outputs, all, columns] = gradient.dims;
  const rows = all / bands;
  const [sets, o] = [(count * bands) / block, outputs / block];
  const split = [sets, block / bands, o, bands, rows * columns, block];
  const turned = graph.transpose(graph.reshape(blocks(), split), [2, 0, 4, 1, 3, 5]);
  return graph.reshape(turned, [outputs, count * bands, rows, columns]);
}

/** Rows with this many zeros before and behind them. Unlike a Pad, a Concat is shared among threads. */
function between(graph: StaticGraph, rows: Value, widths: readonly [number, number]): Value {
  const [count, width] = rows.dims;
  const [before, after] = widths.map((size) =>
    size === 0 ? [] : [graph.expand(graph.scalar(0), [count, size])],
  );
  const parts = [...before, rows, ...after];
  if (parts.length === 1) return rows;
  const dims = [count, widths[0] + width + widths[1]];
  return graph.emit('Concat', parts, dims, { axis: { int: 1 } });
}

/** From [parted, o, taps, each, block], by the runtime's reordering where it can be, to [outputs, inputs, taps]. */
function tapsLast(
  graph: StaticGraph,
  blocks: Value,
  [parted, o, taps, each]: readonly [number, number, number, number],
): Value {
  const block = graph.block as number;
  const split = graph.reshape(blocks, [parted, o, taps, each, block]);
  const turned = graph.transpose(split, [1, 0, 3, 2, 4]);
  const rows = graph.reshape(turned, [o, block, parted * each, taps]);
  return fromBlocks(graph, rows);
}
