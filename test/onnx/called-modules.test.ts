import { expect, test } from 'vitest';
import { candidateLayers } from '../../src/activations/card/candidates.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { expandLayers, listLayers, resolveLayer } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';
import { recurrentNetwork } from './recurrent-network.js';

/** A recurrent block whose convolution is called three times, its weights named by the exporter. */
function recurrent() {
  const graph = new GraphBuilder('recurrent');
  let value = graph.input('image', 'float32', ['N', 3, 8, 8]);
  graph.initializer('onnx::Conv_7', [3, 3, 1, 1], new Float32Array(9).fill(0.5));
  for (const call of ['', '_1', '_2']) {
    const conv = graph.node('Conv', [value, 'onnx::Conv_7'], {
      ...{ name: `/IT/conv2${call}/Conv`, outputs: [`/IT/conv2${call}/Conv_output_0`] },
    });
    value = graph.node('Relu', [conv], {
      ...{ name: `/IT/nonlin${call}/Relu`, outputs: [`/IT/nonlin${call}/Relu_output_0`] },
    });
  }
  graph.output(value);
  return readModel(graph.build(), 'recurrent.onnx');
}

test('a call of a module that names cannot tell apart is named by its number', () => {
  const model = recurrent();
  const value = (name: string) => resolveLayer(model, name).value;
  expect(value('IT.conv2#1')).toBe('/IT/conv2/Conv_output_0');
  expect(value('IT.conv2#3')).toBe('/IT/conv2_2/Conv_output_0');
  expect(() => value('IT.conv2')).toThrow(
    expect.objectContaining({
      code: 'layer-ambiguous',
      message: expect.stringContaining('or for a call: IT.conv2#1 to IT.conv2#3'),
    }),
  );
  for (const name of ['IT.conv2#4', 'IT.conv2#0', 'image#1'])
    expect(() => value(name)).toThrow(expect.objectContaining({ code: 'layer-unknown' }));
});

test('calls are listed, and are no candidates unless they are asked for', () => {
  const model = recurrent();
  const listed = listLayers(model).filter(({ name }) => name.startsWith('IT.conv2'));
  expect(listed.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['IT.conv2', 'IT.conv2#1', 'IT.conv2#2', 'IT.conv2#3']),
  );
  const names = (layers: readonly { name?: string; layer?: string }[]) =>
    layers.map(({ name, layer }) => name ?? layer).filter((each) => each?.includes('#'));
  expect(names(candidateLayers(model, undefined))).toEqual([]);
  expect(names(expandLayers(model, ['IT.*']))).toEqual([]);
  expect(names(expandLayers(model, ['IT.conv2#*']))).toHaveLength(3);
});

test('calls whose batch norms were folded into them are refused, not offered under the name of the convolution', () => {
  const graph = new GraphBuilder('recurrent');
  let value = graph.input('image', 'float32', ['N', 3, 8, 8]);
  for (const [call, number] of [
    ['', 7],
    ['_1', 10],
  ] as const) {
    const stored = [`onnx::Conv_${number}`, `onnx::Conv_${number + 1}`];
    graph.initializer(stored[0], [3, 3, 1, 1], new Float32Array(9).fill(0.5));
    graph.initializer(stored[1], [3], new Float32Array(3));
    value = graph.node('Conv', [value, ...stored], {
      ...{ name: `/IT/conv2${call}/Conv`, outputs: [`/IT/conv2${call}/Conv_output_0`] },
    });
  }
  graph.output(value);
  const model = readModel(graph.build(), 'recurrent.onnx');
  for (const name of ['IT.conv2', 'IT.conv2#1', 'IT.conv2#2'])
    expect(() => resolveLayer(model, name)).toThrow(
      expect.objectContaining({ code: 'layer-folded' }),
    );
});

test('a block of CORnet has its output, and a recurrent one the output of each step', () => {
  const model = readModel(recurrentNetwork(3).build(), 'recurrent.onnx');
  const value = (name: string) => resolveLayer(model, name).value;
  const steps = ['IT/nonlin', 'IT/nonlin_1', 'IT/nonlin_2'].map((path) => `/${path}/Relu_output_0`);
  expect([1, 2, 3].map((step) => value(`IT.output#${step}`))).toEqual(steps);
  expect([1, 2, 3].map((step) => value(`IT.nonlin#${step}`))).toEqual(steps);
  expect(value('IT.output')).toBe(value('IT'));
  expect(value('IT.output')).toBe(steps[2]);
  expect(value('V1.output')).toBe('/V1/nonlin/Relu_output_0');
  expect(value('decoder.output')).toBe('logits');
  for (const name of ['IT.output#4', 'V1.output#1', 'V2.output', 'IT.conv.output', 'output'])
    expect(() => value(name), name).toThrow(expect.objectContaining({ code: 'layer-unknown' }));
});

test('outputs of blocks and all calls are listed where a network is recurrent', () => {
  const model = readModel(recurrentNetwork(2).build(), 'recurrent.onnx');
  const names = listLayers(model)
    .filter(({ kind }) => kind === 'module')
    .map(({ name }) => name);
  expect(names.toSorted()).toEqual(
    [
      ...['V1', 'V1.conv', 'V1.nonlin', 'V1.output'],
      ...['IT', 'IT.conv', 'IT.conv#1', 'IT.conv#2', 'IT.nonlin', 'IT.nonlin#1', 'IT.nonlin#2'],
      ...['IT.output', 'IT.output#1', 'IT.output#2'],
      ...['decoder', 'decoder.avgpool', 'decoder.flatten', 'decoder.linear', 'decoder.output'],
    ].toSorted(),
  );
  const plain = readModel(recurrentNetwork(1).build(), 'plain.onnx');
  expect(listLayers(plain).filter(({ name }) => /output$|#/.test(name))).toEqual([]);
  expect(resolveLayer(plain, 'IT.output').value).toBe('/IT/nonlin/Relu_output_0');
  const candidates = candidateLayers(model, undefined).map(({ layer }) => layer);
  expect(candidates.filter((name) => /output|#/.test(name))).toEqual([]);
  expect(expandLayers(model, ['IT.output#*']).map(({ name }) => name)).toEqual([
    ...['IT.output#1', 'IT.output#2'],
  ]);
});
