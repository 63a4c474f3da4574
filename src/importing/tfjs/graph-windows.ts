import { activated } from '../keras/activations.js';
import type { Value } from '../keras/network-graph.js';
import { batchNormalized } from '../keras/normalizations.js';
import { constantLike, dense, elementwise, permuted, type Weight } from '../keras/operations.js';
import {
  convolved,
  convolvedByChannel,
  convolvedTransposed,
  type KernelWindow,
  pooled,
} from '../keras/windows.js';
import { kerasActivations, sloped } from './graph-elements.js';
import type { TfjsNode } from './graph-nodes.js';
import {
  channelsAxis,
  channelsFirst,
  constantAt,
  heightAndWidth,
  type Operand,
  type Operation,
  type OperationTranslation,
  of,
  sizesAt,
  valueAt,
} from './graph-operands.js';

/** Operators with weights, and those that slide a window. */

function windowOf(node: TfjsNode): KernelWindow {
  const padding = node.text('padding', 'VALID');
  const first = channelsFirst(node);
  const margins = (): [number, number][] => {
    const list = node.wholes('explicit_paddings');
    const at = first ? 4 : 2;
    const four = list.slice(at, at + 4);
    if (list.length !== 8 || four.some((size) => size < 0 || size > 4096)) {
      throw node.refuse('explicit_paddings', 'a pair for each axis', list);
    }
    return [
      [four[0], four[1]],
      [four[2], four[3]],
    ];
  };
  const known = { SAME: 'same', VALID: 'valid' } as const;
  if (!['SAME', 'VALID', 'EXPLICIT'].includes(padding))
    throw node.refuse('padding', 'SAME, VALID or EXPLICIT', padding);
  return {
    strides: heightAndWidth(node, 'strides'),
    dilations: heightAndWidth(node, 'dilations'),
    padding: padding === 'EXPLICIT' ? margins() : known[padding as 'SAME' | 'VALID'],
    channelsFirst: first,
  };
}

function kernelAt(operation: Operation, at: number): Weight {
  const kernel = constantAt(operation, at);
  if (kernel.dims.length === 4 && kernel.data.length > 0) return kernel;
  throw operation.node.refuse(`input ${at}`, 'a kernel of four axes', kernel.dims);
}

const fusedOps = (node: TfjsNode): readonly string[] =>
  node.has('fused_ops') ? node.texts('fused_ops') : [];

/** The bias that a fused node adds before all else, one number a channel. */
function fusedBias(operation: Operation, channels: number): { bias?: Weight } {
  if (fusedOps(operation.node)[0] !== 'BiasAdd') return {};
  const bias = constantAt(operation, 2);
  if (bias.dims.length === 1 && bias.data.length === channels) return { bias };
  throw operation.node.refuse('the bias', `${channels} numbers`, bias.dims);
}

/** What a fused node does after its product and bias. */
function fused(operation: Operation, result: Value): Operand {
  const { graph, node } = operation;
  const [first, ...others] = fusedOps(node);
  const left = first === undefined || first === 'BiasAdd' ? others : [first, ...others];
  let value = result;
  for (const name of left) {
    if (name === 'Prelu') {
      value = sloped(operation, value, constantAt(operation, first === 'BiasAdd' ? 3 : 2));
    } else if (name === 'LeakyRelu') {
      const alpha = { float: node.number('leakyrelu_alpha', 0.2) };
      value = elementwise(graph, name, value, { alpha });
    } else if (kerasActivations.has(name)) {
      value = activated(graph, value, kerasActivations.get(name) ?? '', 2);
    } else {
      throw node.unsupported(`fused with ${name.slice(0, 40)}, which the import does not know`);
    }
  }
  return of(value);
}

/** Adds one number a channel. */
function biased({ graph, node }: Operation, value: Value, bias: Weight, axis: number): Value {
  const channels = value.shape[axis - 1];
  if (bias.dims.length !== 1 || bias.data.length !== channels) {
    throw node.refuse('the bias', `${channels} numbers`, bias.dims);
  }
  const dims = value.shape.map((_, at) => (at === axis - 1 ? bias.data.length : 1));
  const name = graph.node('Add', [
    value.name,
    constantLike(graph, 'bias', { ...bias, dims }, value),
  ]);
  return { ...value, name };
}

