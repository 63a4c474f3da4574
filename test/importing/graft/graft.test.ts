import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { requireKeys } from '../../../src/importing/checkpoint/key-table.js';
import { openCheckpoint } from '../../../src/importing/checkpoint/open-checkpoint.js';
import { graft } from '../../../src/importing/graft/graft.js';
import { planGraft } from '../../../src/importing/graft/graft-plan.js';
import { prove } from '../../../src/importing/proof/proof.js';
import { openReference } from '../../../src/importing/proof/reference-outputs.js';
import type { StoredTensor } from '../../../src/importing/source/checkpoint.js';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import { type Model, readModel, writeModelWithGraph } from '../../../src/onnx/model.js';
import { messagePieces } from '../../../src/onnx/wire.js';
import { Session } from '../../../src/runtime/session.js';
import { tensorOf, withElement } from '../made-tensors.js';

const at = (name: string) => join(import.meta.dirname, '../..', 'fixtures', 'graft', name);
const open = (name: string) => readModel(readFileSync(at(name)), name);

async function load(name: string): Promise<Map<string, StoredTensor>> {
  const { tensors } = await openCheckpoint(at(`${name}.pth`));
  return new Map([...tensors].map(([key, tensor]) => [key.replace(/^module\./, ''), tensor]));
}

/** Renames the keys of a state dict and the node and weight names of nothing else. */
const renamed = (state: ReadonlyMap<string, StoredTensor>, from: RegExp, to: string) =>
  new Map([...state].map(([key, tensor]) => [key.replace(from, to), tensor]));

describe.each([
  ['resnet', 'resnet.onnx', 1e-5, 23],
  ['resnet', 'resnet-folded.onnx', 1e-5, 17],
  ['mobilenet', 'mobilenet.onnx', 1e-3, 36],
  ['mobilenet', 'mobilenet-folded.onnx', 1e-3, 29],
  ['transformer', 'transformer-folded.onnx', 1e-5, 8],
])('the %s of a checkpoint in %s', (name, graph, epsilon, layers) => {
  test('gives at every layer what PyTorch gives', async () => {
    const plan = planGraft(open(graph), await load(name));
    requireKeys(plan.table, name);
    const { model } = await graft(plan, name, { value: epsilon });
    const network = readModel(model, name);
    const reference = await openReference(at(`${name}.npz`), network);
    const proof = await prove(network, reference);
    await reference.close();
    expect(proof.layers).toHaveLength(layers);
    for (const { difference } of proof.layers) expect(difference).toBeLessThan(1e-5);
    expect(proof.notCompared.every(({ why }) => why === 'a batch norm was folded into it')).toBe(
      true,
    );
  });
});

describe('weights that the exporter stored once, being equal', () => {
  test('become initializers of their own, and all else stays byte for byte', async () => {
    const before = open('resnet.onnx');
    const { model } = await graft(planGraft(before, await load('resnet')), 'resnet');
    const after = readModel(model, 'resnet');
    const kept = (network: Model) =>
      network.graph.nodes
        .filter(({ operator }) => operator !== 'Identity')
        .map(({ record }) => Buffer.from(record.raw).toString('base64'));
    expect(kept(after)).toEqual(kept(before));
    expect(before.graph.nodes.some(({ operator }) => operator === 'Identity')).toBe(true);
    expect(after.graph.nodes.some(({ operator }) => operator === 'Identity')).toBe(false);
    const fields = (network: Model) =>
      network.graph.records
        .filter(({ field }) => field !== 1 && field !== 5)
        .map(({ raw }) => Buffer.from(raw).toString('base64'));
    expect(fields(after)).toEqual(fields(before));
    expect(after.opsets).toEqual(before.opsets);
  });

  test('importing the same weights again changes no byte', async () => {
    const state = await load('resnet');
    const once = await graft(planGraft(open('resnet.onnx'), state), 'resnet');
    const again = await graft(planGraft(readModel(once.model, 'again'), state), 'resnet');
    expect(Buffer.compare(once.model, again.model)).toBe(0);
  });
});

