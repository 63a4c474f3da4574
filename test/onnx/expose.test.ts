import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { exposedPieces, exposeValues } from '../../src/onnx/expose.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { listLayers } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';
import { Session, type Tensor } from '../../src/runtime/session.js';
import { oraclePath } from '../oracle.js';
import { smallNetwork } from './small-models.js';

const small = readModel(smallNetwork().build(), 'small');
const x: Tensor = { dtype: 'float32', dims: [2, 2], data: Float32Array.of(1, 1, -1, 2) };

async function run(bytes: Uint8Array, feeds: Record<string, Tensor>) {
  const session = await Session.open(bytes);
  const results = await session.run(feeds);
  await session.close();
  return Object.fromEntries(
    Object.entries(results).map(([name, tensor]) => [
      name,
      Array.from(tensor.data as Float32Array),
    ]),
  );
}

describe('a network of known values', () => {
  test.each([
    [['z'], { z: [5.25, 1, 6.25, 3.75] }],
    [['y'], { y: [4.25, 0, 5.25, 2.75] }],
    [['/dense/Gemm_output_0'], { '/dense/Gemm_output_0': [4.25, -1.75, 5.25, 2.75] }],
    [['x'], { x: [1, 1, -1, 2] }],
    [['dense.bias'], { 'dense.bias': [0.25, -0.25] }],
    [['z', 'y', 'x'], { z: [5.25, 1, 6.25, 3.75], y: [4.25, 0, 5.25, 2.75], x: [1, 1, -1, 2] }],
    [['y', 'y'], { y: [4.25, 0, 5.25, 2.75] }],
  ])('%j', async (values, want) => {
    expect(await run(exposeValues(small, values), { x })).toEqual(want);
  });

  test('only what is needed is kept', () => {
    const pruned = readModel(exposeValues(small, ['y']), 'y');
    expect(pruned.graph.nodes.map((node) => node.operator)).toEqual(['Gemm', 'Relu']);
    expect(pruned.graph.initializers.map((t) => t.name)).toEqual(['dense.weight', 'dense.bias']);
    expect(pruned.graph.outputs.map((o) => o.name)).toEqual(['y']);
    expect(pruned.graph.inputs.map((i) => i.name)).toEqual(['x']);
  });

  test('in pieces it has the same bytes, and its weights are not copied', () => {
    const pieces = exposedPieces(small, ['y']);
    expect(Buffer.concat(pieces)).toEqual(Buffer.from(exposeValues(small, ['y'])));
    const [{ bytes }] = small.graph.initializers;
    const holds = ({ buffer, byteOffset, length }: Uint8Array) =>
      buffer === bytes.buffer &&
      byteOffset <= bytes.byteOffset &&
      byteOffset + length >= bytes.byteOffset + bytes.length;
    expect(pieces.some(holds)).toBe(true);
  });

  test.each(['w', '', 'dense'])('%j is no value', (name) => {
    expect(() => exposeValues(small, [name])).toThrow(
      expect.objectContaining({ code: 'layer-unknown' }),
    );
  });
});

test('every value of a whole network can be exposed at once', async () => {
  const model = readModel(readFileSync(oraclePath('09-end-to-end/mbconv/model.onnx')), 'mbconv');
  const names = listLayers(model)
    .filter((l) => l.kind === 'value')
    .map((l) => l.name);
  const session = await Session.open(exposeValues(model, names));
  const data = new Float32Array(3 * 48 * 48).map((_, i) => Math.sin(i));
  const input = session.inputs[0].name;
  const results = await session.run({ [input]: { dtype: 'float32', dims: [1, 3, 48, 48], data } });
  await session.close();
  expect(Object.keys(results)).toHaveLength(names.length);
});

test('initializers that are inputs as well, as before IR version 4, need no feeding', async () => {
  const graph = new GraphBuilder('old', 9);
  graph.input('x', 'float32', ['batch', 2]);
  graph.output(graph.node('Relu', ['x'], { outputs: ['y'] }));
  const bytes = graph.build();
  const both = new GraphBuilder('old', 9);
  both.input('x', 'float32', ['batch', 2]);
  both.initializer('w', [1], Float32Array.of(3));
  both.node('Relu', ['x'], { outputs: ['y'] });
  both.output(both.node('Mul', ['y', 'w'], { outputs: ['z'] }));
  const model = readModel(both.build(), 'old');
  const weightAsInput = {
    ...model,
    graph: {
      ...model.graph,
      inputs: [
        ...model.graph.inputs,
        { name: 'w', kind: 'untyped' as const, bytes: Uint8Array.of(0x0a, 1, 0x77) },
      ],
      records: [
        ...model.graph.records,
        {
          field: 11,
          wire: 2,
          value: 0,
          payload: Uint8Array.of(0x0a, 1, 0x77),
          raw: Uint8Array.of(0x5a, 3, 0x0a, 1, 0x77),
        },
      ],
    },
  };
  expect(await run(exposeValues(weightAsInput, ['y']), { x })).toEqual(await run(bytes, { x }));
});

test('what a subgraph captures is kept', async () => {
  // if (true) y else y, written with a body that reads the outer y.
  const { bytesRecord, concatenate, integerRecord } = await import('../../src/onnx/wire.js');
  const body = concatenate([
    bytesRecord(
      1,
      concatenate([bytesRecord(1, 'y'), bytesRecord(2, 'inner'), bytesRecord(4, 'Neg')]),
    ),
    bytesRecord(2, 'body'),
    bytesRecord(12, bytesRecord(1, 'inner')),
  ]);
  const branch = (name: string) =>
    bytesRecord(5, concatenate([bytesRecord(1, name), bytesRecord(6, body), integerRecord(20, 5)]));
  const node = concatenate([
    bytesRecord(1, 'flag'),
    bytesRecord(2, 'chosen'),
    bytesRecord(4, 'If'),
    branch('then_branch'),
    branch('else_branch'),
  ]);
  const graph = new GraphBuilder('if');
  graph.input('x', 'float32', ['batch', 2]);
  graph.node('Relu', ['x'], { outputs: ['y'] });
  graph.initializer('f', [], Uint8Array.of(1));
  graph.node('Cast', ['f'], { outputs: ['flag'], attributes: { to: { int: 9 } } });
  const plain = readModel(graph.build(), 'if');
  const withIf = concatenate([
    ...plain.graph.records.filter((r) => r.field === 1).map((r) => r.raw),
    bytesRecord(1, node),
    ...plain.graph.records.filter((r) => r.field !== 1).map((r) => r.raw),
  ]);
  const model = readModel(
    concatenate([
      integerRecord(1, 8),
      bytesRecord(7, withIf),
      bytesRecord(8, integerRecord(2, 17)),
    ]),
    'if',
  );
  expect(await run(exposeValues(model, ['chosen']), { x })).toEqual({ chosen: [-1, -1, -0, -2] });
});

// Another reader could take such a record for something else: nothing that is run is to be read in two ways.
test('a record that has the number of a value and the form of something else is refused', async () => {
  const { bytesRecord, concatenate, integerRecord } = await import('../../src/onnx/wire.js');
  for (const field of [5, 11, 13]) {
    const records = [...small.graph.records.map(({ raw }) => raw), integerRecord(field, 7)];
    const bytes = [integerRecord(1, 8), bytesRecord(7, concatenate(records))];
    expect(() =>
      readModel(concatenate([...bytes, bytesRecord(8, integerRecord(2, 17))]), 'odd'),
    ).toThrow(`a field ${field} of another type`);
  }
});
