import { expect, test } from 'vitest';
import type { GraphBuilder, NodeAttribute } from '../../src/onnx/graph-builder.js';
import { type CheckedNetwork, type Constants, gradientErrors } from './gradient-check.js';

/** Operators that exporters write for convolutional networks and transformers, against central differences. */
const TOLERANCE = { float64: 1e-6, float32: 5e-3 };

type Attributes = Readonly<Record<string, NodeAttribute>>;
const ints = (...list: number[]) => ({ ints: list });
const int = (number: number) => ({ int: number });
const string = (text: string) => ({ string: text });

const node = (
  graph: GraphBuilder,
  operator: string,
  inputs: string[],
  attributes: Attributes = {},
) => graph.node(operator, inputs, { attributes });
const flat = (graph: GraphBuilder, value: string) => node(graph, 'Flatten', [value]);

type Written = (graph: GraphBuilder, scaled: string, constants: Constants) => string;

/** A network of what is written, of x · scale; the result is flattened. */
const of = (
  dims: readonly number[],
  write: Written,
  more: Partial<CheckedNetwork> = {},
): CheckedNetwork => ({
  dims,
  parameters: { scale: [dims[dims.length - 1]], ...more.parameters },
  write: (graph, constants) =>
    flat(graph, write(graph, node(graph, 'Mul', ['x', 'scale']), constants)),
  ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== 'parameters')),
});

const SINGLE = { precision: 'float32' } as const;
const PICTURE = [2, 4, 4, 6];

/** One operator of one tensor. */
const alone = (
  operator: string,
  attributes: Attributes = {},
  more: Partial<CheckedNetwork> = {},
): CheckedNetwork => of([3, 6], (graph, x) => node(graph, operator, [x], attributes), more);

/** Values away from 0 on both sides, so that no step crosses a corner. */
const signed = (write: (graph: GraphBuilder, value: string, constants: Constants) => string) =>
  of(
    [3, 6],
    (graph, x, constants) => {
      const signs = constants.numbers([6], [1, -1, 1, -1, 1, -1]);
      return write(graph, node(graph, 'Mul', [x, signs]), constants);
    },
    { from: 0.3, ...SINGLE },
  );

/** A Slice by starts, ends, and where they are given axes and steps. */
const slice = (
  graph: GraphBuilder,
  value: string,
  { integers }: Constants,
  ...lists: readonly number[][]
) => node(graph, 'Slice', [value, ...lists.map((list) => integers(list))]);

