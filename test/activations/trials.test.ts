import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelCard } from '../../src/activations/card/card.js';
import { computedAs } from '../../src/activations/exposed-values.js';
import { extractActivations } from '../../src/activations/extract.js';
import { type ModelFile, openModelFile } from '../../src/activations/model-file.js';
import type { StimulusSet } from '../../src/data/stimulus-set.js';
import type { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { listLayers } from '../../src/onnx/layers.js';
import { mapPage } from '../../src/report/map-page.js';
import { mapLayers } from '../../src/scoring/map/layer-map.js';
import { type Score, trialsRemark } from '../../src/scoring/measure/score.js';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { packageNetwork } from '../../src/submission/packaged-network.js';
import { openAttackedModel } from '../../src/training/robustness/open-attacked-model.js';
import { ORACLE } from '../oracle.js';
import { noise } from '../screen/raster.js';
import { madeNetwork, madeStimuli, plainCard } from './made-networks.js';
import { drawnClass, droppedOut, likePoisson, noisyNetwork, spiking } from './noisy-networks.js';

const SIDE = 15;
const IMAGES = 11;
/** As many as the runtime is given at once where the graph leaves it free. */
const BATCH = 8;

let root: string;
let stimuli: StimulusSet;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ventral-trials-'));
  stimuli = await madeStimuli(IMAGES, SIDE);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const card = (trials: number | undefined, more: Partial<ModelCard> = {}): ModelCard => ({
  ...plainCard(),
  // None of its own: operator by operator, as a session of the test computes.
  layers: ['none'],
  ...(trials === undefined ? {} : { trials }),
  ...more,
});

async function opened(graph: GraphBuilder, name: string, how: ModelCard) {
  const path = join(root, `${name}.onnx`);
  writeFileSync(path, graph.build());
  return openModelFile(path, { card: how });
}

async function extracted(
  file: ModelFile,
  how: ModelCard,
  layers: readonly string[],
  { threads = 1, maxMemory = 2 ** 30 } = {},
) {
  const shown = { stimuli, degrees: undefined };
  const found = await extractActivations({ file, card: how }, shown, layers, {
    ...{ threads, maxMemory, maxScratch: 2 ** 30, scratch: mkdtempSync(join(root, 'scratch-')) },
  });
  const values = new Map<string, Float32Array | Float64Array>();
  for (const [layer, store] of found.layers)
    values.set(layer, (await store.columns(0, store.cols)).slice());
  found.close();
  return values;
}

describe.each([
  ['noise', likePoisson()],
  ['drop-out in training mode', droppedOut],
  ['spikes', spiking],
  ['drawn classes', drawnClass],
] as const)('%s', (name, way) => {
  test('gives the same bits again, whatever else is asked for', async () => {
    const how = card(4);
    const file = await opened(noisyNetwork(way), `again-${name}`, how);
    const first = await extracted(file, how, ['late']);
    const values = first.get('late') as Float32Array;
    expect(values.every(Number.isFinite)).toBe(true);
    for (const [layers, limits] of [
      [['late'], {}],
      [['conv', 'noisy', 'late', 'rest'], { threads: 2 }],
      [['noisy', 'late'], { maxMemory: 0 }],
    ] as const)
      expect((await extracted(file, how, layers, limits)).get('late')).toEqual(values);
    const other = card(5);
    const more = await extracted(await opened(noisyNetwork(way), `more-${name}`, other), other, [
      'late',
    ]);
    expect(more.get('late')).not.toEqual(values);
  });

  test('leaves the layers before it as they are', async () => {
    const how = card(3);
    const file = await opened(noisyNetwork(way), `before-${name}`, how);
    const plain = await opened(noisyNetwork(way), `plain-${name}`, card(undefined));
    const before = await extracted(plain, card(undefined), ['rest']);
    expect((await extracted(file, how, ['rest', 'late'])).get('rest')).toEqual(before.get('rest'));
    expect(computedAs(file, how, 'rest')).toEqual(computedAs(plain, card(undefined), 'rest'));
    expect(computedAs(file, how, 'late')).toMatchObject({ trials: { count: 3, seed: 0 } });
  });
});

/** The mean over trials as a session of the test gives it. */
async function averaged(graph: GraphBuilder, trials: number) {
  const session = await InferenceSession.create(graph.build(), {
    ...{ graphOptimizationLevel: 'disabled', intraOpNumThreads: 1 },
  });
  const length = 3 * SIDE * SIDE;
  const shown = (images: readonly number[]) => {
    const data = new Float32Array(images.length * length);
    images.forEach((image, row) => {
      const { data: pixels } = noise(SIDE, SIDE, 3, image + 1);
      for (let i = 0; i < length; i++)
        data[row * length + (i % 3) * SIDE * SIDE + Math.floor(i / 3)] = pixels[i];
    });
    return new OrtTensor('float32', data, [images.length, 3, SIDE, SIDE]);
  };
  const run = async (images: readonly number[]) =>
    (await session.run({ image: shown(images) })).deep.data as Float32Array;
  const means: number[] = [];
  const single = await run([0]);
  for (let first = 0; first < IMAGES; first += BATCH) {
    const images = Array.from({ length: BATCH }, (_, i) => Math.min(first + i, IMAGES - 1));
    const all = [];
    for (let trial = 0; trial < trials; trial++) all.push(await run(images));
    const rows = Math.min(BATCH, IMAGES - first);
    for (let i = 0; i < rows * single.length; i++) {
      const [start, ...others] = all.map((values) => values[i]);
      const offsets = others.reduce((sum, value) => sum + (value - start), 0);
      means.push(Math.fround(start + offsets / trials));
    }
  }
  await session.release();
  return means;
}

test('the mean is that of the runtime’s own stream, from a seed of the value’s name', async () => {
  const how = card(6);
  const file = await opened(noisyNetwork(), 'stream', how);
  const hash = createHash('sha256').update('[0,"/noise/RandomNormalLike"]').digest();
  const found = (await extracted(file, how, ['deep'])).get('deep') as Float32Array;
  expect([...found]).toEqual(await averaged(noisyNetwork(likePoisson(hash.readUIntBE(0, 3))), 6));
});

test('seeds of the file are replaced, and without trials random layers are refused', async () => {
  const how = card(undefined);
  const file = await opened(noisyNetwork(likePoisson(7)), 'refused', how);
  await expect(extracted(file, how, ['late'])).rejects.toMatchObject({
    code: 'layer-unsteady',
    message: expect.stringMatching(
      /in node \/noise\/RandomNormalLike, .*add `trials: 10` to the card/,
    ),
  });
  const late = (model: ModelFile['model']) => listLayers(model).find(({ name }) => name === 'late');
  expect(late(file.model)).toMatchObject({ needs: ['random numbers (RandomNormalLike)'] });
  expect(late((await opened(noisyNetwork(), 'seeded', card(2))).model)).toMatchObject({
    value: 'late',
  });
});

test('trials of a network without random numbers are warned of', async () => {
  const { cardWarnings } = await opened(madeNetwork(), 'steady', card(10));
  expect(cardWarnings).toMatchObject([{ code: 'card-trials' }]);
  expect((await opened(noisyNetwork(), 'noisy', card(10))).cardWarnings).toEqual([]);
});

test('what shows an image once refuses layers that need trials', async () => {
  const how = card(3, {
    readout: 'deep',
    logits: { layer: 'deep', classes: ['a', 'b'] },
    layers: ['rest', 'deep'],
  });
  const file = await opened(noisyNetwork(), 'once', how);
  await expect(packageNetwork(file, how)).rejects.toMatchObject({
    code: 'package-invalid',
    message: expect.stringContaining('averaged over trials'),
  });
  await expect(openAttackedModel(join(root, 'once.onnx'), { card: how })).rejects.toMatchObject({
    code: 'training-unsupported',
  });
});

test('a score says its trials and how much they vary, is the same again, and from the cache', async () => {
  const path = join(root, 'scored.onnx');
  writeFileSync(path, noisyNetwork().build());
  const benchmarks = [join(ORACLE, '09-end-to-end', 'neural-csv', 'benchmark.yaml')];
  const kept = new Map<string, Uint8Array>();
  const cache = {
    get: async (key: string) => kept.get(key),
    has: async (key: string) => kept.has(key),
    put: async (key: string, parts: readonly Uint8Array[]) => {
      kept.set(key, Buffer.concat(parts));
    },
  };
  const scored = async (trials: number, layer: string, cached = false) => {
    const how = card(trials, {
      input: {
        ...plainCard().input,
        range: 1,
        resize: { to: 24, mode: 'square', filter: 'bilinear', library: 'pillow' },
      },
    });
    const { scores, failures } = await scoreModel(
      { model: { path, card: how }, benchmarks, layers: { V4: layer } },
      {
        ...{ home: root, threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 },
        ...(cached ? { cache: cache as never } : {}),
      },
    );
    expect(failures.filter(({ benchmark }) => benchmark.includes('V4'))).toEqual([]);
    return scores.find(({ region }) => region === 'V4')!;
  };
  const first = await scored(5, 'deep', true);
  const { trials } = first.provenance;
  expect(trials).toMatchObject({ count: 5, seed: 0 });
  expect(trials?.spread).toBeGreaterThan(0);
  expect(trialsRemark(first)).toMatch(/^5 trials, spread \d+(\.\d+)? %$/);
  for (const again of [await scored(5, 'deep', true), await scored(5, 'deep')]) {
    expect(again.raw).toEqual(first.raw);
    expect(again.provenance.trials).toEqual(trials);
    expect(again.provenance.inputs).toBe(first.provenance.inputs);
  }
  const more = await scored(6, 'deep');
  expect(more.provenance.inputs).not.toBe(first.provenance.inputs);
  expect(more.raw.value).not.toBe(first.raw.value);
  const single = await scored(1, 'deep');
  expect(single.provenance.trials).toEqual({ count: 1, seed: 0, spread: null });
  const steady = await scored(5, 'rest');
  expect(steady.provenance.trials).toBeUndefined();
  expect(steady.provenance.inputs).toBe((await scored(6, 'rest')).provenance.inputs);
});

test('the cells of a map say theirs, and equal the scores', async () => {
  const path = join(root, 'mapped.onnx');
  writeFileSync(path, noisyNetwork().build());
  const resize = { to: 24, mode: 'square', filter: 'bilinear', library: 'pillow' } as const;
  const how = { ...card(3), input: { ...plainCard().input, range: 1, resize } };
  const benchmarks = [join(ORACLE, '09-end-to-end', 'neural-csv', 'benchmark.yaml')];
  const limits = { home: root, threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
  const model = { path, card: how };
  const { map } = await mapLayers({ model, benchmarks, layers: ['rest', 'late'] }, limits);
  const [rest, late] = map.layers.map(({ cells }) => Object.values(cells)[0] as Score);
  expect(rest.provenance.trials).toBeUndefined();
  expect(late.provenance.trials).toMatchObject({ count: 3, seed: 0 });
  expect(mapPage(map)).toMatch(/3 trials, spread \d+(\.\d)? %/);
  const { scores } = await scoreModel({ model, benchmarks, layers: { V4: 'late' } }, limits);
  const same = scores.find(({ benchmark }) => benchmark === late.benchmark) as Score;
  expect(same.raw).toEqual(late.raw);
  expect(same.provenance.trials).toEqual(late.provenance.trials);
  expect(same.provenance.inputs).toBe(late.provenance.inputs);
});
