import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { readModel } from '../../src/onnx/model.js';
import { tensorElements } from '../../src/onnx/tensor-elements.js';
import { runVentral } from '../cli/run-ventral.js';

let root: string;
const at = (name: string) => join(root, name);
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-average-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A convolution and what else is said of it. */
function checkpoint(
  file: string,
  weights: readonly number[],
  more: { stride?: number; shape?: number } = {},
) {
  const graph = new GraphBuilder('net');
  graph.input('x', 'float32', ['batch', 1, 4, 4]);
  graph.initializer('w', [2, 1, 1, 1], Float32Array.from(weights));
  graph.initializer('shape', [2], BigInt64Array.from([0n, BigInt(more.shape ?? -1)]));
  const strides = { strides: { ints: [more.stride ?? 1, 1] } };
  graph.output(
    graph.node('Reshape', [
      graph.node('Conv', ['x', 'w'], { name: 'conv', attributes: strides }),
      'shape',
    ]),
  );
  writeFileSync(at(file), graph.build());
  return at(file);
}

const weightsOf = (file: string) => {
  const model = readModel(readFileSync(file), file);
  return { model, weights: [...tensorElements(model.graph.initializers[0])] };
};

test('weights become their mean, summed in float64 and rounded once', async () => {
  // In float32 the ones would be lost beside 2²⁴.
  const files = [
    [2 ** 24, 1],
    [1, 2],
    [1, 4],
    [2, 8],
  ].map((weights, i) => checkpoint(`${i}.onnx`, weights));
  const { status, out, err } = await runVentral(
    at('home'),
    'average',
    ...files,
    '-o',
    at('soup.onnx'),
  );
  expect([status, out, err]).toEqual([0, '', `Wrote ${at('soup.onnx')}, the mean of 4 networks\n`]);
  const { model, weights } = weightsOf(at('soup.onnx'));
  expect(weights).toEqual([2 ** 22 + 1, 3.75]);
  expect(JSON.parse(model.metadata.get('ventral.average') as string)).toEqual({
    kind: 'uniform',
    members: Array(4).fill(expect.stringMatching(/^sha256:[0-9a-f]{64}$/)),
  });
});

test('the mean of a network with itself has its bits', async () => {
  const file = checkpoint('own.onnx', [0.1, -0.3]);
  const { status } = await runVentral(
    at('home'),
    'average',
    file,
    file,
    file,
    '-o',
    at('same.onnx'),
  );
  expect(status).toBe(0);
  expect(weightsOf(at('same.onnx')).weights).toEqual(weightsOf(file).weights);
});

test.each([
  ['another operator', { stride: 2 }, 'node conv differs'],
  ['other constants', { shape: 32 }, 'initializer shape differs'],
])('%s is refused by name, and nothing is written', async (_what, more, words) => {
  const files = [checkpoint('a.onnx', [1, 2]), checkpoint('b.onnx', [1, 2], more)];
  const { status, err } = await runVentral(at('home'), 'average', ...files, '-o', at('no.onnx'));
  expect([status, err]).toEqual([2, expect.stringContaining(words)]);
  expect(() => readFileSync(at('no.onnx'))).toThrow();
});

test.each([
  ['one network', () => [checkpoint('a.onnx', [1, 2])], 'at least two'],
  [
    'weights that are not finite',
    () => [checkpoint('a.onnx', [1, 2]), checkpoint('n.onnx', [1, Number.NaN])],
    'w holds NaN',
  ],
])('%s is refused', async (_what, files, words) => {
  const { status, err } = await runVentral(at('home'), 'average', ...files(), '-o', at('no.onnx'));
  expect([status, err]).toEqual([2, expect.stringContaining(words)]);
});

test('a file that is there stays as it is unless its replacement is asked for', async () => {
  const files = [checkpoint('a.onnx', [1, 2]), checkpoint('b.onnx', [3, 4])];
  writeFileSync(at('there.onnx'), 'something');
  const words = ['average', ...files, '-o', at('there.onnx')];
  expect((await runVentral(at('home'), ...words)).status).toBe(2);
  expect(readFileSync(at('there.onnx'), 'utf8')).toBe('something');
  expect((await runVentral(at('home'), ...words, '--force')).status).toBe(0);
  expect(weightsOf(at('there.onnx')).weights).toEqual([2, 3]);
});
