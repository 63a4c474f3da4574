import { expect, test } from 'vitest';
import type { GraphBuilder, NodeAttribute } from '../../src/onnx/graph-builder.js';
import { type CheckedNetwork, type Constants, gradientErrors } from './gradient-check.js';

/** Gradients against central differences: in float64 where the runtime has the operator in it. */
const TOLERANCE = { float64: 1e-6, float32: 5e-3 };

type Attributes = Readonly<Record<string, NodeAttribute>>;
const node = (
  graph: GraphBuilder,
  operator: string,
  inputs: string[],
  attributes: Attributes = {},
) => graph.node(operator, inputs, { attributes });
const flat = (graph: GraphBuilder, value: string) => node(graph, 'Flatten', [value]);
const PICTURE = [2, 4, 5, 5];

/** One operator of one tensor over rows of 6. */
const alone = (
  operator: string,
  attributes: Attributes = {},
  more: Partial<CheckedNetwork> = {},
): CheckedNetwork => ({
  dims: [3, 6],
  parameters: { scale: [6] },
  write: (graph) => node(graph, operator, [node(graph, 'Mul', ['x', 'scale'])], attributes),
  ...more,
});

const silu = (precision: 'float32' | 'float64'): CheckedNetwork => ({
  ...alone('Mul'),
  write: (graph) => {
    const scaled = node(graph, 'Mul', ['x', 'scale']);
    return node(graph, 'Mul', [node(graph, 'Sigmoid', [scaled]), scaled]);
  },
  precision,
});

/** One operator of two tensors, the second of which broadcasts. */
const between = (operator: string, from?: number): CheckedNetwork => ({
  dims: [3, 2, 3],
  parameters: { other: [2, 1] },
  write: (graph) => flat(graph, node(graph, operator, ['x', 'other'])),
  ...(from === undefined ? {} : { from }),
});

const SINGLE = { precision: 'float32' } as const;

const convolution = (
  weights: readonly number[],
  attributes: Attributes,
  dims: readonly number[] = PICTURE,
): CheckedNetwork => ({
  dims,
  parameters: { weights, bias: [weights[0]] },
  write: (graph) =>
    flat(
      graph,
      node(graph, 'GlobalAveragePool', [
        node(graph, 'Tanh', [node(graph, 'Conv', ['x', 'weights', 'bias'], attributes)]),
      ]),
    ),
  ...SINGLE,
});

const pool = (
  operator: string,
  attributes: Attributes,
  precision: 'float32' | 'float64' = 'float32',
): CheckedNetwork => ({
  dims: [2, 2, 6, 6],
  parameters: {},
  write: (graph) => flat(graph, node(graph, operator, ['x'], attributes)),
  precision,
});

function normed(graph: GraphBuilder, { numbers }: Constants): string {
  const statistics = [numbers([4], [0.3, -0.2, 0.1, 0.5]), numbers([4], [1.5, 0.7, 2, 1.2])];
  return node(graph, 'BatchNormalization', ['x', 'scale', 'bias', ...statistics]);
}

const norm = (training: boolean, precision: 'float32' | 'float64' = 'float64'): CheckedNetwork => ({
  dims: [3, 4, 2, 2],
  parameters: { scale: [4], bias: [4] },
  write: (graph, constants) => flat(graph, node(graph, 'Tanh', [normed(graph, constants)])),
  training,
  precision,
});

const ints = (...list: number[]) => ({ ints: list });
const PADDED = { pads: ints(1, 1, 1, 1) };

/** Convolutions in the layout of the runtime's own kernels. */
const inBlocks = (
  convolutions: Record<string, Parameters<typeof convolution>>,
): Record<string, [network: CheckedNetwork, classes: number]> =>
  Object.fromEntries(
    Object.entries(convolutions).map(([name, given]) => [
      `${name}, in blocks`,
      [{ ...convolution(...given), blocks: true }, given[0][0]],
    ]),
  );

