import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spilledBytes, withTileRoom } from '../../../src/activations/scratch/tile-room.js';
import { correlate, pickRows } from '../../../src/metrics/cross-regressed-correlation.js';
import { MOST_ROWS_IN_MEMORY, tiledPlan } from '../../../src/metrics/tiled/tiled-regression.js';
import { matmul } from '../../../src/numerics/algebra/gemm.js';
import { matrix } from '../../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { narrowRidge } from '../../../src/numerics/regression/ridge.js';
import { nanMedian } from '../../../src/numerics/statistics/statistics.js';
import { scoreFeatures } from '../../../src/scoring/features/score-features.js';
import { planTiles } from '../../../src/scoring/map/plan-tiles.js';
import type { LoadedBenchmark } from '../../../src/scoring/measure/loaded-benchmark.js';
import { tolerances } from '../../tolerances.js';

/** More than are solved in memory. */
const TRAIN = MOST_ROWS_IN_MEMORY + 4;
const TEST = 12;
const UNITS = 6;
const NEUROIDS = 3;

let folder: string;
let x: ReturnType<typeof matrix>;
let y: ReturnType<typeof matrix>;

const csv = (name: string, header: readonly string[], rows: readonly (readonly unknown[])[]) =>
  writeFileSync(join(folder, name), `${[header, ...rows].map((row) => row.join()).join('\n')}\n`);

/** Rows of a matrix, as they are written. */
const rowOf = ({ cols, data }: ReturnType<typeof matrix>, row: number) =>
  Array.from(data.subarray(row * cols, (row + 1) * cols));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-tiled-'));
  const random = new RandomState(3);
  const rows = TRAIN + TEST;
  x = matrix(rows, UNITS, random.standardNormal(rows * UNITS));
  const weights = matrix(UNITS, NEUROIDS, random.standardNormal(UNITS * NEUROIDS));
  const noise = random.standardNormal(rows * NEUROIDS);
  y = await matmul(x, weights);
  y.data.forEach((value, i) => {
    y.data[i] = value + noise[i];
  });
  const ids = Array.from({ length: rows }, (_, i) => `s${String(i).padStart(5, '0')}`);
  const neuroids = Array.from({ length: NEUROIDS }, (_, k) => `n${k}`);
  csv(
    'features.csv',
    ['stimulus_id', ...neuroids.map((_, k) => `u${k}`), 'u3', 'u4', 'u5'],
    ids.map((id, i) => [id, ...rowOf(x, i)]),
  );
  for (const [name, from, to] of [
    ['train', 0, TRAIN],
    ['test', TRAIN, rows],
  ] as const) {
    const own = ids.slice(from, to);
    csv(
      `${name}.csv`,
      ['stimulus_id'],
      own.map((id) => [id]),
    );
    csv(
      `${name}-recordings.csv`,
      ['stimulus_id', ...neuroids],
      own.map((id, i) => [id, ...rowOf(y, from + i)]),
    );
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function benchmark(metric: string): string {
  const path = join(folder, `${metric.replaceAll(/\W+/g, '-')}.yaml`);
  writeFileSync(
    path,
    [
      'identifier: made',
      'version: 1',
      'visual_degrees: 8',
      'train: { stimuli: { csv: train.csv }, recordings: train-recordings.csv }',
      'stimuli: { csv: test.csv }',
      'recordings: test-recordings.csv',
      'ceiling: none',
      `metric: ${metric}`,
      '',
    ].join('\n'),
  );
  return path;
}

async function score(metric: string, limits: { maxMemory: number; maxScratch?: number }) {
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const request = { features: join(folder, 'features.csv'), benchmarks: [benchmark(metric)] };
  const { scores, failures } = await scoreFeatures(request, {
    ...{ home, threads: 2, maxScratch: 2 ** 33, ...limits },
  });
  expect(readdirSync(join(home, 'tmp'))).toEqual([]);
  return { score: scores[0], error: failures[0]?.error };
}

const LITTLE = 2 ** 20;

test('the score is that of the regression in memory', async () => {
  const { score: found, error } = await score('{ name: ridge }', { maxMemory: LITTLE });
  expect(error).toBeUndefined();
  const rows = Array.from({ length: TRAIN + TEST }, (_, i) => i);
  const [train, held] = [rows.slice(0, TRAIN), rows.slice(TRAIN)];
  const some = { x: pickRows(x, train), test: pickRows(x, held) };
  const fitted = await (await narrowRidge(some.x))(1);
  const wanted = await fitted.predict(some.test, pickRows(y, train));
  const r = nanMedian(correlate(pickRows(y, held), wanted));
  expect(Math.abs((found.value as number) - r)).toBeLessThanOrEqual(tolerances.tiled);
});

test('too little scratch for the tiles is a typed error, and leaves none', async () => {
  const limits = { maxMemory: LITTLE, maxScratch: LITTLE };
  const { error } = await score('{ name: ridgecv, alphas: [1, 100] }', limits);
  expect(error).toMatchObject({ code: 'memory-exceeded', details: { field: '--max-scratch' } });
  expect(error?.message).toMatch(/need \d+ MiB of scratch, --max-scratch allows 1 MiB/);
});

test('a run that is interrupted, or fails, leaves no file', async () => {
  const home = join(folder, 'home');
  const stop = new AbortController();
  const room = { home, maxMemory: 64, maxScratch: 2 ** 20, signal: stop.signal };
  await expect(
    withTileRoom(room, 1, async (own) => {
      const tiles = own.open(64);
      await tiles.write(0, 0, new Float64Array(8));
      await tiles.write(1, 0, new Float64Array(8));
      expect(readdirSync(join(home, 'tmp'))).toHaveLength(1);
      stop.abort();
      own.step?.();
    }),
  ).rejects.toMatchObject({ code: 'interrupted' });
  expect(readdirSync(join(home, 'tmp'))).toEqual([]);
});

test('the plan says over what is solved, how long it takes and what it writes', () => {
  const plan = tiledPlan({ name: 'ridge' }, { rows: 22_248, targets: 600 });
  const loaded = { benchmark: { id: 'made' }, tiled: plan } as unknown as LoadedBenchmark;
  const memory = (2 * 2 ** 30) / 3;
  const [tiles] = planTiles([loaded], [4096, 25_088], memory);
  expect(tiles).toMatchObject({ benchmark: 'made', overStimuli: 1, overUnits: 1 });
  expect(tiles.scratch).toBe(spilledBytes((8 * 1024 ** 2 * 22 * 23) / 2, 1, memory));
  expect(tiles.seconds).toBeGreaterThan(60);
  expect(planTiles([{ benchmark: { id: 'made' } } as LoadedBenchmark], [4096], memory)).toEqual([]);
  expect(tiledPlan({ name: 'ridge' }, { rows: MOST_ROWS_IN_MEMORY, targets: 1 })).toBeUndefined();
  expect(tiledPlan({ name: 'pls' }, { rows: 22_248, targets: 1 })).toBeUndefined();
});
