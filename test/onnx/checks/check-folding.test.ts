import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { packageRoot } from '../../../src/formats/package-root.js';
import { checkGraph } from '../../../src/onnx/checks/check-graph.js';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import { readModel } from '../../../src/onnx/model.js';
import { oraclePath } from '../../oracle.js';
import { constantFolding, foldingInFunctions, slowFolding } from '../../service/hostile-models.js';

const int64 = (...values: number[]) => BigInt64Array.from(values, BigInt);
const list = (ints: number[]) => ({ ints });

/** A graph whose output adds what `body` makes of constants to the images. */
function folding(body: (graph: GraphBuilder) => string): Uint8Array {
  const graph = new GraphBuilder('folding');
  graph.input('x', 'float32', ['batch', 3, 16, 16]);
  const made = body(graph);
  graph.node('Add', ['x', graph.node('ReduceMean', [made])], { outputs: ['y'] });
  graph.output('y');
  return graph.build();
}

const filled = (graph: GraphBuilder, ...dims: number[]) =>
  graph.node('ConstantOfShape', [
    graph.initializer(`shape ${dims}`, [dims.length], int64(...dims)),
  ]);

const small = (graph: GraphBuilder, name: string, ...values: number[]) =>
  graph.initializer(name, [values.length], int64(...values));

const number = (graph: GraphBuilder, name: string, value: number) =>
  graph.initializer(name, [], int64(value));

const hostile: Readonly<Record<string, (graph: GraphBuilder) => string>> = {
  'ConstantOfShape of a product': (graph) => {
    const side = graph.node('Mul', [small(graph, 'a', 65_536), small(graph, 'b', 65_536)]);
    return graph.node('ConstantOfShape', [side]);
  },
  'a shape from pieces': (graph) => {
    const sides = graph.node('Concat', [small(graph, 'a', 9000), small(graph, 'b', 9000, 9000)], {
      attributes: { axis: { int: 0 } },
    });
    return graph.node('ConstantOfShape', [sides]);
  },
  'a power': (graph) => {
    const side = graph.node('Pow', [small(graph, 'a', 1000), small(graph, 'b', 4)]);
    return graph.node('ConstantOfShape', [side]);
  },
  Expand: (graph) => graph.node('Expand', [filled(graph, 1), small(graph, 'to', 50_000, 50_000)]),
  Tile: (graph) => graph.node('Tile', [filled(graph, 1000, 1000), small(graph, 'by', 100, 100)]),
  Range: (graph) =>
    graph.node('Range', [
      number(graph, 'from', 0),
      number(graph, 'to', 4_000_000_000),
      number(graph, 'step', 1),
    ]),
  Resize: (graph) =>
    graph.node('Resize', [
      filled(graph, 1, 1, 100, 100),
      '',
      '',
      small(graph, 's', 1, 1, 99_999, 99_999),
    ]),
  'Resize by scales': (graph) => {
    const scales = graph.initializer('by', [4], Float32Array.of(1, 1, 1000, 1000));
    return graph.node('Resize', [filled(graph, 1, 1, 100, 100), '', scales]);
  },
  Pad: (graph) =>
    graph.node('Pad', [filled(graph, 10, 10), small(graph, 'p', 50_000, 50_000, 50_000, 50_000)]),
  OneHot: (graph) => {
    const indices = graph.node('Cast', [filled(graph, 100_000)], {
      attributes: { to: { int: 7 } },
    });
    const values = graph.initializer('v', [2], Float32Array.of(0, 1));
    return graph.node('OneHot', [indices, number(graph, 'depth', 100_000), values]);
  },
  'an outer product': (graph) =>
    graph.node('Mul', [filled(graph, 100_000, 1), filled(graph, 1, 100_000)]),
  'a table looked up often': (graph) => {
    const indices = graph.node('Cast', [filled(graph, 100_000)], {
      attributes: { to: { int: 7 } },
    });
    return graph.node('Gather', [filled(graph, 2, 100_000), indices]);
  },
  'a chain of doubling': (graph) => {
    let all = filled(graph, 1000);
    for (let i = 0; i < 40; i++)
      all = graph.node('Concat', [all, all], { attributes: { axis: { int: 0 } } });
    return all;
  },
  'a long chain of large sums': (graph) => {
    let all = filled(graph, 5000, 5000);
    for (let i = 0; i < 1000; i++) all = graph.node('Add', [all, all]);
    return all;
  },
  'a chain of Einsum': (graph) => {
    let all = filled(graph, 2000, 2000);
    const attributes = { equation: { string: 'ij,jk->ik' } };
    for (let i = 0; i < 50; i++) all = graph.node('Einsum', [all, all], { attributes });
    return all;
  },
  'a chain of Gemm': (graph) => {
    let all = filled(graph, 2000, 2000);
    for (let i = 0; i < 50; i++)
      all = graph.node('Gemm', [all, all], { attributes: { transA: { int: 1 } } });
    return all;
  },
  'a large convolution': (graph) =>
    graph.node('Conv', [filled(graph, 1, 64, 1000, 1000), filled(graph, 64, 64, 31, 31)]),
  'a large window': (graph) =>
    graph.node('MaxPool', [filled(graph, 1, 1, 9000, 9000)], {
      attributes: { kernel_shape: list([999, 999]) },
    }),
};

