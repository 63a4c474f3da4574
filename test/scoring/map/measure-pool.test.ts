import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { imagenetCard } from '../../../src/activations/card/card.js';
import { type ReducedLayer, wholeLayer } from '../../../src/activations/reduced-layer.js';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { denseFeatures } from '../../../src/numerics/algebra/features.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { MeasurePool, type PoolOptions } from '../../../src/scoring/map/measure-pool.js';
import { partOf } from '../../../src/scoring/measure/halves.js';
import type { LoadedBenchmark } from '../../../src/scoring/measure/loaded-benchmark.js';
import {
  type LoadedBenchmarks,
  loadBenchmarks,
} from '../../../src/scoring/registry/load-benchmark.js';
import { ORACLE } from '../../oracle.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-pool-'));
let benchmarks: LoadedBenchmarks;
let pool: MeasurePool;
beforeAll(async () => {
  const files = ['neural-csv', 'behaviour'].map((name) =>
    join(ORACLE, '09-end-to-end', name, 'benchmark.yaml'),
  );
  benchmarks = await loadBenchmarks(files, { home }, (_, error) => {
    throw error;
  });
});
afterEach(() => pool?.close());
afterAll(async () => {
  await benchmarks?.close();
  rmSync(home, { recursive: true, force: true });
});

const card = imagenetCard;
/** A pool for as many measurements of each benchmark. */
const open = ({ times = 1000, ...options }: Partial<PoolOptions> & { times?: number } = {}) =>
  new MeasurePool(Array.from({ length: times }, () => benchmarks.loaded).flat(), {
    home,
    threads: 2,
    maxMemory: 2 ** 30,
    maxScratch: 2 ** 30,
    ...options,
  });

const random = new RandomState(2);
const madeLayer = ({ shown }: LoadedBenchmark, units: number): ReducedLayer =>
  wholeLayer(
    shown.map(({ stimuli: { ids } }) =>
      denseFeatures(
        ids.length,
        units,
        Float32Array.from(random.standardNormal(ids.length * units)),
      ),
    ),
  );

test('workers give the bits of this thread, in whatever order they end', async () => {
  pool = open();
  expect(pool.workers).toBe(2);
  const jobs = [];
  for (const units of [150, 30]) {
    for (const loaded of benchmarks.loaded) {
      const layer = madeLayer(loaded, units);
      const { answer } = await pool.take(loaded, layer, { card });
      jobs.push({ loaded, layer, answer });
    }
  }
  for (const { loaded, layer, answer } of jobs) {
    expect((await answer).measured).toEqual(await loaded.measure(layer, { card }));
  }
});

test('workers measure on half of the stimuli as well', async () => {
  pool = open();
  const loaded = benchmarks.loaded.find(
    ({ layers }) => layers.key === 'behavior',
  ) as LoadedBenchmark;
  const layer = madeLayer(loaded, 30);
  const halves = (['choice', 'test'] as const).map((half) => ({
    half,
    part: partOf(loaded, half),
  }));
  const found = [];
  for (const { half, part } of halves) {
    const { answer } = await pool.take(loaded, layer, { card, half });
    const { measured } = await answer;
    expect(measured).toEqual(await part.measure(layer, { card }));
    found.push(measured.value);
  }
  expect(found[0]).not.toBe(found[1]);
});

test('a refusal keeps its code and its words', async () => {
  const [loaded] = benchmarks.loaded;
  const layer = madeLayer(loaded, 7);
  const here = await loaded.measure(layer, { card }).catch(VentralError.from);
  pool = open();
  const { answer } = await pool.take(loaded, layer, { card });
  const { code, message, details } = here as VentralError;
  expect(code).toBe('units-too-few');
  await expect(answer).rejects.toMatchObject({ code, message, details });
});

test.each([
  ['memory', { maxMemory: 2 ** 20 }],
  ['work', { times: 2 }],
])('where there is little %s, this thread measures', async (_, options) => {
  pool = open(options);
  expect(pool.workers).toBe(0);
  const [loaded] = benchmarks.loaded;
  const layer = madeLayer(loaded, 150);
  const { answer } = await pool.take(loaded, layer, { card });
  expect((await answer).measured).toEqual(await loaded.measure(layer, { card }));
});

test('an interruption ends what is measured, in the midst of it', async () => {
  const stop = new AbortController();
  pool = open({ signal: stop.signal });
  const [loaded] = benchmarks.loaded;
  const { answer } = await pool.take(loaded, madeLayer(loaded, 150), { card });
  stop.abort(new VentralError('interrupted', 'Interrupted'));
  await expect(answer).rejects.toMatchObject({ code: 'interrupted' });
  await expect(pool.take(loaded, madeLayer(loaded, 150), { card })).rejects.toMatchObject({
    code: 'interrupted',
  });
});

test('two threads measure at the size of Majaj and Hong within 2 GiB', () => {
  const [loaded] = benchmarks.loaded;
  const made = {
    ...loaded,
    benchmark: { ...loaded.benchmark, metric: { name: 'pls' } },
    shown: [{ stimuli: { ids: Array.from({ length: 3200 }, (_, i) => i) } }],
    form: () => 'gram',
    inputs: { values: new Float32Array(3200 * 3 * 256) },
    seconds: 3,
  } as unknown as LoadedBenchmark;
  const limits = { home, threads: 2, maxMemory: (2 * 2 ** 30) / 3, maxScratch: 0 };
  pool = new MeasurePool([made, { ...made }], limits);
  expect(pool.workers).toBe(2);
  expect(pool.bytes).toBeLessThanOrEqual(limits.maxMemory);
});
