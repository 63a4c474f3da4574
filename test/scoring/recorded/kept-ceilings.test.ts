import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ContentCache } from '../../../src/activations/cache/content-cache.js';
import type { Recordings } from '../../../src/data/recordings.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-ceilings-'));
afterAll(() => rmSync(home, { recursive: true }));

/** The modules as another process loads them. */
async function freshProcess() {
  vi.resetModules();
  return {
    ...(await import('../../../src/scoring/recorded/kept-ceilings.js')),
    ...(await import('../../../src/metrics/internal-consistency.js')),
    ...(await import('../../../src/scoring/registry/load-benchmark.js')),
  };
}

/** Noise about a number a stimulus and neuroid, of which one is constant: it has no correlation. */
function recordings(shift = 0): Recordings {
  const stimulusIds = Array.from({ length: 36 }, (_, i) => `s${i % 12}`);
  const values = Float64Array.from({ length: 36 * 3 }, (_, i) =>
    i % 3 === 2 ? 1 : ((i * 7919) % 101) + (i % 36) * 20 + shift * (i % 5),
  );
  return {
    stimulusIds,
    repetition: stimulusIds.map((_, i) => Math.floor(i / 12)),
    neuroidIds: ['a', 'b', 'c'],
    values,
  };
}

const halves = { name: 'internal-consistency', splits: 5, seed: 1 };

describe('a ceiling', () => {
  let cache: ContentCache;
  beforeEach(async () => {
    cache = await ContentCache.open(mkdtempSync(join(home, 'cache-')));
  });

  it('is computed once for equal recordings, and again for others or other parameters', async () => {
    const { ceilingKey, ceilingOnce, internalConsistency } = await freshProcess();
    const compute = vi.fn(() => internalConsistency(recordings(), halves));
    const first = ceilingOnce(ceilingKey(halves, recordings()), compute);
    expect(ceilingOnce(ceilingKey(halves, recordings()), compute)).toBe(first);
    expect(compute).toHaveBeenCalledTimes(1);
    ceilingOnce(ceilingKey({ ...halves, seed: 2 }, recordings()), compute);
    ceilingOnce(ceilingKey(halves, recordings(1)), compute);
    const renamed = { ...recordings(), neuroidIds: ['a', 'c', 'b'] };
    ceilingOnce(ceilingKey(halves, renamed), compute);
    const { repetition = [], ...rest } = recordings();
    ceilingOnce(ceilingKey(halves, { ...rest, repetition: repetition.toReversed() }), compute);
    expect(compute).toHaveBeenCalledTimes(5);
  });

  it('comes back from the cache in a later run, bit for bit', async () => {
    const before = await freshProcess();
    const made = before.internalConsistency(recordings(), halves);
    expect(made.neuroids?.values.data.some(Number.isNaN)).toBe(true);
    const key = before.ceilingKey(halves, recordings());
    await before.bringCeiling(cache, key, () => made);
    const later = await freshProcess();
    const compute = vi.fn(() => made);
    await later.bringCeiling(cache, later.ceilingKey(halves, recordings()), compute);
    expect(later.ceilingOnce(key, compute)).toEqual(made);
    expect(compute).not.toHaveBeenCalled();
  });

  it('is computed again where the cache has something else under its key', async () => {
    const { ceilingKey, internalConsistency } = await freshProcess();
    const made = internalConsistency(recordings(), halves);
    const key = ceilingKey(halves, recordings());
    const text = (json: string) => {
      const body = new TextEncoder().encode(json);
      const length = new Uint8Array(Float64Array.of(body.length).buffer);
      return Buffer.concat([length, new Uint8Array(16), body]);
    };
    const wrong = [
      Buffer.from('short'),
      Buffer.alloc(64),
      text('{'),
      text('null'),
      text('{}'),
      text('{"splits":3}'),
      text('{"splits":0}'),
    ];
    for (const bytes of wrong) {
      const later = await freshProcess();
      const compute = vi.fn(() => made);
      const put = vi.fn(async () => true);
      await later.bringCeiling(
        { has: async () => true, get: async () => bytes, put },
        key,
        compute,
      );
      expect(later.ceilingOnce(key, compute)).toBe(made);
      expect(put).toHaveBeenCalledTimes(1);
    }
  });

  it('that cannot be computed leaves its error to who asks for it, and nothing in the cache', async () => {
    const { bringCeiling, ceilingKey, ceilingOnce } = await freshProcess();
    const key = ceilingKey(halves, recordings());
    const fail = () => {
      throw new RangeError('no halves');
    };
    await bringCeiling(cache, key, fail);
    expect(() => ceilingOnce(key, fail)).toThrow('no halves');
    expect(await cache.entries()).toEqual([]);
  });

  it('of a benchmark is kept in the cache of a run, one entry for benchmarks that share it', async () => {
    const folder = mkdtempSync(join(home, 'benchmark-'));
    const { stimulusIds, repetition = [], values } = recordings();
    const ids = stimulusIds.slice(0, 12);
    writeFileSync(
      join(folder, 'stimuli.csv'),
      ['stimulus_id,filename', ...ids.map((id) => `${id},${id}.png`), ''].join('\n'),
    );
    for (const id of ids) writeFileSync(join(folder, `${id}.png`), '');
    const rows = stimulusIds.map((id, i) =>
      [id, repetition[i], ...values.subarray(3 * i, 3 * i + 3)].join(),
    );
    writeFileSync(
      join(folder, 'recordings.csv'),
      ['stimulus_id,repetition,a,b,c', ...rows, ''].join('\n'),
    );
    const names = ['ridge', 'ridgecv'].map((metric) => {
      const path = join(folder, `${metric}.yaml`);
      const lines = [
        `identifier: made.IT-${metric}`,
        'version: 1',
        'region: IT',
        'visual_degrees: 8',
        'stimuli: { csv: stimuli.csv, images: . }',
        'recordings: recordings.csv',
        `metric: { name: ${metric} }`,
        'ceiling: { name: internal-consistency, splits: 5, seed: 1 }',
        'cross_validation: { splits: 2, train_size: 0.75, seed: 1 }',
        '',
      ];
      writeFileSync(path, lines.join('\n'));
      return path;
    });
    const ceilings = async () => {
      const { loadBenchmarks } = await freshProcess();
      const { loaded, close } = await loadBenchmarks(names, { home, cache }, (_, error) => {
        throw error;
      });
      await close();
      return loaded.map((each) => each.ceiling?.());
    };
    const first = await ceilings();
    expect(await cache.entries()).toMatchObject([{ kind: 'ceiling' }]);
    expect(first[0]).toEqual(first[1]);
    const { lookups } = cache;
    expect(await ceilings()).toEqual(first);
    expect(lookups).toEqual({ hits: 1, misses: 0 });
  });
});
