import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dice } from '../../fuzz/dice.js';

/** Graph models as tensorflowjs_converter writes them: nodes as JSON, constants in one shard. */

const text = (value: string) => ({ s: Buffer.from(value).toString('base64') });
const texts = (values: readonly string[]) => ({
  list: { s: values.map((value) => Buffer.from(value).toString('base64')) },
});
const wholes = (values: readonly number[]) => ({ list: { i: values.map(String) } });

interface Value {
  readonly name: string;
  /** Height, width, channels; or units. */
  readonly shape: readonly number[];
}

type Attributes = Record<string, unknown>;

/** Collects nodes and constants. */
export class MadeGraph {
  readonly nodes: object[] = [];
  readonly constants: {
    name: string;
    shape: readonly number[];
    dtype: string;
    data: Float32Array | Int32Array;
  }[] = [];

  constructor(readonly dice: Dice) {}

  input(shape: readonly number[]): Value {
    const dim = [-1, ...shape].map((size) => ({ size: String(size) }));
    this.nodes.push({
      name: 'pictures',
      op: 'Placeholder',
      attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim } } },
    });
    return { name: 'pictures', shape };
  }

  constant(shape: readonly number[], low = -0.5, high = 0.5): string {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Float32Array.from(
      { length: count },
      () => low + (high - low) * (this.dice.below(1000) / 1000),
    );
    return this.#constant(shape, 'float32', 'DT_FLOAT', data);
  }

  whole(...values: readonly number[]): string {
    return this.#constant([values.length], 'int32', 'DT_INT32', Int32Array.from(values));
  }

  wholeScalar(value: number): string {
    return this.#constant([], 'int32', 'DT_INT32', Int32Array.of(value));
  }

  wholeMatrix(rows: readonly (readonly number[])[]): string {
    return this.#constant(
      [rows.length, rows[0].length],
      'int32',
      'DT_INT32',
      Int32Array.from(rows.flat()),
    );
  }

  #constant(
    shape: readonly number[],
    dtype: string,
    type: string,
    data: Float32Array | Int32Array,
  ): string {
    const name = `constant_${this.constants.length}`;
    this.constants.push({ name, shape, dtype, data });
    this.nodes.push({ name, op: 'Const', attr: { dtype: { type }, value: { tensor: {} } } });
    return name;
  }

  node(
    op: string,
    inputs: readonly string[],
    shape: readonly number[],
    attr: Attributes = {},
  ): Value {
    const name = `block/${op}_${this.nodes.length}`;
    this.nodes.push({ name, op, input: inputs, attr: { T: { type: 'DT_FLOAT' }, ...attr } });
    return { name, shape };
  }

  async save(folder: string, output: Value): Promise<void> {
    await mkdir(folder, { recursive: true });
    const weights = this.constants.map(({ name, shape, dtype }) => ({ name, shape, dtype }));
    const json = {
      format: 'graph-model',
      generatedBy: '2.12.0',
      modelTopology: { node: this.nodes, library: {}, versions: { producer: 1395 } },
      signature: { outputs: { end: { name: `${output.name}:0` } } },
      weightsManifest: [{ paths: ['group1-shard1of1.bin'], weights }],
    };
    await writeFile(join(folder, 'model.json'), JSON.stringify(json));
    const bytes = this.constants.map(({ data }) => Buffer.from(data.buffer));
    await writeFile(join(folder, 'group1-shard1of1.bin'), Buffer.concat(bytes));
  }
}

type Step = (graph: MadeGraph, value: Value) => Value;

const out = (size: number, kernel: number, stride: number, same: boolean) =>
  same ? Math.ceil(size / stride) : Math.floor((size - kernel) / stride) + 1;

const windowOf = (graph: MadeGraph, [height, width]: readonly number[], most = 3) => {
  const { dice } = graph;
  const kernel = [dice.between(1, most), dice.between(1, most)];
  const strides = dice.between(1, 2);
  const same = dice.chance(0.6);
  const sizes = [out(height, kernel[0], strides, same), out(width, kernel[1], strides, same)];
  const attr = {
    strides: wholes([1, strides, strides, 1]),
    padding: text(same ? 'SAME' : 'VALID'),
    data_format: text('NHWC'),
    dilations: wholes([1, 1, 1, 1]),
  };
  return { kernel, sizes, attr };
};

const fusing = (graph: MadeGraph, activations: readonly string[]) => {
  const activation = graph.dice.pick(activations);
  const ops = activation === '' ? ['BiasAdd'] : ['BiasAdd', activation];
  return {
    activation,
    attr: {
      fused_ops: texts(ops),
      num_args: { i: String(activation === 'Prelu' ? 2 : 1) },
      leakyrelu_alpha: { f: 0.1 },
    },
  };
};

