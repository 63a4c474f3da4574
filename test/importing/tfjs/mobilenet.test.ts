import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importTfjs } from '../../../src/importing/tfjs/import-tfjs.js';
import { differences, namedModules } from '../compare-layers.js';
import { type NsfwjsModel, writeNsfwjsModel } from './nsfwjs-model.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ventral-mobilenet-'));
});
afterAll(() => rm(root, { recursive: true }));

const networks: readonly [name: NsfwjsModel, kind: string, layers: number][] = [
  ['mobilenet_v2', 'layers', 161],
  ['mobilenet_v2_mid', 'graph', 69],
];

it.each(networks)(
  '%s of nsfwjs, a %s model, is the same in TensorFlow.js and in ONNX, layer by layer',
  async (name, _, layers) => {
    const folder = join(root, name);
    await writeNsfwjsModel(name, folder);
    const imported = await importTfjs(folder);
    const found = await differences(imported, 1);
    await imported.source?.close();
    expect([...found.keys()]).toEqual(imported.layers.map(({ layer }) => layer));
    expect(found.size).toBe(layers);
    expect([...found].filter(([, { relative }]) => !(relative < 1e-4))).toEqual([]);
    // The absolute ones too, although some layers of the first go up to 500.
    expect(Math.max(...[...found.values()].map(({ absolute }) => absolute))).toBeLessThan(2e-4);
    expect(namedModules(imported)).toEqual(
      imported.layers.map(({ layer, value }) => [layer, value]),
    );
  },
);
