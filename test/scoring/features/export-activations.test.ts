import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openZip } from '../../../src/formats/zip.js';
import {
  type ExportRequest,
  exportActivations,
} from '../../../src/scoring/features/export-activations.js';
import { PROVENANCE, readFeatures } from '../../../src/scoring/features/feature-file.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { scoreModel } from '../../../src/scoring/model/score-model.js';
import { madeNetwork } from '../../activations/made-networks.js';
import { ORACLE } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-export-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const neural = join(ORACLE, '09-end-to-end', 'neural-csv');
const objects = join(neural, 'benchmark.yaml');
const behaviour = join(ORACLE, '09-end-to-end', 'behaviour', 'benchmark.yaml');
const model = {
  path: join(ORACLE, '09-end-to-end', 'resnet', 'model.onnx'),
  file: join(ORACLE, '09-end-to-end', 'resnet', 'card.yaml'),
};
const context = () => ({ home: at('home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 });
const LAYER = 'layer2.0';

const write = (output: string, request: Partial<ExportRequest> = {}) =>
  exportActivations(
    { model, layers: [LAYER], benchmark: objects, output: at(output), ...request },
    context(),
  );
const leftovers = () => readdirSync(at('home/tmp'));

describe.each(['npz', 'nc'])('a .%s file', (ending) => {
  test('scores as the model itself', async () => {
    await write(`f.${ending}`);
    const own = await scoreModel(
      { model, benchmarks: [objects], layers: { '*': LAYER }, detail: true },
      context(),
    );
    const features = await scoreFeatures(
      { features: at(`f.${ending}`), benchmarks: [objects], detail: true },
      context(),
    );
    expect([...own.failures, ...features.failures]).toEqual([]);
    expect(features.scores.map(({ benchmark }) => benchmark)).toEqual(
      own.scores.map(({ benchmark }) => benchmark),
    );
    for (const [k, score] of features.scores.entries()) {
      const wanted = own.scores[k];
      const close = (found: number | null | undefined, number: number | null | undefined) =>
        expect(Math.abs((found as number) - (number as number))).toBeLessThanOrEqual(
          tolerances.sameNumber,
        );
      close(score.value, wanted.value);
      close(score.error, wanted.error);
      close(score.raw.value, wanted.raw.value);
      score.raw.neuroids?.flat().forEach((r, i) => {
        close(r, wanted.raw.neuroids?.flat()[i]);
      });
      expect(score.raw.neuroid_ids).toEqual(wanted.raw.neuroid_ids);
      expect(score.splits).toEqual(wanted.splits);
      expect(score.ceiling).toEqual(wanted.ceiling);
      expect(score).toMatchObject({ model: null, name: null, layer: 'features' });
    }
    expect(leftovers()).toEqual([]);
  });

  test('carries model, card and degrees, and keeps float32', async () => {
    await write(`f.${ending}`);
    const { provenance, layers } = await readFeatures(at(`f.${ending}`));
    expect(provenance).toMatchObject({
      model: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      name: 'e2e-resnet',
      benchmark: objects,
      card: { visual_degrees: 8, input: { crop: 48 } },
    });
    expect(new Set(provenance?.degrees)).toEqual(new Set([8]));
    expect(layers.get(LAYER)?.dtype).toBe('float32');
  });

  test('holds several layers, of which one is named', async () => {
    await write(`f.${ending}`, { layers: ['layer1.*', 'avgpool'] });
    const { layers } = await readFeatures(at(`f.${ending}`));
    expect([...layers.keys()]).toEqual(expect.arrayContaining(['layer1.0', 'avgpool']));
    const wanted = await readFeatures(at(`f.${ending}`));
    await write(`one.${ending}`, { layers: ['avgpool'] });
    const one = (await readFeatures(at(`one.${ending}`))).layers.get('avgpool');
    const all = wanted.layers.get('avgpool');
    const [found, alone] = await Promise.all([all, one].map((each) => each?.columns(0, each.cols)));
    const largest = Math.max(...(alone ?? []));
    expect([found?.length, alone?.length]).toEqual([88 * 48, 88 * 48]);
    const { absolute, relative } = tolerances.activations;
    // Other outputs keep the runtime from folding batch norms: the last bits may differ.
    found?.forEach((value, i) => {
      const difference = Math.abs(value - (alone?.[i] ?? Number.NaN));
      expect(difference).toBeLessThanOrEqual(absolute + relative * largest);
    });
  });

  test('made at other degrees is refused', async () => {
    const [stimuli, csv] = [at('stimuli'), 'stimuli.csv'];
    mkdirSync(stimuli);
    const zip = await openZip(join(neural, 'stimuli.zip'));
    for (const { name } of zip.entries) writeFileSync(join(stimuli, name), await zip.read(name));
    await zip.close();
    writeFileSync(join(stimuli, csv), readFileSync(join(neural, csv)));
    await exportActivations(
      {
        model,
        layers: [LAYER],
        stimuli: join(stimuli, csv),
        degrees: 4,
        output: at(`f.${ending}`),
      },
      context(),
    );
    const request = { features: at(`f.${ending}`), benchmarks: [objects] };
    const { scores, failures } = await scoreFeatures(request, context());
    expect(scores).toEqual([]);
    expect(failures.map(({ error }) => error.code)).toEqual([
      'degrees-mismatch',
      'degrees-mismatch',
    ]);
    expect(failures[0].error.message).toMatch(/shown at 4°.*shows it at 8°/);
  });
});

test('an .arrow file is a stream with one row a stimulus', async () => {
  await write('f.arrow', { layers: [LAYER, 'avgpool'] });
  await write('f.npz', { layers: [LAYER, 'avgpool'] });
  const table = tableFromIPC(readFileSync(at('f.arrow')));
  const { ids, layers, provenance } = await readFeatures(at('f.npz'));
  expect(table.numRows).toBe(ids.length);
  expect(table.schema.fields.map(({ name }) => name)).toEqual(['stimulus_id', LAYER, 'avgpool']);
  expect([...(table.getChild('stimulus_id') ?? [])]).toEqual(ids);
  for (const [layer, features] of layers) {
    const column = table.getChild(layer);
    expect(column?.type).toMatchObject({ listSize: features.cols });
    const rows = Array.from(column ?? [], (row) => [...row]);
    expect(rows.flat()).toEqual(Array.from(await features.columns(0, features.cols)));
  }
  expect(JSON.parse(table.schema.metadata.get(PROVENANCE) ?? '')).toEqual(provenance);
});

test('features for a read-out hold both stimulus sets and score as the model', async () => {
  await write('b.npz', { benchmark: behaviour, layers: ['avgpool'] });
  expect((await readFeatures(at('b.npz'))).ids).toHaveLength(140);
  const own = await scoreModel({ model, benchmarks: [behaviour] }, context());
  const found = await scoreFeatures({ features: at('b.npz'), benchmarks: [behaviour] }, context());
  expect(found.failures).toEqual([]);
  const difference = (found.scores[0].value as number) - (own.scores[0].value as number);
  expect(Math.abs(difference)).toBeLessThanOrEqual(tolerances.sameNumber);
  await write('half.npz');
  const half = await scoreFeatures(
    { features: at('half.npz'), benchmarks: [behaviour] },
    context(),
  );
  expect(half.failures[0].error.code).toBe('stimuli-mismatch');
});

test('a stimulus that stands in both sets of a read-out has no place in one file', async () => {
  const source = join(ORACLE, '09-end-to-end', 'behaviour');
  for (const name of ['fitting.zip', 'test.zip', 'test.csv', 'trials.csv', 'benchmark.yaml'])
    writeFileSync(at(name), readFileSync(join(source, name)));
  const rows = readFileSync(join(source, 'fitting.csv'), 'utf8');
  writeFileSync(at('fitting.csv'), rows.replace('f9638,', 't2350,'));
  await expect(write('b.npz', { benchmark: at('benchmark.yaml') })).rejects.toMatchObject({
    code: 'stimuli-duplicate',
    message: expect.stringContaining('t2350'),
  });
});

test('a folder of pictures is a stimulus set, by name', async () => {
  mkdirSync(at('pictures'));
  const zip = await openZip(join(neural, 'stimuli.zip'));
  const names = zip.entries.map(({ name }) => name).filter((name) => name.endsWith('.png'));
  for (const name of names.slice(0, 3))
    writeFileSync(join(at('pictures'), name), await zip.read(name));
  await zip.close();
  writeFileSync(join(at('pictures'), 'notes.txt'), 'no picture');
  await exportActivations(
    { model, layers: ['avgpool'], stimuli: at('pictures'), degrees: 8, output: at('f.npz') },
    context(),
  );
  const { ids, provenance } = await readFeatures(at('f.npz'));
  expect(ids).toEqual(
    names
      .slice(0, 3)
      .map((name) => name.replace('.png', ''))
      .sort(),
  );
  expect(provenance).not.toHaveProperty('benchmark');
  mkdirSync(at('empty'));
  await expect(
    exportActivations(
      { model, layers: ['avgpool'], stimuli: at('empty'), degrees: 8, output: at('g.npz') },
      context(),
    ),
  ).rejects.toMatchObject({ code: 'image-missing' });
});

test('a folder, a table and a card take TIFF, BMP and WebP beside PNG and JPEG', async () => {
  mkdirSync(at('formats'));
  const folder = resolve(import.meta.dirname, '../../fixtures/images');
  const names = ['rgb-tiff_lzw.tif', 'rgb.bmp', 'rgb-lossy.webp'];
  for (const name of names) cpSync(join(folder, name), join(at('formats'), name));
  writeFileSync(
    join(at('formats'), 'stimuli.csv'),
    ['stimulus_id,filename', ...names.map((name, i) => `s${i},${name}`), ''].join('\n'),
  );
  const features = async (stimuli: string) => {
    await exportActivations(
      { model, layers: ['avgpool'], stimuli, degrees: 8, output: at('formats.npz') },
      context(),
    );
    return readFeatures(at('formats.npz'));
  };
  const byFolder = await features(at('formats'));
  expect(byFolder.ids).toEqual(['rgb-lossy', 'rgb-tiff_lzw', 'rgb']);
  const byTable = await features(join(at('formats'), 'stimuli.csv'));
  expect(byTable.ids).toEqual(['s0', 's1', 's2']);
  const rows = async ({ layers }: Awaited<ReturnType<typeof readFeatures>>) => {
    const found = layers.get('avgpool');
    const data = (await found?.columns(0, found.cols)) ?? [];
    return [0, 1, 2].map((i) =>
      [...data].slice((i * data.length) / 3, ((i + 1) * data.length) / 3),
    );
  };
  const [first, second] = [await rows(byFolder), await rows(byTable)];
  expect(first[0].length).toBeGreaterThan(10);
  expect(second).toEqual([1, 2, 0].map((row) => first[row]));
});

test('layers that are not float32 are written as float64', async () => {
  writeFileSync(at('net.onnx'), madeNetwork({ side: 48 }).build());
  const input = {
    resize: { to: 48, mode: 'square', filter: 'bilinear', library: 'pillow' },
    range: 255,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    layout: 'NCHW',
  } as const;
  const made = { path: at('net.onnx'), card: { input, visual_degrees: 8 } };
  for (const output of ['f.npz', 'f.nc']) {
    await write(output, { model: made, layers: ['relu', 'byte'] });
    const { layers } = await readFeatures(at(output));
    const [relu, byte] = [layers.get('relu'), layers.get('byte')];
    expect(byte?.dtype).toBe('float64');
    const clipped = Float64Array.from((await relu?.columns(0, relu.cols)) ?? [], (value) =>
      Math.min(255, Math.floor(value)),
    );
    expect(await byte?.columns(0, byte.cols)).toEqual(clipped);
  }
});

describe('nothing is begun that could not be written:', () => {
  test.each([
    ['f.csv', 'bad-usage', /\.npz, \.nc, \.arrow or \.json/],
    ['f', 'bad-usage', /\.npz, \.nc, \.arrow or \.json/],
    // All places to write to are checked alike: what is missing is the folder.
    ['no/such/folder/f.npz', 'file-missing', /there is no folder .*no\/such\/folder/],
  ])('%s', async (output, code, sentence) => {
    await expect(write(output)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(sentence),
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});
