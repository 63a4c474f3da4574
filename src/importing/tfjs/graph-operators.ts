import { activated, softmax } from '../keras/activations.js';
import type { Size, Value } from '../keras/network-graph.js';
import { batchNormalized } from '../keras/normalizations.js';
import {
  clipped,
  concatenated,
  constantLike,
  dense,
  elementwise,
  type Merge,
  merge,
  padded,
  permuted,
  reduced,
  reshaped,
  transposed,
  type Weight,
} from '../keras/operations.js';
import {
  convolved,
  convolvedByChannel,
  convolvedTransposed,
  pooled,
  repeated,
  type Window,
} from '../keras/windows.js';
import type { GraphNode } from './graph-nodes.js';
import {
  channelsAxis,
  channelsFirst,
  constantAt,
  folded,
  heightAndWidth,
  type Operand,
  type Operation,
  sizesAt,
  valueAt,
  wholesAt,
} from './graph-operands.js';

type Translation = (operation: Operation) => Operand;

const of = (value: Value): Operand => ({ is: 'value', value });

/** Translates one node. Throws `import-unsupported`, `checkpoint-invalid`. */
export function translateNode(operation: Operation): Operand {
  const translation = translations.get(operation.node.op);
  if (translation === undefined) throw operation.node.unsupported();
  return translation(operation);
}

