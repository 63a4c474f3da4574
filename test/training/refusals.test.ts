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
  const erf = step((graph) => graph.output(graph.node('Erf', ['x'], { name: 'layer1/Erf' })));
  expect(erf).toThrow(/Erf layer1\/Erf: the operator has no gradient here/);
  expect(erf).toThrow(expect.objectContaining({ code: 'training-unsupported' }));
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
