import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkGraph } from '../../src/onnx/checks/check-graph.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { readModel } from '../../src/onnx/model.js';
import { Session } from '../../src/runtime/session.js';
import { smallNetwork } from './small-models.js';

test('the same calls give the same bytes', () => {
  expect(Buffer.compare(smallNetwork().build(), smallNetwork().build())).toBe(0);
});

test('what was built is read back', () => {
  const graph = smallNetwork();
  graph.metadata('ventral.card', 'name: small');
  const model = readModel(graph.build(), 'small');
  expect(model.producer).toBe('ventral');
  expect([...model.opsets]).toEqual([['', 17]]);
  expect([...model.metadata]).toEqual([['ventral.card', 'name: small']]);
  expect(model.graph.inputs[0]).toMatchObject({ name: 'x', elementType: 1, dims: ['batch', 2] });
  expect(model.graph.nodes.map((n) => [n.name, n.operator, n.outputs])).toEqual([
    ['/dense/Gemm', 'Gemm', ['/dense/Gemm_output_0']],
    ['/act/Relu', 'Relu', ['y']],
    ['z', 'Add', ['z']],
  ]);
});

test('attributes of every type reach the runtime', async () => {
  const graph = new GraphBuilder('attributes');
  graph.input('x', 'float32', [1, 1, 2, 2]);
  graph.node('LeakyRelu', ['x'], { outputs: ['leaky'], attributes: { alpha: { float: 0.5 } } });
  graph.node('Transpose', ['x'], {
    outputs: ['turned'],
    attributes: { perm: { ints: [0, 1, 3, 2] } },
  });
  graph.node('Concat', ['x', 'x'], { outputs: ['joined'], attributes: { axis: { int: -1 } } });
  graph.node('Constant', [], {
    outputs: ['c'],
    attributes: { value: { tensor: { dims: [2], elements: Float64Array.of(1.5, -2) } } },
  });
  graph.node('Constant', [], {
    outputs: ['f'],
    attributes: { value_floats: { floats: [0.5, 4] } },
  });
  graph.node(
    'Pad',
    ['x', graph.initializer('pads', [8], BigInt64Array.of(0n, 0n, 0n, 1n, 0n, 0n, 0n, 0n))],
    {
      outputs: ['padded'],
      attributes: { mode: { string: 'reflect' } },
    },
  );
  for (const name of ['leaky', 'turned', 'joined', 'c', 'f', 'padded']) graph.output(name);
  const session = await Session.open(graph.build());
  const data = Float32Array.of(-1, 2, 3, -4);
  const got = await session.run({ x: { dtype: 'float32', dims: [1, 1, 2, 2], data } });
  await session.close();
  const list = (name: string) => Array.from(got[name].data as Float32Array);
  expect(list('leaky')).toEqual([-0.5, 2, 3, -2]);
  expect(list('turned')).toEqual([-1, 3, 2, -4]);
  expect(list('joined')).toEqual([-1, 2, -1, 2, 3, -4, 3, -4]);
  expect(list('c')).toEqual([1.5, -2]);
  expect(list('f')).toEqual([0.5, 4]);
  expect(list('padded')).toEqual([2, -1, 2, -4, 3, -4]);
});

test('a name can be taken once', () => {
  const graph = smallNetwork();
  expect(() => graph.node('Relu', ['x'], { outputs: ['y'] })).toThrow(RangeError);
  expect(() => graph.initializer('x', [1], Float32Array.of(1))).toThrow(RangeError);
  expect(() => graph.initializer('w', [3], Float32Array.of(1))).toThrow(/needs 3 elements/);
  expect(() => graph.input('i', 'float31', [1])).toThrow(/float31/);
});

describe('initializers', () => {
  test('keep their bytes, type and shape', () => {
    const elements = fc.oneof(
      fc.float32Array({ maxLength: 20 }),
      fc.float64Array({ maxLength: 20 }),
      fc.bigInt64Array({ maxLength: 20 }),
      fc.uint8Array({ maxLength: 20 }),
      fc.uint16Array({ maxLength: 20 }),
    );
    fc.assert(
      fc.property(elements, (values) => {
        const graph = new GraphBuilder('g');
        graph.input('x', 'float32', [1]);
        graph.initializer('w', [values.length, 1], values);
        const model = readModel(graph.build(), 'g');
        const [tensor] = model.graph.initializers;
        expect(tensor.dims).toEqual([values.length, 1]);
        if (tensor.data.at !== 'raw') throw new Error('expected raw data');
        const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
        expect(Buffer.compare(tensor.data.bytes, bytes)).toBe(0);
        expect(checkGraph(model).bytes).toBe(values.byteLength);
      }),
    );
  });
});
