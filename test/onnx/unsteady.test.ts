import { expect, test } from 'vitest';
import { mapCandidates } from '../../src/activations/card/candidates.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { listLayers, resolveLayer } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';

type Noise = (graph: GraphBuilder, value: string) => string;

/** Two modules with something between them. */
function between(noise: Noise) {
  const graph = new GraphBuilder('noisy');
  const image = graph.input('image', 'float32', ['N', 3, 8, 8]);
  const first = graph.node('Relu', [image], {
    ...{ name: '/first/Relu', outputs: ['/first/Relu_output_0'] },
  });
  const second = graph.node('Relu', [noise(graph, first)], {
    ...{ name: '/second/Relu', outputs: ['/second/Relu_output_0'] },
  });
  graph.output(second, 'float32', ['N', 3, 8, 8]);
  return readModel(graph.build(), 'noisy.onnx');
}

const training =
  (value: number): Noise =>
  (graph, input) => {
    graph.initializer('ratio', [], Float32Array.of(0.5));
    graph.initializer('mode', [], Uint8Array.of(value));
    return graph.node('Dropout', [input, 'ratio', 'mode']);
  };

const added: Noise = (graph, input) =>
  graph.node('Add', [input, graph.node('RandomNormalLike', [input])]);

test.each<[string, Noise, string]>([
  ['noise', added, 'random numbers (RandomNormalLike)'],
  ['a drop-out in training mode', training(1), 'random numbers (Dropout in training mode)'],
  ['a draw', (graph, input) => graph.node('Bernoulli', [input]), 'random numbers (Bernoulli)'],
  [
    'a batch norm in training mode',
    (graph, input) => {
      for (const name of ['scale', 'bias', 'mean', 'var'])
        graph.initializer(name, [3], Float32Array.of(1, 1, 1));
      return graph.node('BatchNormalization', [input, 'scale', 'bias', 'mean', 'var'], {
        ...{ outputs: ['normed', 'new_mean', 'new_var'] },
        attributes: { training_mode: { int: 1 } },
      });
    },
    'the other images of a batch (BatchNormalization in training mode)',
  ],
])('layers behind %s are refused, those before it are not', (_, noise, why) => {
  const model = between(noise);
  expect(resolveLayer(model, 'first').value).toBe('/first/Relu_output_0');
  expect(() => resolveLayer(model, 'second')).toThrow(
    expect.objectContaining({ code: 'layer-unsteady', message: expect.stringContaining(why) }),
  );
  const second = listLayers(model).find(({ name }) => name === 'second');
  expect(second).toMatchObject({ value: null, needs: [why] });
  expect(mapCandidates(model, undefined).map(({ layer }) => layer)).toEqual(['first']);
});

test('a drop-out of evaluation mode is none', () => {
  const model = between(training(0));
  expect(resolveLayer(model, 'second').value).toBe('/second/Relu_output_0');
});
