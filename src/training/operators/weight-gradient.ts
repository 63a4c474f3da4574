import type { StaticGraph, Value } from '../graph/static-graph.js';
import { blockedWeightGradient } from './blocked-weight-gradient.js';
import type { Convolution, WeightGradient } from './convolution-types.js';
import { groupedWeightGradient } from './grouped-weight-gradient.js';
import { inPhases, pad, places, type Tap, tapOf } from './taps.js';
import { transposedProduct } from './transposed-product.js';

/** Places of an output from which on one product an image is quicker than one over all images. */
const PRODUCT_A_PICTURE = 512;
/** Inputs that are too few for a product a tap. */
const FEW = 4;

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
  const found = blockedWeightGradient(graph, parts, convolution);
  if (found) return found;
  if (groups > 1) return groupedWeightGradient(graph, parts, convolution);
  const single = windows.strides.every((step) => step === 1);
  const wide = windows.kernel[1] > 1;
  if (parts.input.dims[1] <= FEW) return byPatches(graph, parts, convolution);
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
  return graph.transpose(split, [1, 0]);
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

/**
 * Where inputs are few, such as colours, all taps beside each other make a product that is worth its name.
 * Σₙ dy[n]·patches[n]ᵀ, each [O, hw]·[hw, C · taps].
 */
function byPatches(
  graph: StaticGraph,
  { input, weights, gradient }: WeightGradient,
  { windows }: Convolution,
): Value {
  const [outputs, inputs, height, width] = weights.dims;
  const [count, , rows, columns] = gradient.dims;
  const [taps, hw] = [height * width, rows * columns];
  const look = inPhases(graph, pad(graph, input, windows));
  const seen = Array.from({ length: taps }, (_, tap) => {
    const at = tapOf(windows, tap, [rows, columns]);
    const place = look(at, [count, inputs, rows, columns]);
    return graph.reshape(place, [count, inputs, 1, hw]);
  });
  const dims = [count, inputs, taps, hw];
  const all = taps === 1 ? seen[0] : graph.emit('Concat', seen, dims, { axis: { int: 2 } });
  const patches = graph.reshape(all, [count, inputs * taps, hw]);
  const own = graph.reshape(gradient, [count, outputs, hw]);
  const product = transposedProduct(graph, own, patches, [count, outputs, inputs * taps], 'transB');
  return graph.sum(product, [0]);
}

function byTaps(
  graph: StaticGraph,
  { input, weights, gradient }: WeightGradient,
  { windows }: Convolution,
): Value {
  const [outputs, inputs, height, width] = weights.dims;
  const [, , rows, columns] = gradient.dims;
  const taps = height * width;
  const product = productFor(taps, [outputs, inputs, rows * columns]);
  const padded = pad(graph, input, windows);
  const multiply = product(graph, gradient, padded);
  const found = Array.from({ length: taps }, (_, tap) =>
    multiply(tapOf(windows, tap, [rows, columns])),
  );
  if (taps === 1) return found[0];
  const flat = found.map((value) => graph.reshape(value, [1, outputs, inputs]));
  const stacked = graph.emit('Concat', flat, [taps, outputs, inputs], { axis: { int: 0 } });
  return graph.transpose(stacked, [1, 2, 0]);
}

/** Which form moves less: sums over images for each weight, or each image into another order. */
function productFor(
  taps: number,
  [outputs, inputs, hw]: readonly [number, number, number],
): TapProduct {
  if (taps > 1) return hw > PRODUCT_A_PICTURE ? aPicture : overPictures;
  return 3 * outputs * inputs > 2 * hw * (outputs + inputs) ? byChannels : aPicture;
}

type TapProduct = (graph: StaticGraph, gradient: Value, padded: Value) => (tap: Tap) => Value;

/** Σₙ dy[n]·x[n]ᵀ, each [O, hw]·[hw, C]. */
const aPicture: TapProduct = (graph, gradient, padded) => {
  const [count, outputs, rows, columns] = gradient.dims;
  const inputs = padded.dims[1];
  const flat = graph.reshape(gradient, [count, outputs, rows * columns]);
  const look = inPhases(graph, padded);
  return (tap) => {
    const seen = look(tap, [count, inputs, rows, columns]);
    const pictures = graph.reshape(seen, [count, inputs, rows * columns]);
    const dims = [count, outputs, inputs];
    const product = transposedProduct(graph, flat, pictures, dims, 'transB');
    return graph.sum(product, [0]);
  };
};

/** dy·xᵀ over all places of all images, with channels first: [O, N·hw]·[C, N·hw]ᵀ. */
const byChannels: TapProduct = (graph, gradient, padded) => {
  const [count, outputs, rows, columns] = gradient.dims;
  const inputs = padded.dims[1];
  const all = count * rows * columns;
  const flat = (value: Value, channels: number) =>
    graph.reshape(graph.transpose(value, [1, 0, 2, 3]), [channels, all]);
  const own = flat(gradient, outputs);
  return (tap) => {
    const seen = places(graph, padded, tap, [count, inputs, rows, columns]);
    const right = flat(seen, inputs);
    return graph.emit('Gemm', [own, right], [outputs, inputs], { transB: { int: 1 } });
  };
};

/** dyᵀ·x over all places of all images, with channels last: [N·hw, O]ᵀ·[N·hw, C]. */
const overPictures: TapProduct = (graph, gradient, padded) => {
  const [count, outputs, rows, columns] = gradient.dims;
  const inputs = padded.dims[1];
  const all = count * rows * columns;
  const flat = graph.reshape(graph.transpose(gradient, [0, 2, 3, 1]), [all, outputs]);
  const last = graph.transpose(padded, [0, 2, 3, 1]);
  return (tap) => {
    const seen = places(graph, last, { ...tap, axes: [1, 2] }, [count, rows, columns, inputs]);
    const pictures = graph.reshape(seen, [all, inputs]);
    return graph.emit('Gemm', [flat, pictures], [outputs, inputs], { transA: { int: 1 } });
  };
};
