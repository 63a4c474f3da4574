import type { StaticGraph, Value } from '../static-graph.js';
import type { Convolution } from './convolution.js';
import { groupedWeightGradient } from './grouped-weight-gradient.js';
import { transposedProduct } from './transposed-product.js';

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
 * Dense kernels take matrix products: one a row of the kernel without stride, else one a tap.
 */
export function weightGradient(
  graph: StaticGraph,
  parts: WeightGradient,
  convolution: Convolution,
): Value {
  const { groups, windows } = convolution;
  if (groups > 1) return groupedWeightGradient(graph, parts, convolution);
  const single = windows.strides.every((step) => step === 1);
  const wide = windows.kernel[1] > 1;
  return (single && wide ? byRows : byTaps)(graph, parts, convolution);
}

/**
 * One product a row of the kernel: copies of dy, moved by the columns of the kernel, stand beneath each other, so
 * that the runtime packs the input once for all of them. [columns · O, N·h·W]·[N·h·W, C]
 */
function byRows(
  graph: StaticGraph,
  { input, weights, gradient }: WeightGradient,
  { windows }: Convolution,
): Value {
  const [outputs, inputs, height, width] = weights.dims;
  const [count, , rows] = gradient.dims;
  const columns = input.dims[3];
  const places = count * rows * columns;
  const { dilations, before } = windows;
  const kernels = graph.transpose(gradient, [1, 0, 2, 3]);
  const moved = Array.from({ length: width }, (_, j) =>
    shifted(graph, kernels, 3, { by: j * dilations[1] - before[1], size: columns }),
  );
  const stacked = graph.emit('Concat', moved, [width * outputs, count, rows, columns], {
    axis: { int: 0 },
  });
  const left = graph.reshape(stacked, [width * outputs, places]);
  const last = graph.transpose(input, [0, 2, 3, 1]);
  const found = Array.from({ length: height }, (_, i) => {
    const seen = shifted(graph, last, 1, { by: before[0] - i * dilations[0], size: rows });
    const right = graph.reshape(seen, [places, inputs]);
    return graph.emit('MatMul', [left, right], [width * outputs, inputs]);
  });
  const taps = height * width;
  const all = graph.emit('Concat', found, [taps * outputs, inputs], { axis: { int: 0 } });
  const split = graph.reshape(all, [taps, outputs * inputs]);
  return graph.reshape(graph.transpose(split, [1, 0]), weights.dims);
}

/** Moves values along an axis onto places of another number: what leaves them is lost, and 0 comes in. */
function shifted(
  graph: StaticGraph,
  value: Value,
  axis: number,
  { by, size }: { readonly by: number; readonly size: number },
): Value {
  const after = size - value.dims[axis] - by;
  if (by === 0 && after === 0) return value;
  const dims = value.dims.map((length, i) => (i === axis ? size : length));
  const widths = [by, after].flatMap((width) => dims.map((_, i) => (i === axis ? width : 0)));
  return graph.emit('Pad', [value, graph.integers(widths)], dims);
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

function pad(graph: StaticGraph, value: Value, { before, after }: Convolution['windows']): Value {
  if ([...before, ...after].every((width) => width === 0)) return value;
  const [count, channels, height, width] = value.dims;
  const dims = [count, channels, height + before[0] + after[0], width + before[1] + after[1]];
  const widths = graph.integers([0, 0, ...before, 0, 0, ...after]);
  return graph.emit('Pad', [value, widths], dims);
}
