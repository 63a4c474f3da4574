import type { GraphNode } from '../graph.js';
import type { Model } from '../model.js';
import { modulesOf } from '../modules.js';
import { integersOf, storedTensors } from './constants.js';

/** Where the channels of a map stand. */
export type ChannelLayout = 'NCHW' | 'NHWC';

/** Operators that take and give maps with channels first. */
const channelsFirst = new Set([
  ...['Conv', 'ConvTranspose', 'BatchNormalization', 'InstanceNormalization', 'MaxPool'],
  ...['AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'LRN', 'DepthToSpace', 'SpaceToDepth'],
  ...['GroupNormalization', 'QLinearConv', 'ConvInteger', 'FusedConv', 'LpPool'],
]);

/** Operators that leave every element in its place. */
const inPlace = new Set([
  ...['Relu', 'LeakyRelu', 'PRelu', 'Elu', 'Selu', 'Celu', 'Gelu', 'Sigmoid', 'HardSigmoid'],
  ...['HardSwish', 'Mish', 'Softplus', 'Softsign', 'Tanh', 'Erf', 'Exp', 'Sqrt', 'Clip', 'Abs'],
  ...['Neg', 'Add', 'Sub', 'Mul', 'Div', 'Pow', 'Identity', 'Cast', 'Dropout', 'Pad', 'Slice'],
  ...['QuantizeLinear', 'DequantizeLinear', 'Concat'],
]);

/** Steps that are taken in either direction. */
const MOST_STEPS = 200;

/** The layout of a value of four axes, from the operators around it; undefined where none shows it. */
export function channelLayout(model: Model, value: string): ChannelLayout | undefined {
  const { flow } = modulesOf(model);
  const tensors = storedTensors(model);
  const permutation = (node: GraphNode) =>
    String(integersOf(node, tensors, { attribute: 'perm', input: -1 }) ?? '');
  const isLinear = ({ operator, inputs }: GraphNode) =>
    operator === 'Gemm' || (operator === 'MatMul' && !flow.data.has(inputs[1] ?? ''));
  const madeBy = (node: GraphNode): ChannelLayout | undefined => {
    if (channelsFirst.has(node.operator)) return 'NCHW';
    if (node.operator === 'LayerNormalization' || isLinear(node)) return 'NHWC';
    if (node.operator !== 'Transpose') return undefined;
    return ({ '0,2,3,1': 'NHWC', '0,3,1,2': 'NCHW' } as const)[permutation(node)];
  };
  const readBy = (node: GraphNode): ChannelLayout | undefined => {
    if (node.operator !== 'Transpose') return madeBy(node);
    return ({ '0,2,3,1': 'NCHW', '0,3,1,2': 'NHWC' } as const)[permutation(node)];
  };
  const search = (direction: 'back' | 'on'): ChannelLayout | undefined => {
    const open = [value];
    const met = new Set(open);
    for (let step = 0; open.length > 0 && step < MOST_STEPS; step++) {
      const name = open.shift() as string;
      const indices =
        direction === 'back' ? [flow.producers.get(name) ?? -1] : (flow.consumers.get(name) ?? []);
      for (const node of indices.flatMap((index) => flow.nodes[index] ?? [])) {
        const found = direction === 'back' ? madeBy(node) : readBy(node);
        if (found) return found;
        if (!inPlace.has(node.operator)) continue;
        for (const next of direction === 'back' ? node.inputs : node.outputs) {
          if (!flow.data.has(next) || met.has(next)) continue;
          met.add(next);
          open.push(next);
        }
      }
    }
    return undefined;
  };
  return search('back') ?? search('on');
}