describe('keys', () => {
  test('that are missing, mis-shaped and unexpected are all listed', async () => {
    const state = await load('resnet');
    state.delete('layer1.0.bn1.bias');
    state.set('fc.weight', tensorOf([3, 10], new Float32Array(30)));
    state.set('layer3.0.conv1.weight', tensorOf([1], new Float32Array(1)));
    const { table } = planGraft(open('resnet.onnx'), state);
    expect(table).toMatchObject({
      total: 32,
      loaded: 30,
      missing: ['layer1.0.bn1.bias'],
      misshapen: [{ key: 'fc.weight', expected: [7, 10], found: [3, 10] }],
      unexpected: ['layer3.0.conv1.weight'],
    });
    expect(() => requireKeys(table, 'net.pth')).toThrowError(
      /net\.pth does not fit the network: 30 of 32 tensors loaded, 1 missing \(layer1\.0\.bn1\.bias\), 1 mis-shaped \(fc\.weight should be \[7, 10\], found \[3, 10\]\), 1 unexpected/,
    );
  });

  test('of batch counters, optimizers and attackers are left out with the reason', async () => {
    const state = await load('resnet');
    for (const key of ['attacker.step', 'optimizer.lr', 'normalizer.new_mean']) {
      state.set(key, tensorOf([1], new Float32Array(1)));
    }
    // What a network calls its own is no bookkeeping.
    state.set('normalize.weight', tensorOf([1], new Float32Array(1)));
    const { table } = planGraft(open('resnet.onnx'), state);
    expect(table.unexpected).toEqual(['normalize.weight']);
    expect(table.ignored.filter(({ why }) => /batches/.test(why))).toHaveLength(6);
    expect(table.ignored.map(({ key }) => key)).toEqual(
      expect.arrayContaining(['attacker.step', 'optimizer.lr', 'normalizer.new_mean']),
    );
  });

  test('of a head are left out where the graph has none, and only then', async () => {
    const graph = new GraphBuilder('features');
    const image = graph.input('image', 'float32', ['batch', 3, 4, 4]);
    const weight = graph.initializer('conv.weight', [2, 3, 1, 1], new Float32Array(6));
    graph.output(graph.node('Conv', [image, weight], { name: '/conv/Conv' }));
    const features = readModel(graph.build(), 'features');
    const state = new Map([
      ['conv.weight', tensorOf([2, 3, 1, 1], new Float32Array(6))],
      ['fc.weight', tensorOf([5, 2], new Float32Array(10))],
    ]);
    expect(planGraft(features, state).table).toMatchObject({
      unexpected: [],
      ignored: [{ key: 'fc.weight', why: 'a head that the graph does not have' }],
    });
    const whole = await load('resnet');
    whole.set('fc.extra', tensorOf([1], new Float32Array(1)));
    expect(planGraft(open('resnet.onnx'), whole).table.unexpected).toEqual(['fc.extra']);
  });

  test('of folded convolutions that are missing are named, whatever became of their batch norms', async () => {
    const state = await load('resnet');
    state.delete('layer2.0.conv1.weight');
    const { table } = planGraft(open('resnet-folded.onnx'), state);
    expect(table).toMatchObject({ missing: ['layer2.0.conv1.weight'], unexpected: [] });
  });
});

describe('a folded batch norm that is not certain is refused', () => {
  const folded = () => open('resnet-folded.onnx');
  const refused = (state: ReadonlyMap<string, StoredTensor>, graph = folded()) =>
    expect(() => planGraft(graph, state));

  test('where names and order of the state dict disagree', async () => {
    const state = renamed(await load('resnet'), /layer1\.0\.bn(\d)/, 'layer1.0.swap$1');
    const swapped = new Map(
      [...state].map(([key, tensor]) => [
        key.replace('layer1.0.swap1', 'layer1.0.bn2').replace('layer1.0.swap2', 'layer1.0.bn1'),
        tensor,
      ]),
    );
    refused(swapped).toThrowError(
      /batch norm was folded into layer1\.0\.conv1 at export, and it is not certain which one: it may be any of layer1\.0\.bn2, layer1\.0\.bn1\. Export again without folding: .*TrainingMode\.PRESERVE, do_constant_folding=False/,
    );
  });

  test('where none stands beside it', async () => {
    refused(renamed(await load('resnet'), /^bn1\./, 'stem.bn1.')).toThrowError(
      /folded into conv1 .*there is no batch norm beside it/,
    );
  });

  test('where it stands at another place of a Sequential', async () => {
    refused(renamed(await load('resnet'), /downsample\.1\./, 'downsample.2.')).toThrowError(
      /there is no batch norm layer2\.0\.downsample\.1/,
    );
  });

  test('where its channels are others', async () => {
    const state = await load('resnet');
    for (const leaf of ['weight', 'bias', 'running_mean', 'running_var']) {
      state.set(`layer2.0.bn1.${leaf}`, tensorOf([6], new Float32Array(6).fill(1)));
    }
    refused(state).toThrowError(/layer2\.0\.bn1 has 6 channels, the convolution has 10/);
  });
});

test('convolutions that stand before all batch norms find theirs by their numbers', async () => {
  const state = await load('resnet');
  const last = (key: string) => Number(/bn|downsample/.test(key));
  const sorted = new Map([...state].sort(([a], [b]) => last(a) - last(b)));
  const [one, other] = [state, sorted].map((each) => planGraft(open('resnet-folded.onnx'), each));
  expect(other.steps.map(({ recipe }) => recipe)).toEqual(one.steps.map(({ recipe }) => recipe));
  const unnumbered = new Map(
    [...(await load('mobilenet'))].sort(([a], [b]) => Number(/bn/.test(a)) - Number(/bn/.test(b))),
  );
  expect(() => planGraft(open('mobilenet-folded.onnx'), unnumbered)).toThrowError(/not certain/);
});

