import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importTfjs } from '../../../src/importing/tfjs/import-tfjs.js';
import { Dice } from '../../fuzz/dice.js';
import { differences, namedModules } from '../compare-layers.js';
import { madeGraph } from './made-graph.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-graph-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('graph models are the same in TensorFlow.js and in ONNX, node by node', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), async (seed) => {
      const { graph, output } = madeGraph(new Dice(seed));
      const place = join(folder, `graph-${seed}`);
      await graph.save(place, output);
      const imported = await importTfjs(place);
      const found = await differences(imported, seed % 1000);
      expect(namedModules(imported)).toEqual(
        imported.layers.map(({ layer, value }) => [layer, value]),
      );
      await imported.source?.close();
      expect([...found.keys()]).toEqual(imported.layers.map(({ layer }) => layer));
      expect([...found].filter(([, { relative }]) => !(relative < 1e-4))).toEqual([]);
    }),
    { numRuns: 25, seed: 5 },
  );
});
