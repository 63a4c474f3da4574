import { expect, test } from 'vitest';
import { inferColumn } from '../../src/data/column.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { listLayers } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';
import { valueDepths } from '../../src/onnx/modules.js';
import { withoutBfloat16 } from '../../src/onnx/prepare/widen-bfloat16.js';
import { prefixTokens } from '../../src/onnx/tokens/prefix-tokens.js';

/** A graph in which the image goes through one operator. */
function through(operator: string, more: (graph: GraphBuilder) => readonly string[] = () => []) {
  const graph = new GraphBuilder('strange');
  graph.input('image', 'float32', [1, 4, 8]);
  const own = more(graph);
  graph.node(operator, [...own, 'image'], {
    outputs: ['y'],
    ...(operator === 'Concat' ? { attributes: { axis: { int: 1 } } } : {}),
  });
  graph.output('y', 'float32', [1, 5, 8]);
  return readModel(graph.build(), 'strange');
}

test('operators and cells that are called as what every object has are names like others', () => {
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    expect(listLayers(through(name)).find((layer) => layer.name === 'y')?.operator).toBe(name);
    expect(inferColumn('c', [name, name])).toMatchObject({ dtype: 'string', values: [name, name] });
  }
});

test('sums of sums before an image are not followed for ever', () => {
  const sums = (graph: GraphBuilder) => {
    graph.initializer('token', [1, 1, 8], new Float32Array(8));
    graph.node('Neg', ['token'], { outputs: ['s0'] });
    for (let i = 0; i < 16; i++)
      graph.node('Add', Array(300).fill(`s${i}`), { outputs: [`s${i + 1}`] });
    return ['s16'];
  };
  expect(prefixTokens(through('Concat', sums), 'y')).toMatchObject({ kind: 'unclear' });
});

test('more inputs, and more pieces of a graph, than a call takes arguments', () => {
  const model = through('Concat', () => Array(150_000).fill('image'));
  expect(valueDepths(model).get('y')).toBe(0);

  const graph = new GraphBuilder('long');
  graph.input('image', 'float32', [1, 4]);
  graph.node('Cast', ['image'], { outputs: ['v0'], attributes: { to: { int: 16 } } });
  const count = 40_000;
  for (let i = 0; i < count; i++) graph.node('Neg', [`v${i}`], { outputs: [`v${i + 1}`] });
  graph.output(`v${count}`, 'float32', [1, 4]);
  const widened = withoutBfloat16(readModel(graph.build(), 'long'));
  expect(widened.graph.nodes).toHaveLength(count + 1);
});