const convolution: OperationTranslation = (operation) => {
  const { graph, node } = operation;
  const value = valueAt(operation, 0);
  const kernel = kernelAt(operation, 1);
  const channels = value.shape[channelsAxis(node, value) - 1];
  const groups = channels === null ? 1 : channels / kernel.dims[2];
  if (!Number.isInteger(groups))
    throw node.refuse('input 1', `a kernel for ${channels} channels`, kernel.dims);
  const window = { ...windowOf(node), groups, ...fusedBias(operation, kernel.dims[3]) };
  return fused(operation, convolved(graph, value, kernel, window));
};

const depthwise: OperationTranslation = (operation) => {
  const kernel = kernelAt(operation, 1);
  const bias = fusedBias(operation, kernel.dims[2] * kernel.dims[3]);
  const window = { ...windowOf(operation.node), ...bias };
  const value = convolvedByChannel(operation.graph, valueAt(operation, 0), kernel, window);
  return fused(operation, value);
};

const transposedConvolution: OperationTranslation = (operation) => {
  const { graph, node } = operation;
  const window = windowOf(node);
  const value = convolvedTransposed(graph, valueAt(operation, 2), kernelAt(operation, 1), window);
  const wanted = sizesAt(operation, 0).slice(1);
  const differs = wanted.some((size, at) => size !== null && size !== value.shape[at]);
  if (differs || typeof window.padding !== 'string') {
    throw node.unsupported(
      `with an output of [${wanted.join(', ')}], which the import does not know`,
    );
  }
  return of(value);
};

const product: OperationTranslation = (operation) => {
  const { graph, node } = operation;
  const value = valueAt(operation, 0);
  const kernel = constantAt(operation, 1);
  if (node.flag('transpose_a', false) || value.shape.length !== 1 || kernel.dims.length !== 2) {
    throw node.unsupported(
      'of other factors than rows and a matrix, which the import does not know',
    );
  }
  const turned = node.flag('transpose_b', false) ? permuted(kernel, [1, 0]) : kernel;
  const { bias } = fusedBias(operation, turned.dims[1]);
  return fused(operation, dense(graph, value, turned, bias));
};

const batchNorm: OperationTranslation = (operation) => {
  const { graph, node } = operation;
  const value = valueAt(operation, 0);
  if (node.flag('is_training', false))
    throw node.unsupported('in training, which a network to be scored is not');
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((at) => constantAt(operation, at));
  const statistics = { gamma, beta, mean, variance, epsilon: node.number('epsilon', 1e-4) };
  return of(batchNormalized(graph, value, channelsAxis(node, value), statistics));
};

const pooling =
  (operator: 'MaxPool' | 'AveragePool'): OperationTranslation =>
  (operation) => {
    const { graph, node } = operation;
    const window = { ...windowOf(node), size: heightAndWidth(node, 'ksize') };
    return of(pooled(graph, valueAt(operation, 0), operator, window));
  };

const bias: OperationTranslation = (operation) => {
  const value = valueAt(operation, 0);
  const axis = channelsAxis(operation.node, value);
  return of(biased(operation, value, constantAt(operation, 1), axis));
};

export const windowOperators: readonly (readonly [op: string, OperationTranslation])[] = [
  ['Conv2D', convolution],
  ['_FusedConv2D', convolution],
  ['FusedConv2D', convolution],
  ['DepthwiseConv2dNative', depthwise],
  ['FusedDepthwiseConv2dNative', depthwise],
  ['Conv2DBackpropInput', transposedConvolution],
  ['MatMul', product],
  ['_FusedMatMul', product],
  ['FusedBatchNorm', batchNorm],
  ['FusedBatchNormV2', batchNorm],
  ['FusedBatchNormV3', batchNorm],
  ['BiasAdd', bias],
  ['MaxPool', pooling('MaxPool')],
  ['AvgPool', pooling('AveragePool')],
];
