import { type StaticGraph, sizeOf, type Value } from '../graph/static-graph.js';
import type { Convolution, WeightGradient } from './convolution-types.js';

/**
 * The gradient of weights in groups: a convolution of the input, whose images are its channels and whose channels within a group its
 * images, with the gradient as kernels: stride and dilation change places.
 */
export function groupedWeightGradient(
  graph: StaticGraph,
  { input, weights, gradient }: WeightGradient,
  { windows, groups }: Convolution,
): Value {
  const [outputs, each, height, width] = weights.dims;
  const [count, , rows, columns] = input.dims;
  const split = graph.reshape(input, [count, groups, each, rows, columns]);
  const pictures = graph.reshape(graph.transpose(split, [2, 1, 0, 3, 4]), [
    each,
    groups * count,
    rows,
    columns,
  ]);
  const kernels = graph.transpose(gradient, [1, 0, 2, 3]);
  const { strides, dilations, before, after } = windows;
  const size = [0, 1].map((axis) => {
    const reach = strides[axis] * (kernels.dims[2 + axis] - 1) + 1;
    const room = input.dims[2 + axis] + before[axis] + after[axis] - reach;
    return Math.floor(room / dilations[axis]) + 1;
  });
  const found = graph.emit('Conv', [pictures, kernels], [each, outputs, ...size], {
    group: { int: groups },
    strides: { ints: dilations },
    dilations: { ints: strides },
    pads: { ints: [...before, ...after] },
  });
  // Places behind the last that the forward windows reached give taps that are not there.
  const cropped = graph.emit(
    'Slice',
    [
      found,
      ...[
        [0, 0],
        [height, width],
        [2, 3],
      ].map((list) => graph.integers(list)),
    ],
    [each, outputs, height, width],
  );
  const taps = sizeOf([height, width]);
  const ordered = graph.transpose(graph.reshape(cropped, [each, outputs, taps]), [1, 0, 2]);
  return ordered;
}
