import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { candidateLayers, mapCandidates } from '../../../src/activations/card/candidates.js';
import { cardTemplate } from '../../../src/activations/card/card-template.js';
import { draftCard } from '../../../src/activations/init-card.js';
import { measureLayers, modulesOrValues } from '../../../src/activations/measure-layers.js';
import { readModel } from '../../../src/onnx/model.js';
import { oraclePath } from '../../oracle.js';
import { branchingNetwork, fileOf } from '../branching-network.js';
import { madeNetwork, modelFile } from '../made-networks.js';
import { noisyNetwork } from '../noisy-networks.js';

const oracleModel = (name: string) => {
  const path = oraclePath(name);
  return readModel(readFileSync(path), name);
};
const resnet = oracleModel('11-layer-names/resnet/unfolded.onnx');
const folded = oracleModel('11-layer-names/resnet/folded.onnx');

test('of a graph with modules are its blocks, each value once, in order of execution', () => {
  const found = candidateLayers(resnet, undefined);
  const values = found.map(({ value }) => value);
  expect(new Set(values).size).toBe(found.length);
  expect(found.map(({ layer }) => layer)).toContain('layer3.0');
  const order = resnet.graph.nodes.flatMap(({ outputs }) => [...outputs]);
  const places = values.map((value) => order.indexOf(value as string));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  for (const { depth } of found) expect(depth).not.toBeNull();
});

test('of a graph with folded norms are the same blocks, without the convolutions that were folded', () => {
  const names = (model: typeof resnet) =>
    candidateLayers(model, undefined).map(({ layer }) => layer);
  const gone = new Set(['conv1', 'bn1']);
  expect(names(folded)).toEqual(names(resnet).filter((name) => !gone.has(name)));
});

test('of a map are the outputs that the graph declares too, where nobody names any', async () => {
  const { model, bytes } = modelFile(madeNetwork());
  const names = (found: readonly { readonly layer: string }[]) => found.map(({ layer }) => layer);
  expect(names(candidateLayers(model, undefined))).not.toContain('pool');
  const found = mapCandidates(model, undefined);
  expect(names(found)).toEqual([...names(candidateLayers(model, undefined)), 'pool']);
  expect(found.at(-1)).toEqual({ layer: 'pool', value: 'pool', aliases: [], depth: 1 });
  expect(names(mapCandidates(model, { layers: ['conv'] }))).toEqual(['conv']);
  expect(names(mapCandidates(model, undefined, ['conv']))).toEqual(['conv']);
  // An output that is a module's value stands there under the module's name.
  expect(names(mapCandidates(resnet, undefined))).toEqual(
    names(candidateLayers(resnet, undefined)),
  );
  const folder = mkdtempSync(join(tmpdir(), 'ventral-candidates-'));
  try {
    writeFileSync(join(folder, 'made.onnx'), bytes);
    const { hints } = await draftCard(join(folder, 'made.onnx'));
    expect(hints.layers).toContain('pool');
    const listed = modulesOrValues(await measureLayers(join(folder, 'made.onnx')));
    expect(listed.map(({ name }) => name)).toEqual(['conv', 'pool']);
    expect(listed[1]).toMatchObject({ kind: 'value', output: true, units: 4 });
    writeFileSync(join(folder, 'noisy.onnx'), noisyNetwork().build());
    const { hints: noisy } = await draftCard(join(folder, 'noisy.onnx'));
    expect(noisy).toMatchObject({
      trials: 10,
      layers: expect.arrayContaining(['noise', 'module:late']),
    });
    expect(cardTemplate('noisy', noisy)).toMatch(/^trials: 10 +# how often/m);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('of a graph without modules are what its operators make', () => {
  const layers = candidateLayers(fileOf(branchingNetwork()).model, undefined);
  expect(layers.map(({ layer }) => layer).slice(0, 5)).toEqual(['c0', 's0', 't0', 'r0', 'o0']);
  expect(layers.find(({ layer }) => layer === 'o1')?.depth).toBe(2);
});

test('of one value with two names are one, the other name beside it', () => {
  const { model } = modelFile(madeNetwork());
  const [first, ...rest] = candidateLayers(model, { layers: ['conv', '/conv/Conv_output_0'] });
  expect(first).toMatchObject({ layer: 'conv', aliases: ['/conv/Conv_output_0'], depth: 1 });
  expect(rest).toEqual([]);
});

test('that cannot be had stand last, with the reason', () => {
  const found = candidateLayers(folded, { layers: ['nowhere', 'conv1', 'layer3.0'] });
  expect(found.map(({ layer, value }) => [layer, value !== null])).toEqual([
    ['layer3.0', true],
    ['nowhere', false],
    ['conv1', false],
  ]);
  expect(found[1].reason).toMatch(/no layer nowhere/);
  expect(found[2].reason).toMatch(/batch norm was folded/);
});

test('that are asked for by a pattern that fits nothing are refused', () => {
  expect(() => candidateLayers(resnet, undefined, ['nowhere*'])).toThrowError(/nowhere\*/);
});
