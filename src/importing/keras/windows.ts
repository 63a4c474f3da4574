import type { NodeAttribute } from '../../onnx/graph-builder.js';
import type { Size } from '../source/imported.js';
import type { NetworkGraph, Value } from './network-graph.js';
import { permuted, type Weight } from './operations.js';

/** Convolutions and pooling: everything that slides a window over height and width. */

/** How a window moves, in height and width. */
export interface KernelWindow {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Margins [before, after] of height and width, where they are written out. */
  readonly padding: 'same' | 'valid' | readonly (readonly [number, number])[];
  /** Whether the source has channels × height × width. */
  readonly channelsFirst: boolean;
}

type Attributes = Record<string, NodeAttribute>;

/** An image as the window wants it: channels before height and width in the graph. */
function picture(graph: NetworkGraph, value: Value, channelsFirst: boolean) {
  if (value.shape.length !== 3) {
    throw graph.refuse('an input of height, width and channels', `[${value.shape.join(', ')}]`);
  }
  const lying = graph.lying(value, !channelsFirst);
  const [a, b, c] = value.shape;
  return channelsFirst
    ? { name: lying.name, channels: a, sizes: [b, c] }
    : { name: lying.name, channels: c, sizes: [a, b] };
}

const shapeOf = (channels: Size, sizes: readonly Size[], channelsFirst: boolean) =>
  channelsFirst ? [channels, ...sizes] : [...sizes, channels];

/** Attributes of the window for a kernel over these sizes, and the sizes that come out. */
function slide(
  graph: NetworkGraph,
  sizes: readonly Size[],
  kernel: readonly number[],
  window: KernelWindow,
) {
  const { strides, dilations, padding } = window;
  const reach = kernel.map((size, axis) => (size - 1) * dilations[axis] + 1);
  const margins = sizes.map((size, axis) => {
    if (padding === 'valid') return [0, 0] as const;
    if (padding !== 'same') return padding[axis];
    return sameMargin(size, reach[axis], strides[axis]);
  });
  const out = sizes.map((size, axis) => {
    if (size === null) return null;
    const margin = margins[axis] ?? [0, 0];
    if (padding === 'same') return Math.ceil(size / strides[axis]);
    return Math.floor((size + margin[0] + margin[1] - reach[axis]) / strides[axis]) + 1;
  });
  const attributes: Attributes = { kernel_shape: { ints: kernel }, strides: { ints: strides } };
  const [h, w] = margins;
  if (h !== undefined && w !== undefined) attributes.pads = { ints: [h[0], w[0], h[1], w[1]] };
  else if (dilations.every((one) => one === 1)) attributes.auto_pad = { string: 'SAME_UPPER' };
  else
    throw graph.unsupported('whose padding "same" depends on the image size, which is not fixed');
  return { attributes, out };
}

/**
 * Padding "same" of TensorFlow: as much as ⌈size / stride⌉ windows need, the odd element behind
 * (tensorflow/core/framework/common_shape_fns.cc, GetWindowedOutputSizeVerbose). With a stride it depends
 * on the size: undefined if that is open.
 */
function sameMargin(
  size: Size,
  reach: number,
  stride: number,
): readonly [number, number] | undefined {
  if (size === null && stride > 1) return undefined;
  const covered =
    size === null ? reach - 1 : (Math.ceil(size / stride) - 1) * stride + reach - size;
  const margin = Math.max(covered, 0);
  return [Math.floor(margin / 2), Math.ceil(margin / 2)];
}

/** A convolution; the kernel [height, width, in / groups, out]. */
export function convolved(
  graph: NetworkGraph,
  value: Value,
  kernel: Weight,
  window: KernelWindow & { readonly groups: number; readonly bias?: Weight },
): Value {
  const { name, channels, sizes } = picture(graph, value, window.channelsFirst);
  const [height, width, from, to] = kernel.dims;
  if (channels === null || channels !== from * window.groups || to % window.groups !== 0) {
    throw graph.refuse(
      `a kernel for ${channels} channels`,
      `[${kernel.dims.join(', ')}] in ${window.groups} groups`,
    );
  }
  const { attributes, out } = slide(graph, sizes, [height, width], window);
  const weights = permuted(kernel, [3, 2, 0, 1]);
  const inputs = [name, graph.constant('kernel', weights.dims, weights.data)];
  if (window.bias) inputs.push(graph.constant('bias', [to], window.bias.data));
  const made = graph.node('Conv', inputs, {
    ...attributes,
    dilations: { ints: window.dilations },
    group: { int: window.groups },
  });
  return graph.value(made, shapeOf(to, out, window.channelsFirst), !window.channelsFirst);
}