const cases: Record<string, [network: CheckedNetwork, classes: number]> = {
  Add: [between('Add'), 6],
  Sub: [between('Sub'), 6],
  Mul: [between('Mul'), 6],
  Div: [between('Div', 0.5), 6],
  Neg: [alone('Neg'), 6],
  Exp: [alone('Exp'), 6],
  Log: [alone('Log', {}, { from: 0.5 }), 6],
  Sqrt: [alone('Sqrt', {}, { from: 0.5 }), 6],
  Relu: [alone('Relu'), 6],
  // Away from the corner, which a step in float32 would cross.
  'LeakyRelu on both sides of 0': [
    {
      ...alone('LeakyRelu', {}, SINGLE),
      write: (graph, { numbers }) => {
        const signs = numbers([6], [1, -1, 1, -1, 1, -1]);
        const scaled = node(graph, 'Mul', [node(graph, 'Mul', ['x', 'scale']), signs]);
        return node(graph, 'LeakyRelu', [scaled], { alpha: { float: 0.2 } });
      },
      from: 0.2,
    },
    6,
  ],
  Sigmoid: [alone('Sigmoid'), 6],
  Tanh: [alone('Tanh'), 6],
  HardSigmoid: [alone('HardSigmoid', { alpha: { float: 0.9 } }, SINGLE), 6],
  HardSwish: [alone('HardSwish', {}, SINGLE), 6],
  Softmax: [alone('Softmax', { axis: { int: -1 } }), 6],
  LogSoftmax: [alone('LogSoftmax', { axis: { int: 1 } }), 6],
  'SiLU as exporters write it': [silu('float64'), 6],
  'SiLU as exporters write it, float32': [silu('float32'), 6],
  'a gate that is not of what it is multiplied with': [
    {
      ...alone('Neg'),
      write: (graph) =>
        node(graph, 'Mul', [node(graph, 'Mul', ['x', 'scale']), node(graph, 'Sigmoid', ['x'])]),
    },
    6,
  ],
  'Clip as ReLU6': [
    {
      ...alone('Neg'),
      write: (graph, { numbers }) =>
        node(graph, 'Clip', [
          node(graph, 'Mul', ['x', 'scale']),
          numbers([], [-0.3]),
          numbers([], [0.4]),
        ]),
    },
    6,
  ],
  'Gemm, transposed and scaled': [
    {
      dims: [3, 4],
      parameters: { weights: [5, 4], bias: [5] },
      write: (graph) =>
        node(graph, 'Gemm', ['x', 'weights', 'bias'], {
          transB: { int: 1 },
          alpha: { float: 0.5 },
          beta: { float: 2 },
        }),
    },
    5,
  ],
  'Gemm with its first side transposed': [
    {
      dims: [4, 3],
      parameters: { weights: [4, 5], second: [5, 4] },
      write: (graph) => {
        const product = node(graph, 'Gemm', ['x', 'weights'], { transA: { int: 1 } });
        const turned = node(graph, 'Transpose', [node(graph, 'MatMul', [product, 'second'])]);
        return turned;
      },
    },
    3,
  ],
  'MatMul, batched': [
    {
      dims: [3, 2, 4],
      parameters: { weights: [4, 2] },
      write: (graph) => flat(graph, node(graph, 'MatMul', ['x', 'weights'])),
    },
    4,
  ],
  'Reshape, Transpose, Concat, Pad, Squeeze, Unsqueeze': [
    {
      dims: [2, 3, 4],
      parameters: { more: [2, 3, 1] },
      write: (graph, { integers }) => {
        const joined = node(graph, 'Concat', ['x', 'more', 'x'], { axis: { int: 2 } });
        const padded = node(graph, 'Pad', [joined, integers([0, 1, 0, 0, 0, 2])]);
        const turned = node(graph, 'Transpose', [padded], { perm: ints(0, 2, 1) });
        const wide = node(graph, 'Unsqueeze', [turned, integers([1])]);
        const back = node(graph, 'Squeeze', [wide, integers([1])]);
        return node(graph, 'Reshape', [back, integers([0, -1])]);
      },
    },
    44,
  ],
  'a view that keeps the batch, as exporters write it': [
    {
      dims: [2, 3, 4],
      parameters: { scale: [4] },
      write: (graph, { integers }) => {
        const scaled = node(graph, 'Mul', ['x', 'scale']);
        const batch = node(graph, 'Gather', [node(graph, 'Shape', [scaled]), integers([0])]);
        const shape = node(graph, 'Concat', [batch, integers([-1])], { axis: { int: 0 } });
        return node(graph, 'Reshape', [scaled, shape]);
      },
    },
    12,
  ],
  ReduceMean: [
    {
      ...pool('ReduceMean', { axes: ints(2, 3), keepdims: { int: 0 } }, 'float64'),
      write: (graph) =>
        node(graph, 'ReduceMean', ['x'], { axes: ints(-2, 3), keepdims: { int: 0 } }),
    },
    2,
  ],
  ReduceSum: [
    {
      ...pool('ReduceSum', {}, 'float64'),
      write: (graph, { integers }) => flat(graph, node(graph, 'ReduceSum', ['x', integers([3])])),
    },
    12,
  ],
  GlobalAveragePool: [pool('GlobalAveragePool', {}), 2],
  'MaxPool, overlapping and padded': [
    pool(
      'MaxPool',
      { kernel_shape: ints(3, 3), strides: ints(2, 2), pads: ints(1, 1, 1, 1) },
      'float64',
    ),
    18,
  ],
  'MaxPool, in a form for every provider': [
    {
      ...pool('MaxPool', {
        kernel_shape: ints(3, 3),
        strides: ints(2, 2),
        pads: ints(1, 1, 1, 1),
      }),
      portable: true,
    },
    18,
  ],
  'MaxPool that leaves places out, in a form for every provider': [
    {
      ...pool('MaxPool', { kernel_shape: ints(2, 2), strides: ints(3, 3) }),
      portable: true,
    },
    8,
  ],
  'AveragePool, overlapping': [
    pool('AveragePool', { kernel_shape: ints(3, 3), strides: ints(2, 2), pads: ints(1, 1, 1, 1) }),
    18,
  ],
  'AveragePool that counts its padding': [
    pool('AveragePool', {
      kernel_shape: ints(2, 2),
      strides: ints(2, 2),
      pads: ints(1, 1, 0, 0),
      count_include_pad: { int: 1 },
    }),
    18,
  ],
  'BatchNormalization with running statistics': [norm(false), 16],
  'BatchNormalization with those of the batch': [norm(true), 16],
  'BatchNormalization with those of the batch, in a form for every provider': [
    { ...norm(true, 'float32'), portable: true },
    16,
  ],
  'BatchNormalization with those of the batch, float32': [norm(true, 'float32'), 16],
  'BatchNormalization with those of the batch, in blocks of places': [
    {
      ...norm(true, 'float32'),
      dims: [3, 4, 16, 16],
      write: (graph, constants) =>
        flat(
          graph,
          node(graph, 'GlobalAveragePool', [node(graph, 'Tanh', [normed(graph, constants)])]),
        ),
      blocks: true,
    },
    4,
  ],
  'Conv 1 × 1': [convolution([3, 4, 1, 1], {}), 3],
  'Conv 1 × 1 over many places': [convolution([3, 4, 1, 1], {}, [2, 4, 9, 9]), 3],
  'Conv 3 × 3, padded': [convolution([3, 4, 3, 3], { pads: ints(1, 1, 1, 1) }), 3],
  'Conv 3 × 3 over many places': [
    convolution([2, 1, 3, 3], { pads: ints(1, 1, 1, 1) }, [2, 1, 24, 24]),
    2,
  ],
  'Conv 3 × 3, stride 2': [
    convolution([3, 4, 3, 3], { pads: ints(1, 1, 1, 1), strides: ints(2, 2) }),
    3,
  ],
  'Conv 3 × 3, stride 2 on an even picture, padded behind': [
    convolution([3, 4, 3, 3], { pads: ints(0, 0, 1, 1), strides: ints(2, 2) }, [2, 4, 6, 6]),
    3,
  ],
  'Conv 1 × 1, stride 2': [convolution([3, 4, 1, 1], { strides: ints(2, 2) }), 3],
  'Conv with dilation': [
    convolution([3, 4, 3, 3], { pads: ints(2, 2, 2, 2), dilations: ints(2, 2) }),
    3,
  ],
  'Conv in groups': [convolution([6, 2, 3, 3], { pads: ints(1, 1, 1, 1), group: { int: 2 } }), 6],
  'Conv in groups, stride 2': [
    convolution([6, 2, 3, 3], { pads: ints(1, 1, 1, 1), strides: ints(2, 2), group: { int: 2 } }),
    6,
  ],
  'Conv depthwise': [convolution([4, 1, 3, 3], { pads: ints(1, 1, 1, 1), group: { int: 4 } }), 4],
  'Conv depthwise 5 × 5, stride 2': [
    convolution(
      [4, 1, 5, 5],
      { pads: ints(2, 2, 2, 2), strides: ints(2, 2), group: { int: 4 } },
      [2, 4, 8, 8],
    ),
    4,
  ],
  'Conv depthwise, stride 2, dilated, padded unevenly': [
    convolution(
      [3, 1, 3, 3],
      { pads: ints(1, 2, 2, 1), strides: ints(2, 2), dilations: ints(1, 2), group: { int: 3 } },
      [2, 3, 18, 24],
    ),
    3,
  ],
  ...inBlocks({
    'Conv depthwise': [[16, 1, 3, 3], { ...PADDED, group: { int: 16 } }, [2, 16, 9, 7]],
    'Conv depthwise 5 × 5, stride 2': [
      [16, 1, 5, 5],
      { pads: ints(2, 2, 2, 2), strides: ints(2, 2), group: { int: 16 } },
      [2, 16, 8, 8],
    ],
    'Conv depthwise, stride 2, that leaves the last places out': [
      [16, 1, 1, 2],
      { strides: ints(2, 3), group: { int: 16 } },
      [2, 16, 6, 10],
    ],
    'Conv depthwise, dilated, padded unevenly': [
      [16, 1, 3, 3],
      { pads: ints(1, 2, 2, 1), dilations: ints(1, 2), group: { int: 16 } },
      [2, 16, 8, 9],
    ],
    Conv: [[16, 32, 3, 3], PADDED, [1, 32, 48, 48]],
    'Conv over pictures': [[32, 16, 3, 3], PADDED, [32, 16, 6, 7]],
    'Conv over pictures, of few channels': [[16, 3, 3, 3], PADDED, [16, 3, 8, 9]],
    'Conv over pictures, stride 2': [
      [16, 16, 3, 3],
      { ...PADDED, strides: ints(2, 2) },
      [16, 16, 15, 16],
    ],
    'Conv over pictures, stride 2, that leaves the last places out': [
      [16, 16, 2, 3],
      { strides: ints(3, 2), pads: ints(0, 1, 0, 0) },
      [16, 16, 19, 22],
    ],
    'Conv over bands of pictures': [[16, 32, 3, 3], PADDED, [8, 32, 6, 7]],
    'Conv over bands of pictures, stride 2': [
      [16, 16, 3, 3],
      { ...PADDED, strides: ints(2, 2) },
      [12, 16, 15, 9],
    ],
    'Conv over pictures, 1 × 1, stride 2': [
      [16, 16, 1, 1],
      { strides: ints(2, 2) },
      [16, 16, 9, 9],
    ],
  }),
  'Conv with SAME_UPPER': [
    convolution(
      [3, 4, 3, 3],
      { auto_pad: { string: 'SAME_UPPER' }, strides: ints(2, 2) },
      [2, 4, 6, 6],
    ),
    3,
  ],
};

test.each(Object.entries(cases))('%s', async (_name, [network, classes]) => {
  const errors = await gradientErrors(network, classes);
  expect(Object.keys(errors).sort()).toEqual([...Object.keys(network.parameters), 'x'].sort());
  for (const [target, error] of Object.entries(errors))
    expect(error, target).toBeLessThan(TOLERANCE[network.precision ?? 'float64']);
});