const refused = (bytes: Uint8Array) => {
  try {
    checkGraph(readModel(bytes, 'upload.onnx'));
  } catch (error) {
    return error as VentralError;
  }
  return undefined;
};

describe('constants that would take long to compute are refused', () => {
  test.each(Object.entries(hostile))('%s', (_name, body) => {
    const bytes = folding(body);
    expect(bytes.length).toBeLessThan(2 ** 17);
    const error = refused(bytes);
    expect(error).toBeInstanceOf(VentralError);
    expect(error).toMatchObject({ code: 'onnx-invalid', details: { field: /^node / } });
    expect(error?.message).toMatch(/to compute before a run/);
    expect(error?.message.length).toBeLessThan(400);
  });

  test('in functions that are called often, and of many outputs', () => {
    for (const bytes of [foldingInFunctions(), constantFolding(60, 5e7), slowFolding()])
      expect(refused(bytes)?.code).toBe('onnx-invalid');
  });

  test('from the fixed shape of the input', () => {
    const graph = new GraphBuilder('folding');
    graph.input('x', 'float32', [1, 3, 16, 16]);
    const shape = graph.node('Shape', ['x']);
    const large = graph.node('Mul', [shape, small(graph, 'by', 1, 1, 10_000, 10_000)]);
    const made = graph.node('ReduceMean', [graph.node('ConstantOfShape', [large])]);
    graph.node('Add', ['x', made], { outputs: ['y'] });
    graph.output('y');
    expect(refused(graph.build())?.code).toBe('onnx-invalid');
  });
});

describe('what networks do with constants is left alone', () => {
  test.each([
    ...['09-end-to-end/mbconv/folded', '09-end-to-end/resnet/model', '11-layer-names/odd/unfolded'],
    ...[
      '11-layer-names/odd/newer',
      '11-layer-names/mbconv/unfolded',
      '11-layer-names/resnet/newer',
    ],
  ])('%s', (name) => {
    expect(refused(readFileSync(oraclePath(`${name}.onnx`)))).toBeUndefined();
  });

  test('a transformer', () => {
    const path = join(packageRoot, 'test', 'fixtures', 'graft', 'transformer-folded.onnx');
    expect(refused(readFileSync(path))).toBeUndefined();
  });

  test('grids of anchors, masks and embeddings', () => {
    const honest = folding((graph) => {
      const axis = (name: string) =>
        graph.node('Range', [
          number(graph, `${name} from`, 0),
          number(graph, `${name} to`, 1024),
          number(graph, `${name} step`, 1),
        ]);
      const row = graph.node('Reshape', [axis('a'), small(graph, 'row', 1, -1)]);
      const column = graph.node('Reshape', [axis('b'), small(graph, 'column', -1, 1)]);
      const both = graph.node('Add', [row, column]);
      const mask = graph.node('Expand', [both, small(graph, 'heads', 16, 1024, 1024)]);
      return graph.node('Cast', [mask], { attributes: { to: { int: 1 } } });
    });
    expect(refused(honest)).toBeUndefined();
  });

  test('a size that is not followed counts as nothing', () => {
    const unknown = folding((graph) => {
      const size = graph.node('CumSum', [small(graph, 'a', 1000), number(graph, 'axis', 0)]);
      return graph.node('ConstantOfShape', [size]);
    });
    expect(refused(unknown)).toBeUndefined();
  });
});