describe('the epsilon of folded batch norms', () => {
  test('is PyTorch’s where nothing tells it, and that is said', async () => {
    const plan = planGraft(open('resnet-folded.onnx'), await load('resnet'));
    const { notes, epsilon } = await graft(plan, 'resnet');
    expect(epsilon).toEqual({ value: 1e-5 });
    expect(notes.join()).toMatch(/6 batch norms were folded .* does not say which/);
  });

  test('is what reproduces the export where the checkpoint is the export’s own', async () => {
    const plan = planGraft(open('mobilenet-folded.onnx'), await load('mobilenet'));
    const own = readModel((await graft(plan, 'm', { value: 1e-3 })).model, 'own');
    const again = await graft(planGraft(own, await load('mobilenet')), 'm');
    expect(again.epsilon).toEqual({
      value: 1e-3,
      known: 'the graph was exported from this very checkpoint',
    });
  });
});

describe('values', () => {
  const broken = async (key: string, value: number, graph = 'resnet.onnx') =>
    graft(
      planGraft(open(graph), await withElement(await load('resnet'), key, 2, value)),
      'net.pth',
    );

  test('that are not finite are refused by tensor and element', async () => {
    await expect(broken('fc.bias', Number.NaN)).rejects.toThrowError(
      /net\.pth: fc\.bias has the value NaN at element 2, which is not finite as float32/,
    );
    await expect(broken('conv1.weight', Infinity, 'resnet-folded.onnx')).rejects.toThrowError(
      /conv1\.weight has the value Infinity/,
    );
  });

  test('of variances below 0 are refused', async () => {
    for (const graph of ['resnet.onnx', 'resnet-folded.onnx']) {
      await expect(broken('bn1.running_var', -0.5, graph)).rejects.toThrowError(
        /net\.pth: bn1\.running_var should hold variances from 0, found -0\.5 at element 2/,
      );
    }
  });

  test('of float64 are rounded, which is said; whole numbers do not stand for weights', async () => {
    const state = await load('resnet');
    const bias = Float64Array.of(1 / 3, 0, 0, 0, 0, 0, 1e-300);
    state.set('fc.bias', tensorOf([7], bias));
    const { notes, model } = await graft(planGraft(open('resnet.onnx'), state), 'net.pth');
    expect(notes).toEqual(["1 float64 tensors were rounded to the graph's own type"]);
    const stored = readModel(model, 'net').graph.initializers.find(
      ({ name }) => name === 'fc.bias',
    );
    const data = stored!.data as { bytes: Uint8Array };
    expect(Buffer.from(data.bytes).readFloatLE(0)).toBe(Math.fround(1 / 3));
    state.set('fc.bias', tensorOf([7], new BigInt64Array(7)));
    await expect(graft(planGraft(open('resnet.onnx'), state), 'net.pth')).rejects.toThrowError(
      /fc\.bias holds whole numbers, and the graph takes float32 there/,
    );
  });

  test('that the exporter computed in a way that names do not tell are refused', () => {
    const graph = new GraphBuilder('standardized');
    const image = graph.input('image', 'float32', ['batch', 3, 4, 4]);
    const weight = graph.initializer('onnx::Conv_9', [2, 3, 1, 1], new Float32Array(6));
    graph.output(graph.node('Conv', [image, weight], { name: '/conv/Conv' }));
    const state = new Map([['conv.weight', tensorOf([2, 3, 1, 1], new Float32Array(6))]]);
    expect(() => planGraft(readModel(graph.build(), 'standardized'), state)).toThrowError(
      /weights onnx::Conv_9 of \/conv\/Conv were computed at export/,
    );
  });
});

test('two initializers of one name are refused: one would keep its own values', async () => {
  const bytes = readFileSync(at('resnet.onnx'));
  const graph = readModel(bytes, 'twice.onnx');
  const [{ bytes: tensor }] = graph.graph.initializers;
  const records = [...graph.graph.records.map(({ raw }) => raw), ...messagePieces(5, [tensor])];
  const twice = readModel(writeModelWithGraph(graph, records), 'twice.onnx');
  expect(() => planGraft(twice, new Map())).toThrowError(/twice\.onnx has two initializers/);
});

test('a matrix that the exporter turned over is told by its module, square or not', async () => {
  const graph = new GraphBuilder('linear');
  const input = graph.input('tokens', 'float32', ['batch', 2, 2]);
  const weight = graph.initializer('onnx::MatMul_5', [2, 2], new Float32Array(4));
  graph.output(graph.node('MatMul', [input, weight], { name: '/mlp/mlp.0/MatMul' }));
  const state = new Map([['mlp.0.weight', tensorOf([2, 2], Float32Array.of(1, 2, 3, 4))]]);
  const plan = planGraft(readModel(graph.build(), 'linear'), state);
  const session = await Session.open((await graft(plan, 'linear')).model);
  const tokens = { dtype: 'float32', dims: [1, 2, 2], data: Float32Array.of(1, 0, 0, 1) } as const;
  const [output] = Object.values(await session.run({ tokens }));
  await session.close();
  // x · Wᵀ of the identity.
  expect([...(output.data as Float32Array)]).toEqual([1, 3, 2, 4]);
});