/** A convolution of each channel by itself; the kernel [height, width, in, multiplier]. */
export function convolvedByChannel(
  graph: NetworkGraph,
  value: Value,
  kernel: Weight,
  window: KernelWindow & { readonly bias?: Weight },
): Value {
  const [height, width, channels, multiplier] = kernel.dims;
  // Channel c gives outputs c × multiplier on, as groups of one channel do.
  const grouped = { dims: [height, width, 1, channels * multiplier], data: kernel.data };
  return convolved(graph, value, grouped, { ...window, groups: channels });
}

/** The gradient of a convolution; the kernel [height, width, out, in]. */
export function convolvedTransposed(
  graph: NetworkGraph,
  value: Value,
  kernel: Weight,
  window: KernelWindow & { readonly bias?: Weight },
): Value {
  const { name, channels, sizes } = picture(graph, value, window.channelsFirst);
  const [height, width, to, from] = kernel.dims;
  if (channels !== from) throw graph.refuse(`a kernel for ${channels} channels`, kernel.dims);
  const { strides, dilations, padding } = window;
  const reach = [height, width].map((size, axis) => (size - 1) * dilations[axis] + 1);
  const over = reach.map((size, axis) => size - strides[axis]);
  const margins = over.map((excess) => (padding === 'same' ? Math.max(excess, 0) : 0));
  const before = margins.map((margin) => Math.floor(margin / 2));
  const weights = permuted(kernel, [3, 2, 0, 1]);
  const inputs = [name, graph.constant('kernel', weights.dims, weights.data)];
  if (window.bias) inputs.push(graph.constant('bias', [to], window.bias.data));
  const made = graph.node('ConvTranspose', inputs, {
    kernel_shape: { ints: [height, width] },
    strides: { ints: strides },
    dilations: { ints: dilations },
    pads: { ints: [...before, ...margins.map((margin, axis) => margin - before[axis])] },
    output_padding: { ints: over.map((excess) => Math.max(-excess, 0)) },
  });
  const out = sizes.map((size, axis) =>
    size === null
      ? null
      : size * strides[axis] + (padding === 'same' ? 0 : Math.max(over[axis], 0)),
  );
  return graph.value(made, shapeOf(to, out, window.channelsFirst), !window.channelsFirst);
}

/** The largest or the mean of each window; margins count neither way. */
export function pooled(
  graph: NetworkGraph,
  value: Value,
  operator: 'MaxPool' | 'AveragePool',
  window: Omit<KernelWindow, 'dilations'> & { readonly size: readonly number[] },
): Value {
  const { name, channels, sizes } = picture(graph, value, window.channelsFirst);
  const { attributes, out } = slide(graph, sizes, window.size, { ...window, dilations: [1, 1] });
  const made = graph.node(operator, [name], attributes);
  return graph.value(made, shapeOf(channels, out, window.channelsFirst), !window.channelsFirst);
}

/** The largest or the mean of the whole image. */
export function pooledGlobally(
  graph: NetworkGraph,
  value: Value,
  operator: 'GlobalMaxPool' | 'GlobalAveragePool',
  how: { readonly channelsFirst: boolean; readonly keep: boolean },
): Value {
  const { name, channels } = picture(graph, value, how.channelsFirst);
  const made = graph.node(operator, [name]);
  if (how.keep) {
    return graph.value(made, shapeOf(channels, [1, 1], how.channelsFirst), !how.channelsFirst);
  }
  return graph.value(graph.node('Flatten', [made], { axis: { int: 1 } }), [channels], false);
}

/** Every element repeated along height and width. */
export function repeated(
  graph: NetworkGraph,
  value: Value,
  factors: readonly number[],
  channelsFirst: boolean,
): Value {
  const { name, channels, sizes } = picture(graph, value, channelsFirst);
  const scales = graph.constant('scales', [4], Float32Array.from([1, 1, ...factors]));
  const made = graph.node('Resize', [name, '', scales], {
    mode: { string: 'nearest' },
    coordinate_transformation_mode: { string: 'asymmetric' },
    nearest_mode: { string: 'floor' },
  });
  const out = sizes.map((size, axis) => (size === null ? null : size * factors[axis]));
  return graph.value(made, shapeOf(channels, out, channelsFirst), !channelsFirst);
}