function windowOf(node: GraphNode): Window {
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

/** What a fused node does after its convolution or product: a bias, an activation. */
function fused(operation: Operation, result: Value, convolution: boolean): Operand {
  const { graph, node } = operation;
  let value = result;
  let next = 2;
  for (const name of node.has('fused_ops') ? node.texts('fused_ops') : []) {
    if (name === 'BiasAdd') {
      const axis = convolution ? channelsAxis(node, value) : value.shape.length;
      value = biased(operation, value, constantAt(operation, next++), axis);
    } else if (name === 'Prelu') {
      value = sloped(operation, value, constantAt(operation, next++));
    } else if (name === 'LeakyRelu') {
      value = elementwise(graph, name, value, {
        alpha: { float: node.number('leakyrelu_alpha', 0.2) },
      });
    } else if (plain.has(name)) {
      value = activated(graph, value, plain.get(name) ?? '', 2);
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

function sloped(operation: Operation, value: Value, alpha: Weight): Value {
  const { graph } = operation;
  const name = graph.node('PRelu', [value.name, constantOn(operation, value, alpha)]);
  return { ...value, name };
}

const convolution: Translation = (operation) => {
  const { graph, node } = operation;
  const value = valueAt(operation, 0);
  const kernel = kernelAt(operation, 1);
  const channels = value.shape[channelsAxis(node, value) - 1];
  const groups = channels === null ? 1 : channels / kernel.dims[2];
  if (!Number.isInteger(groups))
    throw node.refuse('input 1', `a kernel for ${channels} channels`, kernel.dims);
  return fused(operation, convolved(graph, value, kernel, { ...windowOf(node), groups }), true);
};

const depthwise: Translation = (operation) => {
  const kernel = kernelAt(operation, 1);
  const window = windowOf(operation.node);
  return fused(
    operation,
    convolvedByChannel(operation.graph, valueAt(operation, 0), kernel, window),
    true,
  );
};

const transposedConvolution: Translation = (operation) => {
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

const product: Translation = (operation) => {
  const { graph, node } = operation;
  const value = valueAt(operation, 0);
  const kernel = constantAt(operation, 1);
  if (node.flag('transpose_a', false) || value.shape.length !== 1 || kernel.dims.length !== 2) {
    throw node.unsupported(
      'of other factors than rows and a matrix, which the import does not know',
    );
  }
  const turned = node.flag('transpose_b', false) ? permuted(kernel, [1, 0]) : kernel;
  return fused(operation, dense(graph, value, turned), false);
};

const batchNorm: Translation = (operation) => {
  const { graph, node } = operation;
  const value = valueAt(operation, 0);
  if (node.flag('is_training', false))
    throw node.unsupported('in training, which a network to be scored is not');
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((at) => constantAt(operation, at));
  const statistics = { gamma, beta, mean, variance, epsilon: node.number('epsilon', 1e-4) };
  return of(batchNormalized(graph, value, channelsAxis(node, value), statistics));
};

const pooling =
  (operator: 'MaxPool' | 'AveragePool'): Translation =>
  (operation) => {
    const { graph, node } = operation;
    const window = { ...windowOf(node), size: heightAndWidth(node, 'ksize') };
    return of(pooled(graph, valueAt(operation, 0), operator, window));
  };

/** A constant as it meets a value, numpy's way: its axes are the value's last ones. */
function constantOn({ graph, node }: Operation, value: Value, weight: Weight): string {
  const rank = value.shape.length;
  const dims =
    weight.dims.length === rank + 1 && weight.dims[0] === 1 ? weight.dims.slice(1) : weight.dims;
  const full = [...Array.from({ length: Math.max(rank - dims.length, 0) }, () => 1), ...dims];
  const fits =
    full.length === rank && full.every((size, at) => size === 1 || size === value.shape[at]);
  if (fits) return constantLike(graph, 'constant', { dims: full, data: weight.data }, value);
  throw node.unsupported(
    `of [${value.shape.join(', ')}] and a constant of [${weight.dims.join(', ')}], which the import does not know`,
  );
}

const binary =
  (operator: Merge, compute: (x: number, y: number) => number): Translation =>
  (operation) => {
    const { graph, node, operands } = operation;
    const [a, b] = operands;
    if (a?.is === 'constant' && b?.is === 'constant') {
      return { is: 'constant', weight: folded(node, a.weight, b.weight, compute) };
    }
    if (a?.is === 'value' && b?.is === 'value') {
      if (a.value.shape.length !== b.value.shape.length)
        throw node.unsupported('of values of two ranks, which the import does not know');
      return of(merge(graph, operator, [a.value, b.value]));
    }
    const at = a?.is === 'value' ? 0 : 1;
    const value = valueAt(operation, at);
    const constant = constantOn(operation, value, constantAt(operation, 1 - at));
    const inputs = at === 0 ? [value.name, constant] : [constant, value.name];
    return of({ ...value, name: graph.node(operator, inputs) });
  };

const sum: Translation = (operation) =>
  of(
    merge(
      operation.graph,
      'Add',
      operation.operands.map((_, at) => valueAt(operation, at)),
    ),
  );

/** A function of every element, of a value or of a constant. */
const unary =
  (operators: readonly string[], compute: (x: number) => number): Translation =>
  (operation) => {
    const [operand] = operation.operands;
    if (operand?.is === 'constant') {
      const { dims, data } = operand.weight;
      return { is: 'constant', weight: { dims, data: data.map(compute) } };
    }
    return of(
      operators.reduce(
        (value, operator) => elementwise(operation.graph, operator, value),
        valueAt(operation, 0),
      ),
    );
  };

/** Activations that Keras has too, by its names. */
const plain = new Map([
  ['Relu', 'relu'],
  ['Relu6', 'relu6'],
  ['Elu', 'elu'],
  ['Selu', 'selu'],
  ['Sigmoid', 'sigmoid'],
  ['Tanh', 'tanh'],
  ['Softplus', 'softplus'],
  ['Softsign', 'softsign'],
]);

const reduction =
  (operator: 'ReduceMean' | 'ReduceMax'): Translation =>
  (operation) => {
    const value = valueAt(operation, 0);
    const rank = value.shape.length + 1;
    const axes = wholesAt(operation, 1).map((axis) => (axis < 0 ? axis + rank : axis));
    if (axes.some((axis) => axis < 1 || axis >= rank) || new Set(axes).size !== axes.length) {
      throw operation.node.refuse('input 1', `axes from 1 to ${rank - 1}`, axes);
    }
    return of(
      reduced(operation.graph, operator, value, axes, operation.node.flag('keep_dims', false)),
    );
  };

/** The first size is the batch's, however it is written; the others must be those of one picture. */
const reshape: Translation = (operation) => {
  const { graph, node } = operation;
  const [, ...target] = sizesAt(operation, 1);
  return of(reshaped(graph, valueAt(operation, 0), fitting(node, target)));
};

function fitting(node: GraphNode, target: readonly Size[]): number[] {
  if (target.length > 7) throw node.refuse('the shape', 'at most 8 sizes', target);
  return target.map((size) => size ?? -1);
}

const squeeze: Translation = (operation) => {
  const { graph, node } = operation;
  const value = valueAt(operation, 0);
  const rank = value.shape.length + 1;
  const given = node.wholes('squeeze_dims').map((axis) => (axis < 0 ? axis + rank : axis));
  const goes = (at: number) =>
    given.length === 0 ? value.shape[at] === 1 : given.includes(at + 1);
  if (given.some((axis) => axis < 1 || axis >= rank || value.shape[axis - 1] !== 1)) {
    throw node.refuse('squeeze_dims', 'axes of size 1 behind the batch', given);
  }
  return of(
    reshaped(
      graph,
      value,
      fitting(
        node,
        value.shape.filter((_, at) => !goes(at)),
      ),
    ),
  );
};

const expand: Translation = (operation) => {
  const { graph, node } = operation;
  const value = valueAt(operation, 0);
  const [given] = wholesAt(operation, 1);
  const axis = given < 0 ? given + value.shape.length + 2 : given;
  if (!(axis >= 1 && axis <= value.shape.length + 1))
    throw node.refuse('input 1', 'an axis behind the batch', given);
  const target = [...value.shape.slice(0, axis - 1), 1, ...value.shape.slice(axis - 1)];
  return of(reshaped(graph, value, fitting(node, target)));
};

const pad: Translation = (operation) => {
  const { graph, node, operands } = operation;
  const value = valueAt(operation, 0);
  const flat = wholesAt(operation, 1);
  const margins = value.shape.map((_, at): [number, number] => [
    flat[2 * at + 2],
    flat[2 * at + 3],
  ]);
  const fits =
    flat.length === 2 * value.shape.length + 2 && flat.every((size) => size >= 0 && size <= 65_536);
  if (!fits || flat[0] + flat[1] > 0)
    throw node.refuse('input 1', 'margins behind the batch', flat);
  const [filling = 0] = operands.length > 2 ? constantAt(operation, 2).data : [];
  return of(padded(graph, value, margins, filling));
};

const concat: Translation = (operation) => {
  const last = operation.operands.length - 1;
  const [axis] = wholesAt(operation, last);
  const values = operation.operands.slice(0, last).map((_, at) => valueAt(operation, at));
  return of(concatenated(operation.graph, values, axis));
};

const clip: Translation = (operation) => {
  const [least, most] = [1, 2].map((at) => constantAt(operation, at).data);
  if (least.length !== 1 || most.length !== 1)
    throw operation.node.refuse('bounds', 'two numbers', [least.length, most.length]);
  return of(clipped(operation.graph, valueAt(operation, 0), least[0], most[0]));
};

const nearest: Translation = (operation) => {
  const { graph, node } = operation;
  const value = valueAt(operation, 0);
  const sizes = wholesAt(operation, 1);
  const factors = sizes.map((size, at) => size / (value.shape[at] ?? Number.NaN));
  if (node.flag('align_corners', false) || sizes.length !== 2 || !factors.every(Number.isInteger)) {
    throw node.unsupported('by other than whole factors, which the import does not know');
  }
  return of(repeated(graph, value, factors, false));
};

/** A part of a list of sizes: `sizes[begin:end]`, or one of them. */
const stridedSlice: Translation = (operation) => {
  const { node, operands } = operation;
  const [list] = operands;
  if (list?.is !== 'sizes') throw node.unsupported('of a value, which the import does not know');
  const [[begin], [end], [stride]] = [1, 2, 3].map((at) => wholesAt(operation, at));
  if (stride !== 1) throw node.unsupported('in steps, which the import does not know');
  const mask = (name: string) => node.number(name, 0) % 2 === 1;
  const from = mask('begin_mask') ? 0 : begin;
  if (mask('shrink_axis_mask')) return { is: 'sizes', sizes: [list.sizes.at(from) ?? null] };
  return { is: 'sizes', sizes: list.sizes.slice(from, mask('end_mask') ? undefined : end) };
};

/** Sizes joined to a shape. */
const pack: Translation = (operation) => ({
  is: 'sizes',
  sizes: operation.operands.flatMap((_, at) => sizesAt(operation, at)),
});

const shape: Translation = (operation) => ({
  is: 'sizes',
  sizes: [null, ...valueAt(operation, 0).shape],
});

const same: Translation = ({ node, operands: [operand] }) => {
  if (operand === undefined) throw node.refuse('input', 'one', 'none');
  return operand;
};

const translations = new Map<string, Translation>([
  ...['Identity', 'StopGradient', 'Snapshot', 'PreventGradient', 'Cast'].map(
    (op): [string, Translation] => [op, same],
  ),
  ...['Conv2D', '_FusedConv2D', 'FusedConv2D'].map((op): [string, Translation] => [
    op,
    convolution,
  ]),
  ...['DepthwiseConv2dNative', 'FusedDepthwiseConv2dNative'].map((op): [string, Translation] => [
    op,
    depthwise,
  ]),
  ['Conv2DBackpropInput', transposedConvolution],
  ...['MatMul', '_FusedMatMul'].map((op): [string, Translation] => [op, product]),
  ...['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'].map((op): [string, Translation] => [
    op,
    batchNorm,
  ]),
  [
    'BiasAdd',
    (operation) => {
      const value = valueAt(operation, 0);
      const axis = channelsAxis(operation.node, value);
      return of(biased(operation, value, constantAt(operation, 1), axis));
    },
  ],
  ['Add', binary('Add', (x, y) => x + y)],
  ['AddV2', binary('Add', (x, y) => x + y)],
  ['Sub', binary('Sub', (x, y) => x - y)],
  ['Mul', binary('Mul', (x, y) => x * y)],
  ['RealDiv', binary('Div', (x, y) => x / y)],
  ['Maximum', binary('Max', Math.max)],
  ['Minimum', binary('Min', Math.min)],
  ['AddN', sum],
  ...[...plain].map(([op, name]): [string, Translation] => [
    op,
    (operation) => of(activated(operation.graph, valueAt(operation, 0), name, 2)),
  ]),
  [
    'LeakyRelu',
    (operation) =>
      of(
        elementwise(operation.graph, 'LeakyRelu', valueAt(operation, 0), {
          alpha: { float: operation.node.number('alpha', 0.2) },
        }),
      ),
  ],
  ['Prelu', (operation) => of(sloped(operation, valueAt(operation, 0), constantAt(operation, 1)))],
  ['Softmax', (operation) => of(softmax(operation.graph, valueAt(operation, 0), -1))],
  ['ClipByValue', clip],
  ['Exp', unary(['Exp'], Math.exp)],
  ['Sqrt', unary(['Sqrt'], Math.sqrt)],
  ['Rsqrt', unary(['Sqrt', 'Reciprocal'], (x) => 1 / Math.sqrt(x))],
  ['Neg', unary(['Neg'], (x) => -x)],
  ['Abs', unary(['Abs'], Math.abs)],
  ['Log', unary(['Log'], Math.log)],
  ['MaxPool', pooling('MaxPool')],
  ['AvgPool', pooling('AveragePool')],
  ['Mean', reduction('ReduceMean')],
  ['Max', reduction('ReduceMax')],
  ['Reshape', reshape],
  ['Squeeze', squeeze],
  ['ExpandDims', expand],
  ['Pad', pad],
  ['PadV2', pad],
  ['ConcatV2', concat],
  [
    'Transpose',
    (operation) => of(transposed(operation.graph, valueAt(operation, 0), wholesAt(operation, 1))),
  ],
  ['ResizeNearestNeighbor', nearest],
  ['Shape', shape],
  ['StridedSlice', stridedSlice],
  ['Pack', pack],
]);
