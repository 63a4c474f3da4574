import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { checkGraph } from '../../../src/onnx/checks/check-graph.js';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import { readModel } from '../../../src/onnx/model.js';
import { modelInputs } from '../../../src/onnx/model-inputs.js';
import { bytesRecord, concatenate, integerRecord } from '../../../src/onnx/wire.js';
import { oraclePath } from '../../oracle.js';
import { smallNetwork } from '../small-models.js';

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

  const sparse = (shape: number[]) =>
    bytesRecord(
      15,
      concatenate([
        bytesRecord(
          1,
          concatenate([
            dims(1),
            integerRecord(2, 1),
            bytesRecord(8, 'w'),
            bytesRecord(9, new Uint8Array(4)),
          ]),
        ),
        bytesRecord(
          2,
          concatenate([dims(1), integerRecord(2, 7), bytesRecord(9, new Uint8Array(8))]),
        ),
        ...shape.map((size) => integerRecord(3, size)),
      ]),
    );
  const declared = (field: number, ...sizes: number[]) => {
    const shape = concatenate(sizes.map((size) => bytesRecord(1, integerRecord(1, size))));
    const type = bytesRecord(1, concatenate([integerRecord(1, 1), bytesRecord(2, shape)]));
    return bytesRecord(field, concatenate([bytesRecord(1, 'x'), bytesRecord(2, type)]));
  };
  const text = (length: number) =>
    bytesRecord(5, concatenate([bytesRecord(1, 't'), bytesRecord(4, 'a'.repeat(length))]));
  const withText = (length: number) =>
    bytesRecord(
      1,
      concatenate([bytesRecord(1, 'x'), bytesRecord(2, 'y'), bytesRecord(4, 'Relu'), text(length)]),
    );

  test.each([
    ['a sparse tensor of 40 GB', modelOf(x, sparse([100_000, 100_000])), /tensors .* 40000000008/],
    ['a sparse tensor beyond counting', modelOf(x, sparse([2 ** 40, 2 ** 40])), /tensor w .*sizes/],
    ['an output of 10 GB', modelOf(x, declared(12, 1, 2_500_000_000)), /value x .*10000000000/],
    ['an inner value of 10 GB', modelOf(x, declared(13, 2_500_000_000)), /value x .*10000000000/],
    [
      'a value of a negative size',
      modelOf(declared(11, -7, 3)),
      /value x .*sizes, found \[-7, 3\]/,
    ],
    ['a value of a hundred axes', modelOf(declared(11, ...Array(100).fill(1))), /value x .*sizes/],
    [
      'a text of two megabytes',
      modelOf(x, withText(2 ** 21)),
      /no longer than 1048576, found 2097152/,
    ],
  ])('%s', (_, bytes, words) => {
    expect(() => check(bytes)).toThrow(
      expect.objectContaining({ code: 'onnx-invalid', message: expect.stringMatching(words) }),
    );
  });

  test('but not sizes that stand for free ones, nor a small sparse tensor or text', () => {
    expect(check(modelOf(declared(11, -1, 0, 3))).inputs[0].dims).toEqual([null, null, 3]);
    expect(check(modelOf(x, sparse([10, 10]), withText(1000))).bytes).toBe(408);
  });

  describe('functions of the model’s own', () => {
    const call = (name: string) =>
      concatenate([
        bytesRecord(1, 'x'),
        bytesRecord(2, `y${Math.random()}`),
        bytesRecord(4, name),
        bytesRecord(7, 'own'),
      ]);
    const own = (name: string, calls: readonly string[]) =>
      bytesRecord(
        25,
        concatenate([
          bytesRecord(1, name),
          ...calls.map((called) => bytesRecord(7, call(called))),
          bytesRecord(10, 'own'),
        ]),
      );
    const modelWith = (...functions: Uint8Array[]) =>
      concatenate([modelOf(x, bytesRecord(1, call('f0'))), ...functions]);
    const many = (count: number, times: number) =>
      Array.from({ length: count }, (_, i) =>
        own(`f${i}`, i === count - 1 ? [] : Array(times).fill(`f${i + 1}`)),
      );

    test.each([
      ['that calls itself', [own('f0', ['f0'])], /functions .*64 deep/],
      ['that call each other', [own('f0', ['f1']), own('f1', ['f0'])], /functions .*64 deep/],
      ['in a chain of a thousand', many(1000, 1), /functions .*64 deep/],
      [
        'ten deep, each calling ten of the next',
        many(10, 10),
        /nodes .*at most 100000, found 1111/,
      ],
    ])('%s', (_, functions, words) => {
      expect(() => check(modelWith(...functions))).toThrow(words);
    });

    test('are counted as they are written', () => {
      expect(check(modelWith(...many(4, 10)))).toMatchObject({ nodes: 31 });
    });
  });

  test('subgraphs nested deeper than networks are', () => {
    let graph = named(12, 'x');
    for (let depth = 0; depth < 100; depth++) {
      const branch = bytesRecord(5, concatenate([bytesRecord(1, 'b'), bytesRecord(6, graph)]));
      const parts = [
        bytesRecord(1, 'x'),
        bytesRecord(2, `y${depth}`),
        bytesRecord(4, 'If'),
        branch,
      ];
      graph = bytesRecord(1, concatenate(parts));
    }
    expect(() => check(modelOf(x, graph))).toThrow(/net\.onnx nests subgraphs too deep/);
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
