import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ContentCache } from '../../src/activations/cache/content-cache.js';
import type { ModelCard } from '../../src/activations/card/card.js';
import { VentralError } from '../../src/errors/ventral-error.js';
import { exportActivations } from '../../src/scoring/features/export-activations.js';
import { mapLayers } from '../../src/scoring/map/layer-map.js';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { checkBenchmark } from '../../src/scoring/registry/check-benchmark.js';
import { framePng, madeClips, madeVideoNetwork } from '../activations/clip-networks.js';
import { madeNetwork, plainCard } from '../activations/made-networks.js';
import { madeBenchmark } from './made-benchmark.js';

const CLIPS = 30;
let root: string;
let benchmark: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ventral-clip-scores-'));
  const folder = join(root, 'benchmark');
  const ids = Array.from({ length: CLIPS }, (_, i) => `id-${i}`);
  benchmark = madeBenchmark(folder, { ids });
  // Clips of one to five frames, and two images.
  const clips = ids.map((_, i) =>
    i < 2 ? i + 1 : Array.from({ length: 1 + (i % 5) }, (__, t) => 10 * i + t),
  );
  await madeClips(folder, clips);
  const yaml = readFileSync(benchmark, 'utf8');
  writeFileSync(benchmark, yaml.replace('csv: stimuli.csv', 'csv: stimuli.csv, images: images'));
  writeFileSync(join(root, 'video.onnx'), madeVideoNetwork({ side: 8 }).build());
  writeFileSync(join(root, 'image.onnx'), madeNetwork({ side: 8 }).build());
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const context = () => ({
  ...{ home: join(root, 'home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 },
});
const card = (input: Partial<ModelCard['input']>): ModelCard => {
  const { layout: _, ...rest } = plainCard({ crop: 8 }).input;
  return { ...plainCard(), input: { ...rest, ...input } as ModelCard['input'] };
};
const video = (input: Partial<ModelCard['input']>) => ({
  path: join(root, 'video.onnx'),
  card: card(input),
});

test('a network of videos is scored and mapped on clips and images', async () => {
  const cache = await ContentCache.open(join(root, 'cache'));
  const request = { model: video({ frames: 3 }), benchmarks: [benchmark], layers: { '*': 'conv' } };
  const { scores, failures } = await scoreModel(request, { ...context(), cache });
  expect(failures.map(({ error }) => error.message)).toEqual([]);
  expect(scores[0].value).not.toBeNull();
  const mapped = await mapLayers(
    {
      ...{ model: request.model, benchmarks: [benchmark], pool: ['mean'] },
      layers: ['conv', 'frame', 'conv@t1'],
    },
    { ...context(), cache },
  );
  const cells = mapped.map.layers.map(({ layer, cells: own }) => [layer, Object.values(own)[0]]);
  // Places are pooled and frames stay; frames as rows are no map of one stimulus.
  expect(cells.map(([layer]) => layer).sort()).toEqual(['conv', 'conv@mean', 'conv@t1', 'frame']);
  const units = new Map(mapped.map.layers.map((row) => [row.layer, row.units]));
  expect([units.get('conv'), units.get('conv@mean')]).toEqual([4 * 3 * 4 * 4, 4 * 3]);
  for (const [layer, cell] of cells) expect(cell, String(layer)).toHaveProperty('value');
  const found = new Map(cells as [string, { value: number }][]);
  expect(found.get('conv')?.value).toBe(scores[0].value);
  const again = await scoreModel(request, { ...context(), cache });
  expect(again.scores[0].value).toBe(scores[0].value);
});

test('layout, frames and sampling are inputs of a score, whether card or graph says them', async () => {
  const inputs = async (model: { path: string; card: ModelCard }) => {
    const request = { model, benchmarks: [benchmark], layers: { '*': 'conv' } };
    const { scores, failures } = await scoreModel(request, context());
    expect(failures.map(({ error }) => error.message)).toEqual([]);
    return [scores[0].provenance.inputs, scores[0].raw.value];
  };
  const plain = await inputs(video({ frames: 3 }));
  const said = { frames: 3, layout: 'NCTHW', sampling: 'even' } as const;
  expect((await inputs(video(said)))[1]).toEqual(plain[1]);
  const others = [
    await inputs(video({ frames: 4 })),
    await inputs(video({ frames: 3, sampling: 'consecutive' })),
  ];
  for (const other of others) {
    expect(other[0]).not.toBe(plain[0]);
    expect(other[1]).not.toBe(plain[1]);
  }
});

test('a network of images refuses the benchmark by its first clip', async () => {
  const model = { path: join(root, 'image.onnx'), card: plainCard() };
  const { failures } = await scoreModel(
    { model, benchmarks: [benchmark], layers: { '*': 'conv' } },
    context(),
  );
  expect(failures[0].error).toMatchObject({
    code: 'input-mismatch',
    message: expect.stringContaining('is a clip of '),
  });
});

test('a check of the benchmark sees every frame', async () => {
  expect((await checkBenchmark(benchmark, context())).ids).toEqual(['made']);
  const frame = join(root, 'benchmark', 'images', 'clip-4', 'frame5.png');
  const whole = readFileSync(frame);
  for (const [bytes, code] of [
    [await framePng(1, 9), 'input-mismatch'],
    [Buffer.from('no image'), 'image-corrupt'],
  ] as const) {
    writeFileSync(frame, bytes);
    await expect(checkBenchmark(benchmark, context())).rejects.toMatchObject({ code });
  }
  writeFileSync(frame, whole);
});

test('activations are written of a folder of clips', async () => {
  const output = join(root, 'conv.json');
  const clips = join(root, 'benchmark', 'images');
  const request = { layers: ['pool'], degrees: 8, output };
  const failed = await exportActivations(
    { ...request, model: video({ frames: 2 }), stimuli: clips },
    context(),
  ).catch((error) => VentralError.from(error));
  // It has images, too, and these are its stimuli as before.
  expect(failed).toBeUndefined();
  const alone = join(root, 'clips');
  await madeClips(alone, [[1, 2], [3]]);
  await exportActivations(
    { ...request, model: video({ frames: 2 }), stimuli: join(alone, 'images') },
    context(),
  );
  expect(JSON.stringify(JSON.parse(readFileSync(output, 'utf8')))).toContain('clip-1');
});
