import { expect, test } from 'vitest';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { readModel } from '../../src/onnx/model.js';
import { type StepRequest, stepGraph } from '../../src/training/step/step-graph.js';

const step = (
  write: (graph: GraphBuilder) => void,
  opset = 17,
  more: Partial<StepRequest> = {},
) => {
  const graph = new GraphBuilder('network', opset);
  graph.input('x', 'float32', ['batch', 2]);
  write(graph);
  const request = { dims: [1, 2], parameters: [], input: true, training: () => false, ...more };
  return () => stepGraph(readModel(graph.build(), 'network.onnx'), request);
};

test('an operator without a gradient is named with its node', () => {
  const sinh = step((graph) => graph.output(graph.node('Sinh', ['x'], { name: 'layer1/Sinh' })));
  expect(sinh).toThrow(/Sinh layer1\/Sinh: the operator has no gradient here/);
  expect(sinh).toThrow(expect.objectContaining({ code: 'training-unsupported' }));
  // What every object of JavaScript has is no operator.
  const odd = step((graph) => {
    const two = graph.initializer('two', [1], BigInt64Array.of(2n));
    graph.output(graph.node('constructor', [two]));
  });
  expect(odd).toThrow(/constructor constructor_0: the operator has no gradient here/);
});

test('an operator set whose Softmax meant something else is refused', () => {
  const old = step((graph) => graph.output(graph.node('Softmax', ['x'])), 11);
  expect(old).toThrow('network.onnx cannot be trained: it is of operator set 11');
});

test('a network of two inputs, and one whose output is no matrix, are refused', () => {
  const two = step((graph) => {
    graph.input('y', 'float32', ['batch', 2]);
    graph.output(graph.node('Add', ['x', 'y']));
  });
  expect(two).toThrow('it has 2 inputs, and not one');
  const deep = step((graph) => {
    const axes = graph.initializer('axes', [1], BigInt64Array.of(2n));
    graph.output(graph.node('Unsqueeze', ['x', axes]));
  });
  expect(deep).toThrow('its first output must be [batch, classes], and is [1, 2, 1]');
});

test('a node that reads what nothing makes is refused', () => {
  const unmade = step((graph) => graph.output(graph.node('Relu', ['nothing'])));
  expect(unmade).toThrow(expect.objectContaining({ code: 'training-unsupported' }));
});

test('weights and casts of half precision are refused, with what to do', () => {
  const half = step((graph) => {
    const weights = graph.initializer('weights', [2], Uint16Array.of(0x3c00, 0x3c00));
    graph.output(graph.node('Mul', ['x', weights]));
  });
  expect(half).toThrow('weights is float16: export the network in float32');
  const cast = step((graph) => {
    graph.output(graph.node('Cast', ['x'], { attributes: { to: { int: 10 } } }));
  });
  expect(cast).toThrow('it changes the type of the numbers: export the network in float32');
});

test('starts, sizes and places that images decide are refused by node', () => {
  const slice = step((graph) => {
    const whole = graph.node('Cast', ['x'], { attributes: { to: { int: 7 } } });
    const ends = graph.initializer('ends', [2], BigInt64Array.of(1n, 2n));
    graph.output(graph.node('Slice', ['x', whole, ends], { name: 'crop' }));
  });
  expect(slice).toThrow('Slice crop: its starts are not constant');
  const resize = step((graph) => {
    const sizes = graph.node('Cast', ['x'], { attributes: { to: { int: 7 } } });
    graph.output(graph.node('Resize', ['x', '', '', sizes], { name: 'larger' }));
  });
  expect(resize).toThrow('Resize larger: its sizes are not constant');
});

test.each<[string, readonly bigint[]]>([
  ['a step of 0', [0n, 2n, 1n, 0n]],
  ['an axis that is not there', [0n, 2n, 7n, 1n]],
  ['nothing at all', [2n, 2n, 1n, 1n]],
])('a Slice of %s is refused', (_, lists) => {
  const slice = step((graph) => {
    const names = lists.map((number, i) =>
      graph.initializer(`list${i}`, [1], BigInt64Array.of(number)),
    );
    graph.output(graph.node('Slice', ['x', ...names], { name: 'part' }));
  });
  expect(slice).toThrow('Slice part: it takes nothing');
});

test('sizes that are none are not counted on', () => {
  const shapes = step((graph) => {
    const minus = graph.initializer('minus', [1], BigInt64Array.of(-3n));
    const filled = graph.node('ConstantOfShape', [minus], {
      attributes: { value: { tensor: { dims: [1], elements: BigInt64Array.of(1n) } } },
    });
    graph.output(graph.node('Reshape', ['x', filled]));
  });
  expect(shapes).toThrow(expect.objectContaining({ code: 'training-unsupported' }));
});