const cases: Record<string, [network: CheckedNetwork, classes: number]> = {
  'Slice with steps, as a shortcut without weights': [
    of(PICTURE, (graph, x, constants) =>
      slice(graph, x, constants, [0, 0], [2 ** 31, 2 ** 31], [2, 3], [2, 2]),
    ),
    24,
  ],
  'Slice of an uneven number of places': [
    of([2, 3, 7], (graph, x, constants) => slice(graph, x, constants, [1], [7], [-1], [3])),
    6,
  ],
  'Slice backwards, with starts and ends beyond the value': [
    of([2, 3, 7], (graph, x, constants) => slice(graph, x, constants, [100], [-100], [2], [-2])),
    12,
  ],
  'Slice counted from behind, of the first axes': [
    of([2, 3, 7], (graph, x, constants) => slice(graph, x, constants, [0, -2], [2, -1])),
    7,
  ],
  'Gather of one place, such as a class token': [
    of([2, 3, 4], (graph, x) => {
      const place = graph.initializer('place', [], BigInt64Array.of(-1n));
      return node(graph, 'Gather', [x, place], { axis: int(1) });
    }),
    4,
  ],
  'Gather of places that are taken twice, or never': [
    of([2, 5, 3], (graph, x, { integers }) =>
      node(graph, 'Gather', [x, integers([0, 2, 2, -1])], { axis: int(1) }),
    ),
    12,
  ],
  'Gather from a table of biases': [
    of(
      [2, 6],
      (graph, x) => {
        const places = graph.initializer(
          'places',
          [2, 3],
          BigInt64Array.of(0n, 3n, 1n, 3n, 2n, 0n),
        );
        const picked = node(graph, 'Gather', ['table', places]);
        const row = graph.initializer('row', [2], BigInt64Array.of(1n, -1n));
        return node(graph, 'Add', [x, node(graph, 'Reshape', [picked, row])]);
      },
      { parameters: { table: [4] } },
    ),
    6,
  ],
  'Split in equal parts': [
    of([2, 6], (graph, x) => {
      graph.node('Split', [x], {
        outputs: ['first', 'second'],
        attributes: { axis: int(1) },
      });
      return node(graph, 'Mul', ['first', 'second']);
    }),
    3,
  ],
  'Split in given parts, one of which nothing reads': [
    of([2, 6], (graph, x, { integers }) => {
      graph.node('Split', [x, integers([1, 3, 2])], {
        outputs: ['first', 'rest', 'last'],
        attributes: { axis: int(-1) },
      });
      return node(graph, 'Add', ['first', 'last']);
    }),
    2,
  ],
  'ScatterND, as an assignment to places': [
    of(
      [3, 4],
      (graph, x) => {
        const places = graph.initializer('places', [2, 1], BigInt64Array.of(2n, 0n));
        return node(graph, 'ScatterND', [x, places, 'rows']);
      },
      { parameters: { rows: [2, 4] } },
    ),
    4,
  ],
  Expand: [
    of([2, 1, 3], (graph, x, { integers }) => node(graph, 'Expand', [x, integers([2, 4, 3])])),
    12,
  ],
  'Expand as exporters write it for a class token': [
    of(
      [2, 3, 4],
      (graph, x) => {
        const axis = graph.initializer('axis', [1], BigInt64Array.of(0n));
        const first = graph.initializer('first', [], BigInt64Array.of(0n));
        const minus = graph.initializer('minus', [3], BigInt64Array.of(-1n, -1n, -1n));
        const three = graph.initializer('three', [1], BigInt64Array.of(3n));
        const batch = node(graph, 'Gather', [node(graph, 'Shape', [x]), first]);
        const sizes = node(
          graph,
          'Concat',
          [
            node(graph, 'Unsqueeze', [batch, axis]),
            graph.initializer('rest', [2], BigInt64Array.of(-1n, -1n)),
          ],
          { axis: int(0) },
        );
        const ones = node(graph, 'ConstantOfShape', [three], {
          value: { tensor: { dims: [1], elements: BigInt64Array.of(1n) } },
        });
        const same = node(graph, 'Equal', [sizes, node(graph, 'Mul', [ones, minus])]);
        const asked = node(graph, 'Where', [same, ones, sizes]);
        const tokens = node(graph, 'Expand', ['token', asked]);
        return node(graph, 'Concat', [tokens, x], { axis: int(1) });
      },
      { parameters: { token: [1, 1, 4] } },
    ),
    16,
  ],
  Tile: [
    of([2, 2, 3], (graph, x, { integers }) => node(graph, 'Tile', [x, integers([1, 2, 3])])),
    36,
  ],
  'Where, of a mask and of a comparison': [
    of([2, 6], (graph, x, { numbers }) => {
      const mask = graph.initializer('mask', [6], Uint8Array.of(1, 0, 1, 1, 0, 0));
      const holds = node(graph, 'Cast', [mask], { to: int(9) });
      const masked = node(graph, 'Where', [holds, x, numbers([], [-2])]);
      const low = node(graph, 'Less', ['x', numbers([], [10])]);
      return node(graph, 'Where', [low, node(graph, 'Exp', [masked]), x]);
    }),
    6,
  ],
  'Pad by reflection': [
    of(PICTURE, (graph, x, { integers }) =>
      node(graph, 'Pad', [x, integers([0, 0, 1, 2, 0, 0, 2, 0])], { mode: string('reflect') }),
    ),
    224,
  ],
  'Pad by the edge': [
    of([2, 3, 4], (graph, x, { integers }) =>
      node(graph, 'Pad', [x, integers([0, 0, 2, 0, 1, 1])], { mode: string('edge') }),
    ),
    28,
  ],
  'Pad that cuts': [
    of([2, 3, 4], (graph, x, { integers }) =>
      node(graph, 'Pad', [x, integers([0, -1, 2, 0, 0, -1])]),
    ),
    10,
  ],
  'DepthToSpace, as PixelShuffle': [
    of([2, 8, 2, 3], (graph, x) =>
      node(graph, 'DepthToSpace', [x], { blocksize: int(2), mode: string('CRD') }),
    ),
    48,
  ],
  'DepthToSpace, depth first': [
    of([2, 8, 2, 3], (graph, x) => node(graph, 'DepthToSpace', [x], { blocksize: int(2) })),
    48,
  ],
  SpaceToDepth: [
    of([2, 2, 4, 6], (graph, x) => node(graph, 'SpaceToDepth', [x], { blocksize: int(2) })),
    48,
  ],
  'Pow of constant exponents': [
    of(
      [3, 6],
      (graph, x, { numbers }) => {
        const square = node(graph, 'Pow', [x, numbers([], [2])]);
        return node(graph, 'Add', [square, node(graph, 'Pow', [x, numbers([], [1.5])])]);
      },
      { from: 0.3 },
    ),
    6,
  ],
  'Pow of a learned exponent': [
    of([3, 6], (graph, x) => node(graph, 'Pow', [x, 'power']), {
      parameters: { power: [1] },
      from: 0.3,
    }),
    6,
  ],
  Reciprocal: [alone('Reciprocal', {}, { from: 0.5 }), 6],
  Abs: [signed((graph, x) => node(graph, 'Abs', [x])), 6],
  'Sin and Cos': [
    of([3, 6], (graph, x) =>
      node(graph, 'Add', [node(graph, 'Sin', [x]), node(graph, 'Cos', ['x'])]),
    ),
    6,
  ],
  'Sum of three': [
    of([3, 6], (graph, x) => node(graph, 'Sum', [x, 'x', 'other']), {
      parameters: { other: [1, 6] },
    }),
    6,
  ],
  'Min and Max': [
    of([3, 6], (graph, x, { numbers }) => {
      const low = numbers([6], [-0.3, -0.2, -0.1, 0.1, 0.2, 0.3]);
      return node(graph, 'Min', [node(graph, 'Max', [x, low]), 'x']);
    }),
    6,
  ],
  'what is the same about nearly every input': [
    of(
      [3, 6],
      (graph, x, { numbers }) => {
        const small = node(graph, 'Mul', [x, numbers([], [0.08])]);
        const steps = ['Sign', 'Floor', 'Ceil', 'Round'].map((each) => node(graph, each, [small]));
        return node(graph, 'Sum', [x, ...steps]);
      },
      { from: 0.3, ...SINGLE },
    ),
    6,
  ],
  Erf: [alone('Erf', {}, SINGLE), 6],
  'GELU as exporters write it': [
    of(
      [3, 6],
      (graph, x, { numbers }) => {
        const erf = node(graph, 'Erf', [node(graph, 'Div', [x, numbers([], [Math.SQRT2])])]);
        const gate = node(graph, 'Mul', [x, node(graph, 'Add', [erf, numbers([], [1])])]);
        return node(graph, 'Mul', [gate, numbers([], [0.5])]);
      },
      SINGLE,
    ),
    6,
  ],
  Softplus: [alone('Softplus', {}, SINGLE), 6],
  Softsign: [alone('Softsign', {}, SINGLE), 6],
  'Mish as exporters write it': [
    of(
      [3, 6],
      (graph, x) => node(graph, 'Mul', [x, node(graph, 'Tanh', [node(graph, 'Softplus', [x])])]),
      SINGLE,
    ),
    6,
  ],
  'PRelu with a slope a channel': [
    {
      ...signed((graph, x) => node(graph, 'PRelu', [x, 'slope'])),
      parameters: { scale: [6], slope: [6] },
    },
    6,
  ],
  Elu: [signed((graph, x) => node(graph, 'Elu', [x], { alpha: { float: 0.7 } })), 6],
  Selu: [signed((graph, x) => node(graph, 'Selu', [x])), 6],
  Celu: [signed((graph, x) => node(graph, 'Celu', [x], { alpha: { float: 0.7 } })), 6],
  ThresholdedRelu: [
    signed((graph, x) => node(graph, 'ThresholdedRelu', [x], { alpha: { float: 0 } })),
    6,
  ],
  'ReduceMax and ReduceMin': [
    of([2, 3, 4], (graph, x) => {
      const most = node(graph, 'ReduceMax', [x], { axes: ints(1), keepdims: int(0) });
      return node(graph, 'Sub', [
        most,
        node(graph, 'ReduceMin', [x], { axes: ints(1), keepdims: int(0) }),
      ]);
    }),
    4,
  ],
  'norms over axes': [
    of(
      [2, 3, 4],
      (graph, x) => {
        const axes = { axes: ints(-1), keepdims: int(1) };
        const [one, two, square] = ['ReduceL1', 'ReduceL2', 'ReduceSumSquare'].map((each) =>
          node(graph, each, [x], axes),
        );
        const log = node(graph, 'ReduceLogSumExp', [x], axes);
        const sum = node(graph, 'Sum', [one, square, log]);
        return node(graph, 'Div', [node(graph, 'Mul', [x, sum]), two]);
      },
      { from: 0.3 },
    ),
    12,
  ],
  GlobalMaxPool: [of(PICTURE, (graph, x) => node(graph, 'GlobalMaxPool', [x]), SINGLE), 4],
  'AveragePool whose last windows stick out': [
    of(
      [2, 2, 5, 6],
      (graph, x) =>
        node(graph, 'AveragePool', [x], {
          kernel_shape: ints(2, 3),
          strides: ints(2, 2),
          ceil_mode: int(1),
        }),
      SINGLE,
    ),
    18,
  ],
  LayerNormalization: [
    of([2, 3, 6], (graph, x) => node(graph, 'LayerNormalization', [x, 'gain', 'offset']), {
      parameters: { gain: [6], offset: [6] },
    }),
    18,
  ],
  'LayerNormalization over two axes, without a bias': [
    of(
      [2, 3, 6],
      (graph, x) =>
        node(graph, 'LayerNormalization', [x, 'gain'], { axis: int(1), epsilon: { float: 0.01 } }),
      {
        parameters: { gain: [3, 6] },
      },
    ),
    18,
  ],
  'LayerNormalization as it was written before there was one': [
    of([2, 3, 6], (graph, x, { numbers }) => {
      const last = { axes: ints(-1) };
      const centred = node(graph, 'Sub', [x, node(graph, 'ReduceMean', [x], last)]);
      const squares = node(graph, 'Pow', [centred, numbers([], [2])]);
      const variance = node(graph, 'ReduceMean', [squares], last);
      const root = node(graph, 'Sqrt', [node(graph, 'Add', [variance, numbers([], [1e-5])])]);
      return node(graph, 'Div', [centred, root]);
    }),
    18,
  ],
  InstanceNormalization: [
    of(PICTURE, (graph, x) => node(graph, 'InstanceNormalization', [x, 'gain', 'offset']), {
      parameters: { gain: [4], offset: [4] },
      ...SINGLE,
    }),
    96,
  ],
  'attention as exporters write it': [
    of(
      [2, 3, 4],
      (graph, x, { integers, numbers }) => {
        const heads = (weights: string, order: number[]) => {
          const product = node(graph, 'MatMul', [x, weights]);
          const split = node(graph, 'Reshape', [product, integers([0, 0, 2, 2])]);
          return node(graph, 'Transpose', [split], { perm: { ints: order } });
        };
        const scores = node(graph, 'MatMul', [heads('q', [0, 2, 1, 3]), heads('k', [0, 2, 3, 1])]);
        const scaled = node(graph, 'Mul', [scores, numbers([], [Math.SQRT1_2])]);
        const shares = node(graph, 'Softmax', [scaled], { axis: int(-1) });
        const seen = node(graph, 'MatMul', [shares, heads('v', [0, 2, 1, 3])]);
        const back = node(graph, 'Transpose', [seen], { perm: ints(0, 2, 1, 3) });
        return node(graph, 'Reshape', [back, integers([0, 0, 4])]);
      },
      { parameters: { q: [4, 4], k: [4, 4], v: [4, 4] } },
    ),
    12,
  ],
  'a scale that is computed of a shape': [
    of([2, 3, 4], (graph, x, { integers, numbers }) => {
      const sizes = node(graph, 'Shape', [x]);
      const last = node(graph, 'Slice', [sizes, integers([-1]), integers([2 ** 31])]);
      const width = node(graph, 'Cast', [last], { to: int(11) });
      const root = node(graph, 'Sqrt', [node(graph, 'Div', [numbers([1], [1]), width])]);
      return node(graph, 'Mul', [x, root]);
    }),
    12,
  ],
  'Einsum of two, batched': [
    of(
      [2, 3, 4],
      (graph, x) => node(graph, 'Einsum', [x, 'weights'], { equation: string('nij, hjk -> nhik') }),
      {
        parameters: { weights: [2, 4, 2] },
      },
    ),
    12,
  ],
  'Einsum that sums over an axis of one alone': [
    of(
      [2, 3, 4],
      (graph, x) => node(graph, 'Einsum', [x, 'weights'], { equation: string('nij,k->nik') }),
      {
        parameters: { weights: [2] },
      },
    ),
    6,
  ],
  'MatMul with vectors': [
    of(
      [2, 3, 3],
      (graph, x) => {
        const row = node(graph, 'MatMul', ['before', x]);
        return node(graph, 'Add', [row, node(graph, 'MatMul', [x, 'behind'])]);
      },
      { parameters: { before: [3], behind: [3] } },
    ),
    3,
  ],
  'Conv along one axis': [
    of(
      [2, 3, 7],
      (graph, x) =>
        node(graph, 'Conv', [x, 'weights', 'bias'], {
          pads: ints(1, 0),
          strides: ints(2),
          kernel_shape: ints(3),
        }),
      { parameters: { weights: [4, 3, 3], bias: [4] }, ...SINGLE },
    ),
    12,
  ],
  ConvTranspose: [
    of(
      [2, 3, 3, 4],
      (graph, x) =>
        node(graph, 'ConvTranspose', [x, 'weights', 'bias'], {
          strides: ints(2, 2),
          pads: ints(1, 1, 0, 1),
          output_padding: ints(1, 0),
        }),
      { parameters: { weights: [3, 2, 3, 3], bias: [2] }, ...SINGLE },
    ),
    98,
  ],
  'ConvTranspose in groups': [
    of(
      [2, 4, 3, 3],
      (graph, x) =>
        node(graph, 'ConvTranspose', [x, 'weights'], { strides: ints(2, 2), group: int(2) }),
      {
        parameters: { weights: [4, 2, 2, 2] },
        ...SINGLE,
      },
    ),
    144,
  ],
};