const steps: readonly Step[] = [
  (graph, value) => {
    const { kernel, sizes, attr } = windowOf(graph, value.shape);
    const weights = graph.constant([...kernel, value.shape[2], 4]);
    return graph.node('Conv2D', [value.name, weights], [...sizes, 4], attr);
  },
  (graph, value) => {
    const { kernel, sizes, attr } = windowOf(graph, value.shape);
    const { activation, attr: more } = fusing(graph, [
      '',
      'Relu',
      'Relu6',
      'Elu',
      'Prelu',
      'LeakyRelu',
    ]);
    const inputs = [
      value.name,
      graph.constant([...kernel, value.shape[2], 5]),
      graph.constant([5]),
    ];
    if (activation === 'Prelu') inputs.push(graph.constant([1, 1, 5]));
    return graph.node('_FusedConv2D', inputs, [...sizes, 5], { ...attr, ...more });
  },
  (graph, value) => {
    const { kernel, sizes, attr } = windowOf(graph, value.shape);
    const weights = graph.constant([...kernel, value.shape[2], 2]);
    return graph.node(
      'DepthwiseConv2dNative',
      [value.name, weights],
      [...sizes, 2 * value.shape[2]],
      attr,
    );
  },
  (graph, value) => {
    const { kernel, sizes, attr } = windowOf(graph, value.shape);
    const channels = value.shape[2];
    const inputs = [
      value.name,
      graph.constant([...kernel, channels, 1]),
      graph.constant([channels]),
    ];
    const { attr: more } = fusing(graph, ['', 'Relu', 'Relu6']);
    return graph.node('FusedDepthwiseConv2dNative', inputs, [...sizes, channels], {
      ...attr,
      ...more,
    });
  },
  (graph, value) => {
    const channels = [value.shape[2]];
    const statistics = [
      graph.constant(channels, 0.5, 2),
      graph.constant(channels),
      graph.constant(channels, 0.2, 1),
      graph.constant(channels, 0.3, 3),
    ];
    const attr = { epsilon: { f: 0.001 }, is_training: { b: false }, data_format: text('NHWC') };
    return graph.node(
      graph.dice.pick(['FusedBatchNorm', 'FusedBatchNormV3']),
      [value.name, ...statistics],
      value.shape,
      attr,
    );
  },
  (graph, value) =>
    graph.node('BiasAdd', [value.name, graph.constant([value.shape[2]])], value.shape, {
      data_format: text('NHWC'),
    }),
  (graph, value) => {
    const op = graph.dice.pick(['Add', 'AddV2', 'Sub', 'Mul', 'Maximum', 'Minimum', 'RealDiv']);
    const shape = graph.dice.pick([
      [],
      [value.shape[2]],
      [1, 1, 1, value.shape[2]],
      [value.shape[1], 1],
      [...value.shape],
    ]);
    const constant = graph.constant(shape, 0.5, 1.5);
    const swapped = op !== 'RealDiv' && graph.dice.chance(0.5);
    return graph.node(op, swapped ? [constant, value.name] : [value.name, constant], value.shape);
  },
  (graph, value) =>
    graph.node(
      graph.dice.pick([
        'Relu',
        'Relu6',
        'Elu',
        'Selu',
        'Sigmoid',
        'Tanh',
        'Softplus',
        'Softmax',
        'Identity',
        'Neg',
        'Abs',
        'Exp',
      ]),
      [value.name],
      value.shape,
    ),
  (graph, value) => graph.node('LeakyRelu', [value.name], value.shape, { alpha: { f: 0.3 } }),
  (graph, value) =>
    graph.node('Prelu', [value.name, graph.constant([1, 1, value.shape[2]])], value.shape),
  (graph, value) => {
    const sum = graph.node(
      'Add',
      [graph.node('Abs', [value.name], value.shape).name, graph.constant([], 0.5, 1)],
      value.shape,
    );
    return graph.node(graph.dice.pick(['Rsqrt', 'Sqrt']), [sum.name], value.shape);
  },
  (graph, value) => {
    const { kernel, sizes, attr } = windowOf(graph, value.shape);
    const op = graph.dice.pick(['MaxPool', 'AvgPool']);
    return graph.node(op, [value.name], [...sizes, value.shape[2]], {
      ...attr,
      ksize: wholes([1, ...kernel, 1]),
    });
  },
  (graph, value) => {
    const [height, width, channels] = value.shape;
    const margins = graph.wholeMatrix([
      [0, 0],
      [1, 0],
      [0, 2],
      [0, 0],
    ]);
    const op = graph.dice.pick(['Pad', 'PadV2']);
    const inputs = [value.name, margins, ...(op === 'PadV2' ? [graph.constant([], 0.4, 0.5)] : [])];
    return graph.node(op, inputs, [height + 1, width + 2, channels]);
  },
  (graph, value) => {
    const other = graph.node('Tanh', [value.name], value.shape);
    const [height, width, channels] = value.shape;
    const axis = graph.dice.pick([3, -1]);
    return graph.node(
      'ConcatV2',
      [value.name, other.name, graph.whole(axis)],
      [height, width, 2 * channels],
    );
  },
  (graph, value) => {
    const other = graph.node('Sigmoid', [value.name], value.shape);
    return graph.node(
      graph.dice.pick(['AddN', 'Mul', 'Sub', 'AddV2']),
      [value.name, other.name],
      value.shape,
    );
  },
  (graph, value) => {
    const [height, width, channels] = value.shape;
    return graph.node(
      'Transpose',
      [value.name, graph.whole(0, 2, 1, 3)],
      [width, height, channels],
    );
  },
  (graph, value) => {
    const [height, width, channels] = value.shape;
    const attr = { align_corners: { b: false }, half_pixel_centers: { b: graph.dice.chance(0.5) } };
    return graph.node(
      'ResizeNearestNeighbor',
      [value.name, graph.whole(2 * height, width)],
      [2 * height, width, channels],
      attr,
    );
  },
  (graph, value) => {
    const pooled = graph.node(
      graph.dice.pick(['Mean', 'Max']),
      [value.name, graph.whole(1, 2)],
      [1, 1, value.shape[2]],
      { keep_dims: { b: true } },
    );
    return graph.node(
      'Mul',
      [value.name, graph.node('Sigmoid', [pooled.name], pooled.shape).name],
      value.shape,
    );
  },
  (graph, value) => {
    const [height, width, channels] = value.shape;
    const sizes = graph.whole(1, 2 * height, 2 * width, 3);
    const attr = {
      strides: wholes([1, 2, 2, 1]),
      padding: text('SAME'),
      data_format: text('NHWC'),
    };
    return graph.node(
      'Conv2DBackpropInput',
      [sizes, graph.constant([3, 2, 3, channels]), value.name],
      [2 * height, 2 * width, 3],
      attr,
    );
  },
];

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

