import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  mapFile,
  type RealNetwork,
  realNetworks,
  writeV4Benchmark,
} from '../../bench/real-networks.js';
import { parseCard } from '../../src/activations/card/card.js';
import { packageRoot } from '../../src/formats/package-root.js';
import { mapLayers } from '../../src/scoring/map/layer-map.js';
import type { LayerMap } from '../../src/scoring/map/layer-map-types.js';
import type { Score } from '../../src/scoring/measure/score.js';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { tolerances } from '../tolerances.js';
import { sharedData } from './shared-data.js';

const data = sharedData('v4-hvm640');
const others = sharedData('resnet20-cifar10');

describe.skipIf(!data || !others)('maps of real networks against macaque V4', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ventral-real-maps-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const context = {
    home: join(folder, 'home'),
    threads: 2,
    maxMemory: 2 ** 31,
    maxScratch: 10 * 2 ** 30,
  };
  const id = 'v4-hvm640.V4-pls';
  const benchmarks = [writeV4Benchmark(folder, data ?? '')];
  const modelOf = ({ data: from, file, card }: RealNetwork) => ({
    path: join(data ?? '', '..', from, file),
    card: parseCard(JSON.stringify(card), 'card'),
  });
  const named = (name: string) => realNetworks.find((network) => network.name === name)!;
  const cellOf = (map: LayerMap, layer: string) =>
    map.layers.find((row) => row.layer === layer || row.aliases?.includes(layer))?.cells[id];

  test.each([
    { name: 'v4_shared_compact_5', layers: ['layer2', 'layer4', 'responses'] },
    { name: 'v4_shared_compact_200', layers: ['layer3', 'layer4', 'responses'] },
    { name: 'resnet20_cifar10', layers: ['module:layer1', 'module:layer2', 'module:layer3'] },
  ])('cells of $name are the scores of their layers, and those of the kept map', async (one) => {
    const model = modelOf(named(one.name));
    const { map } = await mapLayers({ model, benchmarks, layers: one.layers }, context);
    const kept: LayerMap = JSON.parse(readFileSync(join(packageRoot, mapFile(one.name)), 'utf8'));
    expect(kept.model).toBe(map.model);
    for (const layer of one.layers) {
      const request = { model, benchmarks, layers: { '*': layer } };
      const [score] = (await scoreModel(request, context)).scores;
      const cell = cellOf(map, layer) as Score;
      expect(cell.provenance.inputs).toBe(score.provenance.inputs);
      expect(Math.abs(Number(cell.value) - Number(score.value))).toBeLessThanOrEqual(
        tolerances.sameNumber,
      );
      // Made on another machine, perhaps.
      const before = cellOf(kept, layer) as Score;
      expect(Math.abs(Number(cell.value) - Number(before.value))).toBeLessThanOrEqual(
        tolerances.endToEnd.score,
      );
    }
  });

  test('a convolution that a batch norm was folded into says so, beside a layer that is there', async () => {
    const model = modelOf(named('resnet20_cifar10'));
    const layers = ['layer1.0.conv1', 'layer1'];
    const { map } = await mapLayers({ model, benchmarks, layers }, context);
    expect(map.layers.map(({ layer, units }) => [layer, units])).toEqual([
      ['layer1', 16384],
      ['layer1.0.conv1', null],
    ]);
    expect(cellOf(map, 'layer1.0.conv1')).toEqual({
      reason: expect.stringMatching(/layer1\.0\.conv1: a batch norm was folded into it at export/),
    });
    expect((cellOf(map, 'layer1') as Score).value).toBeGreaterThan(0);
  });

  test('ten units are fewer than 25 components', async () => {
    const model = modelOf(named('resnet20_cifar10'));
    const { map } = await mapLayers({ model, benchmarks, layers: ['logits', 'avgpool'] }, context);
    expect(cellOf(map, 'logits')).toEqual({ reason: '10 units < 25 components' });
    expect(map.chosen[id]?.layer).toBe('avgpool');
  });
});
