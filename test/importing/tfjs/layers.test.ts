import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importTfjs } from '../../../src/importing/tfjs/import-tfjs.js';
import { Dice } from '../../fuzz/dice.js';
import { differences, namedModules } from '../compare-layers.js';
import { madeNetwork, save } from './made-network.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-tfjs-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('networks of every layer are the same in TensorFlow.js and in ONNX, layer by layer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), async (seed) => {
      const model = madeNetwork(new Dice(seed));
      const place = join(folder, `network-${seed}`);
      await save(model, place);
      model.dispose();
      const imported = await importTfjs(place);
      const found = await differences(imported, seed % 1000);
      expect(namedModules(imported)).toEqual(
        imported.layers.map(({ layer, value }) => [layer, value]),
      );
      await imported.source?.close();
      expect([...found.keys()].sort()).toEqual(imported.layers.map(({ layer }) => layer).sort());
      expect([...found].filter(([, { relative }]) => !(relative < 1e-4))).toEqual([]);
    }),
    { numRuns: 25, seed: 5 },
  );
});
