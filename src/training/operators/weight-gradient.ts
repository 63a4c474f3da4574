import { type StaticGraph, sizeOf, type Value } from '../static-graph.js';
import type { Convolution } from './convolution.js';

/** What the gradient of a convolution's weights is made of. */
export interface WeightGradient {
  readonly input: Value;
  readonly weights: Value;
  readonly gradient: Value;
}

/** Places of an output from which on one product a picture is quicker than one over all pictures. */
const PRODUCT_A_PICTURE = 512;
/** The same for kernels of one place. */
const PRODUCT_A_PICTURE_1X1 = 16;

/**
 * The gradient of a convolution's weights: dw[o, c, i, j] = Σ dy[n, o, y, x]·x[n, c, y·s + i·d − p, …].
 * Dense kernels take one matrix product a tap, depthwise and grouped ones a convolution in which pictures
 * stand for channels.
 */
export function weightGradient(
  graph: StaticGraph,
  parts: WeightGradient,
  convolution: Convolution,
): Value {
  return convolution.groups === 1
    ? byTaps(graph, parts, convolution)
    : byConvolution(graph, parts, convolution);
}

function byTaps(
  graph: StaticGraph,
  { input, weights, gradient }: WeightGradient,
  { windows }: Convolution,
): Value {
  const [outputs, inputs, height, width] = weights.dims;
  const [, , rows, columns] = gradient.dims;
  const taps = height * width;
  const limit = taps === 1 ? PRODUCT_A_PICTURE_1X1 : PRODUCT_A_PICTURE;
  const product = rows * columns > limit ? aPicture : overPictures;
  const padded = pad(graph, input, windows);
  const multiply = product(graph, gradient, padded);
  const found = Array.from({ length: taps }, (_, tap) => {
    const at = [Math.floor(tap / width), tap % width];
    const start = at.map((step, axis) => step * windows.dilations[axis]);
    const end = [rows, columns].map(
      (count, axis) => start[axis] + (count - 1) * windows.strides[axis] + 1,
    );
    return multiply({ start, end, strides: windows.strides });
  });
  if (taps === 1) return graph.reshape(found[0], weights.dims);
  const flat = found.map((value) => graph.reshape(value, [1, outputs, inputs]));
  const stacked = graph.emit('Concat', flat, [taps, outputs, inputs], { axis: { int: 0 } });
  return graph.reshape(graph.transpose(stacked, [1, 2, 0]), weights.dims);
}

/** Places of the padded input that one tap sees. */
interface Tap {
  readonly start: readonly number[];
  readonly end: readonly number[];
  readonly strides: readonly number[];
}

type TapProduct = (graph: StaticGraph, gradient: Value, padded: Value) => (tap: Tap) => Value;

/** Σₙ dy[n]·x[n]ᵀ, each [O, hw]·[hw, C]. */
const aPicture: TapProduct = (graph, gradient, padded) => {
  const [count, outputs, rows, columns] = gradient.dims;
  const inputs = padded.dims[1];
  const flat = graph.reshape(gradient, [count, outputs, rows * columns]);
  return (tap) => {
    const seen = places(graph, padded, tap, [2, 3], [count, inputs, rows, columns]);
    const pictures = graph.reshape(seen, [count, inputs, rows * columns]);
    const dims = [count, outputs, inputs];
    const product = transposedProduct(graph, flat, pictures, dims, 'transB');
    return graph.sum(product, [0]);
  };
};

/** dyᵀ·x over all places of all pictures, with channels last: [N·hw, O]ᵀ·[N·hw, C]. */
const overPictures: TapProduct = (graph, gradient, padded) => {
  const [count, outputs, rows, columns] = gradient.dims;
  const inputs = padded.dims[1];
  const all = count * rows * columns;
  const flat = graph.reshape(graph.transpose(gradient, [0, 2, 3, 1]), [all, outputs]);
  const last = graph.transpose(padded, [0, 2, 3, 1]);
  return (tap) => {
    const seen = places(graph, last, tap, [1, 2], [count, rows, columns, inputs]);
    const pictures = graph.reshape(seen, [all, inputs]);
    return graph.emit('Gemm', [flat, pictures], [outputs, inputs], { transA: { int: 1 } });
  };
};

function places(
  graph: StaticGraph,
  value: Value,
  { start, end, strides }: Tap,
  axes: readonly number[],
  dims: readonly number[],
): Value {
  const whole = String(dims) === String(value.dims);
  if (whole) return value;
  const lists = [start, end, axes, strides].map((numbers) => graph.integers(numbers));
  return graph.emit('Slice', [value, ...lists], dims);
}

/** A product with one side transposed, which the runtime's own operator need not write out. */
function transposedProduct(
  graph: StaticGraph,
  a: Value,
  b: Value,
  dims: readonly number[],
  side: 'transA' | 'transB',
): Value {
  if (graph.precision === 'float32')
    return graph.emit('FusedMatMul', [a, b], dims, { [side]: { int: 1 } }, 'com.microsoft');
  const swap = (value: Value) => graph.transpose(value, [0, 2, 1]);
  const [left, right] = side === 'transA' ? [swap(a), b] : [a, swap(b)];
  return graph.emit('MatMul', [left, right], dims);
}

function pad(graph: StaticGraph, value: Value, { before, after }: Convolution['windows']): Value {
  if ([...before, ...after].every((width) => width === 0)) return value;
  const [count, channels, height, width] = value.dims;
  const dims = [count, channels, height + before[0] + after[0], width + before[1] + after[1]];
  const widths = graph.integers([0, 0, ...before, 0, 0, ...after]);
  return graph.emit('Pad', [value, widths], dims);
}

/**
 * As a convolution of the input, whose pictures are its channels and whose channels within a group its
 * pictures, with the gradient as kernels: stride and dilation change places.
 */
function byConvolution(
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
  return graph.reshape(ordered, weights.dims);
}
