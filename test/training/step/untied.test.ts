import { expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import { type Model, readModel } from '../../../src/onnx/model.js';
import { sgd } from '../../../src/training/optimize/optimizers.js';
import { TrainedNetwork } from '../../../src/training/step/trained-network.js';
import { untied } from '../../../src/training/step/untied.js';

/** Two batch norms and two products, whose parameters the exporter stored once each. */
function tiedNetwork(): Model {
  const graph = new GraphBuilder('tied');
  graph.input('x', 'float32', ['batch', 3]);
  const initializer = (name: string, dims: readonly number[], of: (i: number) => number) => {
    const count = dims.reduce((product, size) => product * size, 1);
    return graph.initializer(
      name,
      dims,
      Float32Array.from({ length: count }, (_, i) => of(i)),
    );
  };
  const weights = initializer('fc1.weight', [3, 3], (i) => Math.cos(i));
  const one = initializer('bn1.weight', [3], () => 1);
  const zero = initializer('bn1.bias', [3], () => 0);
  const tie = (name: string, of: string) => graph.node('Identity', [of], { outputs: [name] });
  const norm = (value: string, names: readonly string[]) =>
    graph.node('BatchNormalization', [value, ...names]);
  const means = [tie('bn1.running_mean', zero), tie('bn1.running_var', one)];
  const first = norm(graph.node('MatMul', ['x', weights]), [one, zero, ...means]);
  const shared = graph.node('MatMul', [graph.node('Tanh', [first]), tie('fc2.weight', weights)]);
  const names = ['weight', 'bias', 'running_mean', 'running_var'].map((key) =>
    tie(`bn2.${key}`, /weight|var/.test(key) ? one : zero),
  );
  graph.output(norm(shared, names));
  return readModel(graph.build(), 'tied');
}

test('what was equal by how it began trains apart; what was shared stays one parameter', async () => {
  const network = await TrainedNetwork.open(tiedNetwork(), { dims: [4, 3], threads: 1 });
  expect(network.parameters.map(({ name }) => name).sort()).toEqual([
    'bn1.bias',
    'bn1.weight',
    'bn2.bias',
    'bn2.weight',
    'fc1.weight',
  ]);
  expect([...network.statistics.keys()].sort()).toEqual([
    'bn1.running_mean',
    'bn1.running_var',
    'bn2.running_mean',
    'bn2.running_var',
  ]);
  const optimizer = sgd();
  const pictures = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i * i));
  const targets = Float32Array.from({ length: 12 }, (_, i) => Number(i % 4 === 0));
  const pass = await network.pass({ pictures, targets });
  optimizer.step(network.parameters, pass.gradients, 0.5);
  network.follow(pass);
  await network.close();
  const after = readModel(network.checkpoint(), 'tied');
  const bytes = new Map(after.graph.initializers.map(({ name, bytes: all }) => [name, all]));
  const tail = (name: string) => Buffer.from((bytes.get(name) as Uint8Array).slice(-12));
  expect(tail('bn1.weight')).not.toEqual(tail('bn2.weight'));
  expect(tail('bn1.running_mean')).not.toEqual(tail('bn2.running_mean'));
  expect(after.graph.nodes.filter(({ operator }) => operator === 'Identity')).toHaveLength(1);
});

test('a network without ties is left as it is', () => {
  const graph = new GraphBuilder('plain');
  graph.input('x', 'float32', ['batch', 2]);
  graph.output(graph.node('Relu', ['x']));
  const model = readModel(graph.build(), 'plain');
  expect(untied(model)).toBe(model);
});
