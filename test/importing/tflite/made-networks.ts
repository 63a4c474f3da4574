import { RandomState } from '../../../src/numerics/random/random-state.js';
import {
  bytesOf,
  type MadeNetwork,
  type MadeOperator,
  type MadeTensor,
  type Table,
} from './made-tflite.js';

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Constants with made values. */
function made(seed: number) {
  const random = new RandomState(seed);
  const values = (shape: readonly number[]) =>
    Array.from(random.randomSample(count(shape)), (each) => each - 0.5);
  return {
    float: (name: string, shape: readonly number[]): MadeTensor => ({
      name,
      shape,
      data: bytesOf(Float32Array.from(values(shape))),
    }),
    uint8: (name: string, shape: readonly number[], scale: number): MadeTensor => ({
      name,
      shape,
      type: 'uint8',
      scale: [scale],
      zeroPoint: [121],
      data: Uint8Array.from(values(shape), (each) => Math.round(128 + 250 * each)),
    }),
    int8: (name: string, shape: readonly number[], axis: number): MadeTensor => ({
      name,
      shape,
      type: 'int8',
      scale: Array.from({ length: shape[axis] }, (_, i) => 0.002 * (i + 1)),
      axis,
      data: bytesOf(Int8Array.from(values(shape), (each) => Math.round(250 * each))),
    }),
    bias: (name: string, length: number, scale: number): MadeTensor => ({
      name,
      shape: [length],
      type: 'int32',
      scale: [scale],
      data: bytesOf(Int32Array.from(values([length]), (each) => Math.round(4000 * each))),
    }),
    whole: (name: string, numbers: readonly number[], shape = [numbers.length]): MadeTensor => ({
      name,
      shape,
      type: 'int32',
      data: bytesOf(Int32Array.from(numbers)),
    }),
  };
}

/** Options of Conv2D (1): padding, strides of width and height, activation. */
export const convOptions = (
  padding: 'same' | 'valid',
  [height, width]: readonly number[],
  activation = 0,
): [number, Table] => [
  1,
  {
    0: { i8: padding === 'same' ? 0 : 1 },
    1: { i32: width },
    2: { i32: height },
    3: { i8: activation },
  },
];

const depthwiseOptions = (
  multiplier: number,
  stride: number,
  activation: number,
): [number, Table] => [
  2,
  {
    0: { i8: 0 },
    1: { i32: stride },
    2: { i32: stride },
    3: { i32: multiplier },
    4: { i8: activation },
  },
];

const poolOptions = (size: number, stride: number): [number, Table] => [
  5,
  { 0: { i8: 0 }, 1: { i32: stride }, 2: { i32: stride }, 3: { i32: size }, 4: { i32: size } },
];

const value = (
  name: string,
  shape: readonly number[],
  scale?: number,
  zeroPoint = 128,
): MadeTensor =>
  scale === undefined
    ? { name, shape }
    : { name, shape, type: 'uint8', scale: [scale], zeroPoint: [zeroPoint] };

/** A network of every layer that MobileNets have; quantised in 8 bits or not. */
export function mobile(kind: 'float' | 'quantised', seed = 1): MadeNetwork {
  const c = made(seed);
  const quantised = kind === 'quantised';
  const step = (scale: number) => (quantised ? scale : undefined);
  const weight = (name: string, shape: number[], scale: number) =>
    quantised ? c.uint8(name, shape, scale) : c.float(name, shape);
  const bias = (name: string, length: number) =>
    quantised ? c.bias(name, length, 0.0002) : c.float(name, [length]);
  const tensors: MadeTensor[] = [
    value('image', [1, 11, 9, 3], step(1 / 128)),
    weight('w1', [8, 3, 3, 3], 0.004),
    bias('b1', 8),
    value('stem/Relu6;stem/BatchNorm', [1, 6, 5, 8], step(0.0235), 0),
    weight('w2', [1, 3, 3, 16], 0.006),
    bias('b2', 16),
    value('depthwise', [1, 6, 5, 16], step(0.0235), 0),
    weight('w3', [8, 1, 1, 16], 0.005),
    bias('b3', 8),
    value('project', [1, 6, 5, 8], step(0.03), 130),
    value('add', [1, 6, 5, 8], step(0.04), 126),
    value('pool', [1, 3, 3, 8], step(0.04), 126),
    c.whole('axes', [1, 2]),
    value('mean', [1, 1, 1, 8], step(0.04), 126),
    weight('w4', [1001, 1, 1, 8], 0.01),
    bias('b4', 1001),
    value('classes', [1, 1, 1, 1001], step(0.1), 100),
    c.whole('shape', [-1, 1001]),
    value('reshape', [1, 1001], step(0.1), 100),
    value('softmax', [1, 1001], step(1 / 256), 0),
  ];
  const operators: MadeOperator[] = [
    {
      code: 3,
      inputs: ['image', 'w1', 'b1'],
      outputs: ['stem/Relu6;stem/BatchNorm'],
      options: convOptions('same', [2, 2], 3),
    },
    {
      code: 4,
      inputs: ['stem/Relu6;stem/BatchNorm', 'w2', 'b2'],
      outputs: ['depthwise'],
      options: depthwiseOptions(2, 1, 1),
    },
    {
      code: 3,
      inputs: ['depthwise', 'w3', 'b3'],
      outputs: ['project'],
      options: convOptions('valid', [1, 1]),
    },
    {
      code: 0,
      inputs: ['stem/Relu6;stem/BatchNorm', 'project'],
      outputs: ['add'],
      options: [11, { 0: { i8: 0 } }],
    },
    { code: 1, inputs: ['add'], outputs: ['pool'], options: poolOptions(3, 2) },
    { code: 40, inputs: ['pool', 'axes'], outputs: ['mean'], options: [27, { 0: { i8: 1 } }] },
    {
      code: 3,
      inputs: ['mean', 'w4', 'b4'],
      outputs: ['classes'],
      options: convOptions('valid', [1, 1]),
    },
    { code: 22, inputs: ['classes', 'shape'], outputs: ['reshape'] },
    { code: 25, inputs: ['reshape'], outputs: ['softmax'], options: [9, { 0: { f32: 1 } }] },
  ];
  return { tensors, operators, inputs: ['image'], outputs: ['softmax'] };
}

