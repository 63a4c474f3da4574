import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { checkGraph } from '../../src/onnx/check-graph.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { readModel } from '../../src/onnx/model.js';
import { modelInputs } from '../../src/onnx/model-inputs.js';
import { bytesRecord, concatenate, integerRecord } from '../../src/onnx/wire.js';
import { oraclePath } from '../oracle.js';
import { smallNetwork } from './small-models.js';

const check = (bytes: Uint8Array) => checkGraph(readModel(bytes, 'net.onnx'));

/** A model around the records of a graph. */
const modelOf = (...graph: Uint8Array[]) =>
  concatenate([
    integerRecord(1, 8),
    bytesRecord(7, concatenate(graph)),
    bytesRecord(8, integerRecord(2, 17)),
  ]);
const named = (field: number, name: string) => bytesRecord(field, bytesRecord(1, name));
const node = (operator: string, input: string, output: string) =>
  bytesRecord(
    1,
    concatenate([bytesRecord(1, input), bytesRecord(2, output), bytesRecord(4, operator)]),
  );
const tensor = (...parts: Uint8Array[]) =>
  bytesRecord(5, concatenate([bytesRecord(8, 'w'), ...parts]));

test('a network is summed up', () => {
  const path = '09-end-to-end/resnet/model.onnx';
  const summary = checkGraph(readModel(readFileSync(oraclePath(path)), path));
  expect(summary.opset).toBe(17);
  expect(summary.producer).toBe('pytorch');
  expect(summary.inputs).toEqual([
    { name: 'input', dtype: 'float32', dims: [null, 3, 48, 48], batch: null, layout: 'NCHW' },
  ]);
  expect(summary.outputs.map((o) => [o.name, o.dtype, o.dims])).toEqual([
    ['logits', 'float32', [null, 10]],
  ]);
  expect(summary.operators.map((o) => o.operator)).toContain('BatchNormalization');
  expect(summary.operators.reduce((sum, { count }) => sum + count, 0)).toBe(summary.nodes);
  expect(summary.bytes).toBeGreaterThanOrEqual(4 * summary.parameters);
  expect(summary.parameters).toBeGreaterThan(1000);
  expect(summary.externalFiles).toEqual([]);
});

test('the small network is valid', () => {
  expect(check(smallNetwork().build())).toMatchObject({ nodes: 3, parameters: 7, bytes: 28 });
});

describe('refused', () => {
  const dims = (...sizes: number[]) => concatenate(sizes.map((size) => integerRecord(1, size)));
  const x = named(11, 'x');
  const old = new GraphBuilder('old', 8);
  old.input('x', 'float32', [1]);
  test.each([
    ['an operator set before 9', old.build(), 'onnx-invalid', /opset 8/],
    ['no input', modelOf(node('Relu', 'x', 'y')), 'onnx-invalid', /graph\.input/],
    ['no operator', modelOf(x, node('', 'x', 'y')), 'onnx-invalid', /operator/],
    ['a value that nothing makes', modelOf(x, node('Relu', 'q', 'y')), 'onnx-invalid', /found q/],
    [
      'a value read before it is made',
      modelOf(x, node('Relu', 'y', 'z'), node('Relu', 'x', 'y')),
      'onnx-invalid',
      /found y/,
    ],
    [
      'a value made twice',
      modelOf(x, node('Relu', 'x', 'y'), node('Neg', 'x', 'y')),
      'onnx-invalid',
      /new names, found y/,
    ],
    ['an output that nothing makes', modelOf(x, named(12, 'y')), 'onnx-invalid', /graph\.output/],
    [
      'fewer bytes than the shape',
      modelOf(x, tensor(dims(2, 3), integerRecord(2, 1), bytesRecord(9, new Uint8Array(20)))),
      'onnx-invalid',
      /24 bytes for float32 \[2, 3\], found 20/,
    ],
    [
      'fewer elements than the shape',
      modelOf(x, tensor(dims(4), integerRecord(2, 1), bytesRecord(4, new Uint8Array(12)))),
      'onnx-invalid',
      /4 elements.*found 3/,
    ],
    [
      'a shape without data',
      modelOf(x, tensor(dims(2 ** 40), integerRecord(2, 1))),
      'onnx-invalid',
      /found 0/,
    ],
    [
      'a negative size',
      modelOf(x, tensor(dims(-1), integerRecord(2, 1))),
      'onnx-invalid',
      /sizes, found \[-1\]/,
    ],
    [
      'a shape beyond counting',
      modelOf(x, tensor(dims(2 ** 40, 2 ** 40), integerRecord(2, 1))),
      'onnx-invalid',
      /sizes/,
    ],
    [
      'an unknown element type',
      modelOf(x, tensor(dims(1), integerRecord(2, 99))),
      'onnx-invalid',
      /number 99/,
    ],
    [
      'an operator of a foreign domain',
      modelOf(
        x,
        bytesRecord(
          1,
          concatenate([
            bytesRecord(1, 'x'),
            bytesRecord(2, 'y'),
            bytesRecord(4, 'Mine'),
            bytesRecord(7, 'my.domain'),
          ]),
        ),
      ),
      'onnx-operator',
      /my\.domain\.Mine/,
    ],
  ] as const)('%s', (_, bytes, code, words) => {
    expect(() => check(bytes)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(words) }),
    );
    expect(() => check(bytes)).toThrow(/net\.onnx/);
  });

  test('inside a subgraph too', () => {
    const body = concatenate([
      tensor(dims(7), integerRecord(2, 1), bytesRecord(9, new Uint8Array(4))),
    ]);
    const attribute = bytesRecord(5, concatenate([bytesRecord(1, 'body'), bytesRecord(6, body)]));
    const loop = bytesRecord(
      1,
      concatenate([bytesRecord(2, 'y'), bytesRecord(4, 'Loop'), attribute]),
    );
    expect(() => check(modelOf(x, loop))).toThrow(/28 bytes/);
  });

  test('more nodes or bytes than allowed', () => {
    const model = readModel(smallNetwork().build(), 'net.onnx');
    expect(() => checkGraph(model, { nodes: 2, bytes: 100 })).toThrow(/at most 2, found 3/);
    expect(() => checkGraph(model, { nodes: 3, bytes: 27 })).toThrow(/at most 27 bytes/);
  });
});

test.each([
  [['batch', 3, 224, 224], null, 'NCHW'],
  [[8, 3, 224, 224], 8, 'NCHW'],
  [['batch', 224, 224, 3], null, 'NHWC'],
  [['n', 1, 28, 28], null, 'NCHW'],
  [['n', 'a', 'b', 3], null, 'NHWC'],
  [['n', 'a', 'b', 'c'], null, undefined],
  [['n', 12], null, undefined],
] as const)('an input of %j', (dims, batch, layout) => {
  const graph = new GraphBuilder('g');
  graph.input('x', 'uint8', dims);
  graph.initializer('w', [1], Float32Array.of(1));
  const [input] = modelInputs(readModel(graph.build(), 'g'));
  expect(input).toMatchObject({ name: 'x', dtype: 'uint8', batch });
  expect(input.layout).toBe(layout);
});
