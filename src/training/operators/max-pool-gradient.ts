import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import type { OperatorCall } from './operator.js';
import { windowAttributes, windowsOf } from './windows.js';

/** Whether MaxPool does not return indices: only the CPU's does. */
export const withoutPlaces = (graph: StaticGraph): boolean =>
  graph.portable && graph.precision === 'float32';

/** Lower than any value. */
const LOWEST = -1e30;

/**
 * The gradient of MaxPool without the places that it took: each tap of a window whose value is the highest, the
 * first where several are, takes the gradient there; a transposed convolution puts the taps where they came from.
 */
export function maxPoolGradient(graph: StaticGraph, call: OperatorCall, gradient: Value): Value {
  const kernel = call.integers('kernel_shape') as readonly number[];
  const windows = windowsOf(call, [kernel[0], kernel[1]]);
  const { strides, dilations, before } = windows;
  const { dims } = call.input(0);
  const [count, channels, ...counts] = gradient.dims;
  const covered = counts.map(
    (size, axis) => (size - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1,
  );
  const after = covered.map((size, axis) => size - dims[2 + axis] - before[axis]);
  const widths = graph.integers([0, 0, ...before, 0, 0, ...after]);
  const sizes = [count, channels, ...covered];
  const padded = graph.emit('Pad', [call.input(0), widths, graph.scalar(LOWEST)], sizes);
  const taps = sizeOf(kernel);
  let free: Value | undefined;
  const parts = Array.from({ length: taps }, (_, tap) => {
    const at = [Math.floor(tap / kernel[1]), tap % kernel[1]];
    const start = at.map((step, axis) => step * dilations[axis]);
    const end = start.map((from, axis) => from + (counts[axis] - 1) * strides[axis] + 1);
    const lists = [start, end, [2, 3], strides].map((list) => graph.integers(list));
    const seen = graph.emit('Slice', [padded, ...lists], gradient.dims);
    const hit = graph.indicator(graph.emit('Equal', [seen, call.output], gradient.dims));
    const first = free ? graph.multiply(hit, free) : hit;
    const rest = graph.subtract(graph.scalar(1), first);
    free = free ? graph.multiply(free, rest) : rest;
    const part = graph.multiply(gradient, first);
    return graph.reshape(part, [count, channels, 1, ...counts]);
  });
  const stacked = [count, channels, taps, ...counts];
  const all = graph.emit('Concat', parts, stacked, { axis: { int: 2 } });
  const flat = graph.reshape(all, [count, channels * taps, ...counts]);
  return spread(graph, flat, call, windows, after);
}

/** Puts the values of taps, [N, C · taps, …], where the taps see: each kernel has a single 1. */
function spread(
  graph: StaticGraph,
  values: Value,
  call: OperatorCall,
  windows: ReturnType<typeof windowsOf>,
  after: readonly number[],
): Value {
  const { dims } = call.input(0);
  const taps = sizeOf(windows.kernel);
  const ones = Array.from({ length: taps * taps }, (_, i) =>
    Number(Math.floor(i / taps) === i % taps),
  );
  const single = graph.constant([1, taps, 1, ...windows.kernel], ones);
  const spreadOver = [dims[1], taps, 1, ...windows.kernel];
  const kernels = graph.reshape(graph.expand(single, spreadOver), [
    dims[1] * taps,
    1,
    ...windows.kernel,
  ]);
  // Pixels beyond the last windows get no gradient.
  const rest = after.map((width) => Math.max(0, -width));
  return graph.emit('ConvTranspose', [values, kernels], dims, {
    group: { int: dims[1] },
    output_padding: { ints: rest },
    ...windowAttributes({ ...windows, after: [Math.max(0, after[0]), Math.max(0, after[1])] }),
  });
}