/** The operators that MobileNets do not have, in a network that makes no sense. */
export function others(): MadeNetwork {
  const c = made(2);
  const half = (name: string, bits: number[]): MadeTensor => ({
    name,
    shape: [bits.length],
    type: 'float16',
    data: bytesOf(Uint16Array.from(bits)),
  });
  const names = ['pad', 'grouped', 'swish', 'leaky', 'tanh', 'logistic', 'max', 'least', 'div'];
  const shapes = [[1, 7, 8, 4], ...Array.from({ length: 8 }, () => [1, 7, 4, 6])];
  const unary = (code: number, from: string, to: string): MadeOperator => ({
    code,
    inputs: [from],
    outputs: [to],
  });
  return {
    tensors: [
      value('image', [1, 6, 6, 4]),
      c.whole('margins', [0, 0, 1, 0, 0, 2, 0, 0], [4, 2]),
      ...names.map((name, i) => value(name, shapes[i])),
      c.int8('kernel', [6, 3, 2, 2], 0),
      half('bits', [0x3c00, 0xb800, 0x4000, 0, 0x3555, 0xbc00]),
      value('bias', [6]),
      c.float('least-of', [1, 1, 1, 6]),
      value('pooled', [1, 4, 2, 6]),
      value('sub', [1, 4, 2, 6]),
      value('joined', [1, 4, 2, 12]),
      value('two', []),
      value('relu', [1, 4, 2, 12]),
      c.float('dense', [5, 96]),
      value('dense-out', [1, 5]),
    ].map((tensor) =>
      tensor.name === 'two' ? { ...tensor, data: bytesOf(Float32Array.of(2)) } : tensor,
    ),
    operators: [
      { code: 34, inputs: ['image', 'margins'], outputs: ['pad'] },
      { code: 6, inputs: ['bits'], outputs: ['bias'] },
      {
        code: 3,
        inputs: ['pad', 'kernel', 'bias'],
        outputs: ['grouped'],
        options: convOptions('same', [1, 2], 4),
      },
      unary(117, 'grouped', 'swish'),
      { ...unary(98, 'swish', 'leaky'), options: [75, { 0: { f32: 0.25 } }] },
      unary(28, 'leaky', 'tanh'),
      unary(14, 'tanh', 'logistic'),
      { code: 55, inputs: ['logistic', 'tanh'], outputs: ['max'] },
      { code: 57, inputs: ['least-of', 'max'], outputs: ['least'] },
      { code: 42, inputs: ['two', 'max'], outputs: ['div'], options: [29, { 0: { i8: 3 } }] },
      { code: 17, inputs: ['div'], outputs: ['pooled'], options: poolOptions(3, 2) },
      { code: 41, inputs: ['two', 'pooled'], outputs: ['sub'], options: [28, { 0: { i8: 2 } }] },
      {
        code: 2,
        inputs: ['pooled', 'sub'],
        outputs: ['joined'],
        options: [10, { 0: { i32: -1 }, 1: { i8: 0 } }],
      },
      unary(19, 'joined', 'relu'),
      {
        code: 9,
        inputs: ['relu', 'dense', ''],
        outputs: ['dense-out'],
        options: [8, { 0: { i8: 0 } }],
      },
    ],
    inputs: ['image'],
    outputs: ['dense-out', 'least'],
  };
}