/** Resize as PyTorch's interpolate is exported: by sizes or scales, in each mode. */
const resized = (attributes: Attributes, [rows, columns]: readonly number[], scaled = false) =>
  of(
    [2, 2, 3, 4],
    (graph, x, { integers }) => {
      const scales = () =>
        graph.initializer('scales', [4], Float32Array.of(1, 1, rows / 3, columns / 4));
      const target = scaled ? [scales()] : ['', integers([2, 2, rows, columns])];
      return node(graph, 'Resize', [x, '', ...target], attributes);
    },
    SINGLE,
  );

const interpolations: [string, Attributes, readonly number[], boolean?][] = [
  [
    'nearest',
    {
      mode: string('nearest'),
      nearest_mode: string('floor'),
      coordinate_transformation_mode: string('asymmetric'),
    },
    [6, 8],
    true,
  ],
  [
    'nearest, to fewer places',
    {
      mode: string('nearest'),
      nearest_mode: string('floor'),
      coordinate_transformation_mode: string('asymmetric'),
    },
    [2, 3],
  ],
  [
    'linear',
    { mode: string('linear'), coordinate_transformation_mode: string('pytorch_half_pixel') },
    [5, 8],
  ],
  [
    'linear, corners aligned',
    { mode: string('linear'), coordinate_transformation_mode: string('align_corners') },
    [6, 5],
  ],
  [
    'cubic',
    {
      mode: string('cubic'),
      coordinate_transformation_mode: string('half_pixel'),
      cubic_coeff_a: { float: -0.75 },
    },
    [6, 6],
  ],
];
for (const [name, attributes, sizes, scaled] of interpolations)
  cases[`Resize, ${name}`] = [resized(attributes, sizes, scaled), 2 * sizes[0] * sizes[1]];

test.each(Object.entries(cases))('%s', async (_name, [network, classes]) => {
  const errors = await gradientErrors(network, classes);
  expect(Object.keys(errors).sort()).toEqual([...Object.keys(network.parameters), 'x'].sort());
  for (const [target, error] of Object.entries(errors))
    expect(error, target).toBeLessThan(TOLERANCE[network.precision ?? 'float64']);
});
