import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { candidateLayers } from '../../../src/activations/card/candidates.js';
import { readModel } from '../../../src/onnx/model.js';
import { oraclePath } from '../../oracle.js';
import { branchingNetwork, fileOf } from '../branching-network.js';
import { madeNetwork, modelFile } from '../made-networks.js';

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