const heads: readonly Step[] = [
  (graph, value) =>
    graph.node('Mean', [value.name, graph.whole(1, 2)], [value.shape[2]], {
      keep_dims: { b: false },
    }),
  (graph, value) =>
    graph.node(
      'Reshape',
      [value.name, graph.whole(-1, product(value.shape))],
      [product(value.shape)],
    ),
  (graph, value) => {
    const pooled = graph.node('Mean', [value.name, graph.whole(1, 2)], [1, 1, value.shape[2]], {
      keep_dims: { b: true },
    });
    return graph.node('Squeeze', [pooled.name], [value.shape[2]], { squeeze_dims: wholes([1, 2]) });
  },
  (graph, value) => {
    // The batch read from the value itself, as Keras's Reshape does.
    const sizes = graph.node('Shape', [value.name], [], { out_type: { type: 'DT_INT32' } });
    const attr = {
      shrink_axis_mask: { i: '1' },
      begin_mask: { i: '0' },
      end_mask: { i: '0' },
      ellipsis_mask: { i: '0' },
      new_axis_mask: { i: '0' },
    };
    const batch = graph.node(
      'StridedSlice',
      [sizes.name, graph.whole(0), graph.whole(1), graph.whole(1)],
      [],
      attr,
    );
    const units = graph.wholeScalar(product(value.shape));
    const shape = graph.node('Pack', [batch.name, units], [], { axis: { i: '0' } });
    return graph.node('Reshape', [value.name, shape.name], [product(value.shape)]);
  },
];

/** A graph of some steps and a head; what it makes depends on the dice alone, its constants too. */
export function madeGraph(dice: Dice): { graph: MadeGraph; output: Value } {
  const graph = new MadeGraph(dice);
  let value = graph.input([dice.between(5, 9), dice.between(5, 9), dice.between(1, 4)]);
  for (let count = dice.between(2, 8); count > 0; count--) {
    const [height, width] = value.shape;
    if (Math.min(height, width) < 3 || height * width > 300) break;
    value = dice.pick(steps)(graph, value);
  }
  value = dice.pick(heads)(graph, value);
  const units = value.shape[0];
  const kernel = graph.constant([units, 4]);
  value = dice.chance(0.5)
    ? graph.node('_FusedMatMul', [value.name, kernel, graph.constant([4])], [4], {
        transpose_a: { b: false },
        transpose_b: { b: false },
        ...fusing(graph, ['', 'Relu']).attr,
      })
    : graph.node('MatMul', [value.name, graph.constant([4, units])], [4], {
        transpose_a: { b: false },
        transpose_b: { b: true },
      });
  return { graph, output: graph.node('Softmax', [value.name], [4]) };
}
