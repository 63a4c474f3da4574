import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importTfjs } from '../../../src/importing/tfjs/import-tfjs.js';
import { differences, namedModules } from '../compare-layers.js';
import { writeNsfwjsModel } from './nsfwjs-model.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-mobilenet-'));
  await writeNsfwjsModel(folder);
});
afterAll(() => rm(folder, { recursive: true }));

it('MobileNetV2 of nsfwjs is the same in TensorFlow.js and in ONNX, layer by layer', async () => {
  const imported = await importTfjs(folder);
  const found = await differences(imported, 1);
  expect([...found.keys()]).toEqual(imported.layers.map(({ layer }) => layer));
  expect(found.size).toBe(161);
  const worst = [...found].filter(([, { relative }]) => !(relative < 1e-4));
  expect(worst).toEqual([]);
  // The absolute ones too, although some layers go up to 500.
  expect(Math.max(...[...found.values()].map(({ absolute }) => absolute))).toBeLessThan(2e-4);
  expect(namedModules(imported)).toEqual(imported.layers.map(({ layer, value }) => [layer, value]));
  await imported.source?.close();
});
