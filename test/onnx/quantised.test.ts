import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapCandidates } from '../../src/activations/card/candidates.js';
import { computedAs } from '../../src/activations/exposed-values.js';
import { extractActivations } from '../../src/activations/extract.js';
import { measureLayers } from '../../src/activations/measure-layers.js';
import { openModelFile } from '../../src/activations/model-file.js';
import { openNetwork } from '../../src/activations/open-network.js';
import { expandLayers, listLayers, resolveLayer } from '../../src/onnx/layers.js';
import { madeStimuli, plainCard } from '../activations/made-networks.js';
import { quantisedDynamically, quantisedOperators, quantisedPairs } from './quantised-networks.js';

let root: string;
const graphs = {
  pairs: quantisedPairs(),
  dynamic: quantisedDynamically(),
  operators: quantisedOperators(),
};
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-quantised-'));
  for (const [name, graph] of Object.entries(graphs)) writeFileSync(at(name), graph.build());
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const at = (name: string) => join(root, `${name}.onnx`);
const card = plainCard({ range: 1 });
const modelOf = async (name: string) => (await openModelFile(at(name), { card })).model;

const INTEGERS = ['int8', 'uint8', 'int32', 'int16', 'uint16'];

test.each(Object.keys(graphs))(
  'no layer of %s holds integers, and every candidate is read',
  async (name) => {
    const layers = await measureLayers(at(name), { card });
    for (const { shape, dtype } of layers) {
      expect(shape).not.toBeNull();
      expect(INTEGERS).not.toContain(dtype);
    }
    const network = await openNetwork({ path: at(name), card });
    const candidates = mapCandidates(network.file.model, card).map(({ layer }) => layer);
    expect(candidates.length).toBeGreaterThan(1);
    const shown = { stimuli: await madeStimuli(2, 8), degrees: undefined };
    const limits = { maxMemory: 2 ** 30, maxScratch: 0, scratch: tmpdir() };
    const found = await extractActivations(network, shown, candidates, limits);
    for (const store of found.layers.values()) {
      const values = await store.columns(0, store.cols);
      expect(values).toBeInstanceOf(Float32Array);
      expect(values.some((value) => value !== 0)).toBe(true);
    }
    found.close();
  },
);

test('a module whose value has a pair for each reader is its dequantised value', async () => {
  const model = await modelOf('pairs');
  const of = (name: string) => resolveLayer(model, name).value;
  expect(of('block')).toBe('/block/act/Relu_output_0_DequantizeLinear_Output');
  expect(of('block.act')).toBe('/block/act/Relu_output_0_DequantizeLinear_Output');
  expect(of('block.first')).toBe('/block/first/Conv_output_0');
  expect(of('next')).toBe('/next/Add_output_0_DequantizeLinear_Output');
  expect(of('next.second')).toBe('/next/second/Conv_output_0_DequantizeLinear_Output');
  const names = listLayers(model).map(({ name }) => name);
  expect(names.filter((name) => /QuantizeLinear_Output$|_Output_1$/.test(name))).toEqual([]);
  expect(names.filter((name) => name.endsWith('DequantizeLinear_Output'))).toHaveLength(3);
});

test('what is quantised for each image is offered before and after its products', async () => {
  const model = await modelOf('dynamic');
  const of = (name: string) => resolveLayer(model, name).value;
  expect(of('flat')).toBe('/flat/Flatten_output_0');
  expect(of('fc')).toBe('/fc/MatMul_output_0');
  const whole = '/fc/MatMul_output_0_output_quantized';
  expect(() => of(whole)).toThrow(
    `The layer ${whole} of dynamic.onnx holds the integers of a quantised value: ask for /fc/MatMul_output_0`,
  );
  expect(() => of('/flat/Flatten_output_0_scale')).toThrow(/ask for \/flat\/Flatten_output_0/);
  expect(() => expandLayers(model, ['/fc/*_quantized'])).toThrow(/No layer/);
});

test('values of integer operators are dequantised by their own scale', async () => {
  const model = await modelOf('operators');
  const of = (name: string) => resolveLayer(model, name).value;
  expect(of('first')).toBe('/first/Conv_output_0_quantized_dequantized');
  expect(of('pool')).toBe('/pool/MaxPool_output_0_quantized_dequantized');
  expect(of('sum')).toBe('sum');
  const network = await openNetwork({ path: at('operators'), card });
  const shown = { stimuli: await madeStimuli(2, 8), degrees: undefined };
  const limits = { maxMemory: 2 ** 30, maxScratch: 0, scratch: tmpdir() };
  const found = await extractActivations(network, shown, ['first', 'pool'], limits);
  for (const store of found.layers.values()) {
    const steps = Array.from(await store.columns(0, store.cols), (value) => value / 0.125);
    expect(steps.every((step) => Number.isInteger(step) && step >= -64 && step <= 191)).toBe(true);
    expect(new Set(steps).size).toBeGreaterThan(3);
  }
  found.close();
});

test('what is quantised for each image does not depend on the images beside it', async () => {
  const network = await openNetwork({ path: at('dynamic'), card });
  expect(computedAs(network.file, card, '/fc/MatMul_output_0')).toMatchObject({ batch: 1 });
  const both = await madeStimuli(2, 8);
  const second = {
    ...both,
    ids: both.ids.slice(1),
    filename: () => both.filename(1),
    read: () => both.read(1),
  };
  const rows: number[][] = [];
  for (const stimuli of [both, second]) {
    const limits = { maxMemory: 2 ** 30, maxScratch: 0, scratch: tmpdir() };
    const shown = { stimuli, degrees: undefined };
    const found = await extractActivations(network, shown, ['fc'], limits);
    const [store] = found.layers.values();
    rows.push(Array.from((await store.columns(0, store.cols)).slice(-store.cols)));
    found.close();
  }
  expect(rows[0]).toEqual(rows[1]);
});
