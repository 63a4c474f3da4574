import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { ContentCache } from '../../../src/activations/cache/content-cache.js';
import { mapCsv, printMap, regionLayerMap } from '../../../src/cli/print/print-map.js';
import type { Io } from '../../../src/cli/terminal/io.js';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import { mapPage } from '../../../src/report/map-page.js';
import { Session } from '../../../src/runtime/session.js';
import {
  type LayerMapContext,
  type MappedLayers,
  mapLayers,
} from '../../../src/scoring/map/layer-map.js';
import type { LayerMapRequest } from '../../../src/scoring/map/layer-map-types.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { verifyReceipt } from '../../../src/scoring/receipt/verify-receipt.js';
import { writeReceipt } from '../../../src/scoring/receipt/write-receipt.js';
import { numbers, type OracleArray, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

/**
 * The golden case of Brain-Score's selection through the whole road: a network that looks up the original's activations by the grey
 * level of an image, the pictures and stimuli as files, the recordings as a benchmark.
 */
const root = mkdtempSync(join(tmpdir(), 'ventral-components-'));
const home = join(root, 'home');
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const golden = oracle('19-pca-choice/choice.json');
const layers = ['small', 'conv', 'fc', 'deep', 'exactly'];
const pictures: string[] = golden.pca_images;
const ids: string[] = golden.stimuli.stimulus_id;
const at = (name: string) => join(root, name);
const grey = (level: number) =>
  sharp(Buffer.alloc(64, level), { raw: { width: 8, height: 8, channels: 1 } })
    .png()
    .toBuffer();

function lookUpNetwork(): Uint8Array {
  const graph = new GraphBuilder('look-up');
  const image = graph.input('image', 'float32', ['N', 3, 8, 8]);
  const level = graph.node('ReduceMean', [image], {
    attributes: { axes: { ints: [1, 2, 3] }, keepdims: { int: 0 } },
  });
  const row = graph.node('Cast', [graph.node('Round', [level])], {
    attributes: { to: { int: 7 } },
  });
  for (const layer of layers) {
    const { pca_images: fitting, stimuli }: Record<string, OracleArray> = golden.activations[layer];
    const rows = [...numbers(fitting), ...numbers(stimuli)];
    const units = stimuli.shape.slice(1);
    graph.initializer(
      `${layer}.table`,
      [pictures.length + ids.length, ...units],
      Float32Array.from(rows),
    );
    graph.node('Gather', [`${layer}.table`, row], { outputs: [layer] });
    graph.output(layer, 'float32', ['N', ...units]);
  }
  return graph.build();
}

const card = {
  input: { resize: 'none', range: 255, mean: [0, 0, 0], std: [1, 1, 1], layout: 'NCHW' },
  visual_degrees: 8,
  layers,
} as const;

beforeAll(async () => {
  writeFileSync(at('model.onnx'), lookUpNetwork());
  writeFileSync(at('card.json'), JSON.stringify(card));
  // Classes of ImageNet's kind: the first picture of each is fitted on before any second.
  for (const [i] of pictures.entries()) {
    const of = at(`imagenet/n${String(i % 25).padStart(3, '0')}`);
    mkdirSync(of, { recursive: true });
    writeFileSync(join(of, `${Math.floor(i / 25)}.png`), await grey(i));
  }
  mkdirSync(at('images'));
  for (const [i, id] of ids.entries())
    writeFileSync(at(`images/${id}.png`), await grey(pictures.length + i));
  const { recordings, stimuli } = golden;
  const neuroids: string[] = recordings.neuroid_id;
  const values = numbers(recordings.values);
  const lines = (rows: readonly (readonly unknown[])[]) => rows.map((row) => `${row.join()}\n`);
  writeFileSync(
    at('stimuli.csv'),
    lines([
      ['stimulus_id', 'filename', 'texture_type'],
      ...ids.map((id, i) => [id, `${id}.png`, stimuli.texture_type[i]]),
    ]).join(''),
  );
  writeFileSync(
    at('recordings.csv'),
    lines([
      ['stimulus_id', 'repetition', ...neuroids],
      ...recordings.stimulus_id.map((id: string, i: number) => [
        id,
        recordings.repetition[i],
        ...values.slice(i * neuroids.length, (i + 1) * neuroids.length),
      ]),
    ]).join(''),
  );
  writeFileSync(
    at('benchmark.yaml'),
    JSON.stringify({
      identifier: 'components.V1-pls',
      version: 1,
      region: 'V1',
      visual_degrees: 8,
      stimuli: { csv: 'stimuli.csv', images: 'images' },
      recordings: 'recordings.csv',
      metric: { name: 'pls', components: 25 },
      cross_validation: { splits: 10, train_size: 0.9, seed: 1, stratify_on: 'texture_type' },
      ceiling: 'internal-consistency',
    }),
  );
});

const pca = { components: golden.n_components as number, images: at('imagenet') };
const map = (request: Partial<LayerMapRequest> = {}, context: Partial<LayerMapContext> = {}) =>
  mapLayers(
    {
      model: { path: at('model.onnx'), file: at('card.json') },
      benchmarks: [at('benchmark.yaml')],
      ...request,
    },
    { home, threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30, ...context },
  );
const id = 'components.V1-pls';
const bits = ({ map: { layers, chosen, components, provenance } }: MappedLayers) =>
  JSON.parse(
    JSON.stringify({ layers, chosen, components, inputs: provenance.inputs }),
    (key, value) => (['peakRssMiB', 'seconds'].includes(key) ? undefined : value),
  );

test('cells on components, on full activations, ceiling and choice are the original’s', async () => {
  const { map: found, choices } = await map({ pca });
  const { layers: wanted, ceiling, chosen } = golden.reproducible;
  expect(found.layers.map(({ layer }) => layer)).toEqual(layers);
  for (const { layer, cells, components } of found.layers) {
    const [full, on] = [cells[id], components?.[id]] as Score[];
    const near = (a: number | null | undefined, b: number, within: number) =>
      expect(Math.abs((a ?? Number.NaN) - b), layer).toBeLessThanOrEqual(within);
    near(on.raw.value, wanted[layer].raw, tolerances.kinds.components.score);
    near(on.value, wanted[layer].ceiled, tolerances.kinds.components.score);
    near(on.ceiling?.value, ceiling, tolerances.kinds.float64);
    near(full.raw.value, golden.result.layers[layer].full_raw, tolerances.kinds.float32);
    near(full.value, golden.result.layers[layer].full_ceiled, tolerances.kinds.float32);
    expect(on.provenance.components).toBe(pca.components);
    expect(full.provenance).not.toHaveProperty('components');
    expect(on.provenance.inputs).not.toBe(full.provenance.inputs);
  }
  expect(found.plan.sets[0]).toMatchObject({ stimuli: ids.length, fitting: 40 });
  expect(found.components).toMatchObject({ count: 40, chosen: { [id]: { layer: chosen } } });
  expect(choices.map(({ role, record }) => [role, record.layer])).toEqual([['V1', chosen]]);
  expect(choices[0].record.method).toMatch(/5 layers on 40 principal components/);
  expect(found.provenance.selection).toMatch(/40 principal components, fitted on as many images/);
});

test('cells on full activations are those of a map without components', async () => {
  const [plain, both] = [await map(), await map({ pca })];
  expect(plain.map).not.toHaveProperty('components');
  expect(
    bits(both).layers.map(({ components: _, ...row }: object & { components: object }) => row),
  ).toEqual(bits(plain).layers);
  expect(both.map.chosen).toEqual(plain.map.chosen);
  expect(both.draws).toEqual(plain.draws);
});

test('a second map runs no network, and a smaller memory gives the same bits', async () => {
  const cache = await ContentCache.open(join(root, 'cache'), { maxBytes: 2 ** 28 });
  const first = await map({ pca }, { cache });
  const opened = vi.spyOn(Session, 'open');
  expect(bits(await map({ pca }, { cache }))).toEqual(bits(first));
  expect(opened).not.toHaveBeenCalled();
  const small = await map({ pca }, { maxMemory: 2 ** 15 });
  expect(bits(small)).toEqual(bits(first));
  expect(small.map.plan.sets[0].passes.length).toBeGreaterThan(1);
  expect(readdirSync(join(home, 'tmp'))).toEqual([]);
});

test('every view shows both, and says which is which', async () => {
  const { map: found } = await map({ pca });
  const [head, ...rows] = mapCsv(found).trim().split('\n');
  expect(head.split(',').at(-1)).toBe('components');
  expect(rows.map((row) => row.split(',').at(-1))).toEqual([
    ...layers.map(() => ''),
    ...layers.map(() => '40'),
  ]);
  const chosen = rows.map((row) => row.split(',')).filter((row) => row[12] === 'chosen');
  expect(chosen.map((row) => row[1])).toEqual([found.chosen[id].layer, golden.reproducible.chosen]);
  const lines: string[] = [];
  printMap(found, {
    out: (part: string) => lines.push(part),
    err() {},
    columns: 120,
  } as unknown as Io);
  const text = lines.join('');
  expect(text).toMatch(
    /On 40 principal components, as Brain-Score chooses:\n(?:.*\n)*V1: fc, 0\.534/,
  );
  const page = mapPage(found);
  expect(page).toContain('<h2>On 40 principal components</h2>');
  expect(regionLayerMap(found)).toEqual({ V1: golden.reproducible.chosen });
  expect(mapCsv((await map()).map)).not.toContain('components\n');
});

test('a receipt holds the components and their pictures, and verifies', async () => {
  const receipt = at('receipt.json');
  const request: LayerMapRequest = {
    model: { path: at('model.onnx'), file: at('card.json') },
    benchmarks: [at('benchmark.yaml')],
    pca,
  };
  const context = { home, threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
  const { map: made } = await mapLayers(request, context);
  await writeReceipt(receipt, [{ kind: 'map', request, map: made }], context);
  expect(await verifyReceipt(receipt, [], context)).toMatchObject({ verdict: 'equal' });
  // Another picture of ImageNet: the cells on components have other inputs, the others have not.
  const path = join(at('imagenet'), 'n003', '0.png');
  const before = readFileSync(path);
  writeFileSync(path, await grey(80));
  try {
    const report = await verifyReceipt(receipt, [], context);
    expect(report.verdict).toBe('differs');
    await expect(
      writeReceipt(at('late.json'), [{ kind: 'map', request, map: made }], context),
    ).rejects.toMatchObject({ code: 'receipt-differs' });
  } finally {
    writeFileSync(path, before);
  }
});

test('an interrupted map is taken up where it ended', async () => {
  const cache = await ContentCache.open(join(root, 'interrupted'), { maxBytes: 2 ** 28 });
  const stop = new AbortController();
  let cells = 0;
  const part = () => {
    if (++cells > 4) stop.abort();
  };
  await expect(map({ pca }, { cache, part, signal: stop.signal })).rejects.toMatchObject({
    code: 'interrupted',
  });
  expect(bits(await map({ pca }, { cache }))).toEqual(bits(await map({ pca })));
});

test('a picture that cannot be read takes the cells on components alone', async () => {
  const folder = at('damaged');
  mkdirSync(folder);
  for (let i = 0; i < 40; i++)
    writeFileSync(join(folder, `${10 + i}.png`), i === 20 ? 'no picture' : await grey(i));
  const { map: found } = await map({ pca: { ...pca, images: folder } });
  for (const { layer, cells, components } of found.layers) {
    expect(cells[id]).toHaveProperty('value');
    // Layers with no more units than components are left alone: they need no pictures.
    if (['small', 'exactly'].includes(layer)) expect(components?.[id]).toHaveProperty('value');
    else expect(components?.[id]).toHaveProperty('reason', expect.stringMatching(/30\.png/));
  }
});

test.each([
  [
    { pca: { components: 41, images: at('imagenet') } },
    'data-missing',
    /expected 41 images .*found 40/,
  ],
  [{ pca: { components: 40 } }, 'data-missing', /imagenet-val.*--pca-images/],
  [{ pca: { components: 1.5, images: at('imagenet') } }, 'bad-usage', /whole number/],
  [{ pca: { components: 1e9, images: at('imagenet') } }, 'bad-usage', /2 to 2000/],
  [{ pca, holdout: true }, 'bad-usage', /exclude each other/],
] as const)('refused: %j', async (request, code, message) => {
  await expect(map(request)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
});
