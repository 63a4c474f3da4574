import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { ContentCache } from '../../../src/activations/cache/content-cache.js';
import { ORACLE } from '../../oracle.js';

const version = vi.hoisted(() => ({ current: 1 }));
vi.mock('../../../src/screen/screen-version.js', () => ({
  get screenVersion() {
    return version.current;
  },
}));
const { mapLayers } = await import('../../../src/scoring/map/layer-map.js');

const root = mkdtempSync(join(tmpdir(), 'ventral-screen-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const source = join(ORACLE, '09-end-to-end');

async function mapped() {
  const { map } = await mapLayers(
    {
      model: {
        path: join(source, 'resnet', 'model.onnx'),
        file: join(source, 'resnet', 'card.yaml'),
      },
      benchmarks: [join(source, 'neural-csv', 'benchmark.yaml')],
      layers: ['maxpool'],
    },
    {
      home: join(root, 'home'),
      threads: 1,
      maxMemory: 2 ** 30,
      maxScratch: 2 ** 30,
      cache: await ContentCache.open(join(root, 'home')),
    },
  );
  return { inputs: map.provenance.inputs, cached: map.plan.sets[0].cached };
}

test('another version of the screen misses the cache and is another input', async () => {
  const first = await mapped();
  expect(first.cached).toBe(0);
  expect(await mapped()).toEqual({ ...first, cached: 1 });
  version.current = 2;
  const second = await mapped();
  expect(second.cached).toBe(0);
  expect(second.inputs).not.toBe(first.inputs);
});
