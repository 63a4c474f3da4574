import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  benchmark,
  both,
  bySubject,
  LITTLE,
  lasting,
  makeStored,
  pair,
  removeStored,
  run,
} from './made-stored.js';

beforeAll(makeStored);
afterAll(removeStored);

test('a score of recordings on scratch disk has the bits of one in memory', async () => {
  const file = benchmark([...pair(), 'metric: { name: ridgecv }', ...bySubject]);
  const [whole, stored] = await both(file, LITTLE);
  expect(whole.score?.value).not.toBeNull();
  expect(lasting(stored.score)).toEqual(lasting(whole.score));
});

test('a missing value is refused in the same words', async () => {
  const file = benchmark([
    ...pair('train.nc', 'holes.nc'),
    'metric: { name: ridge }',
    ...bySubject,
  ]);
  const [whole, stored] = await both(file, LITTLE);
  expect(whole.error).toMatchObject({ code: 'recordings-invalid' });
  expect(whole.error?.message).toMatch(/has no finite value for stimulus/);
  expect(stored.error?.message).toBe(whole.error?.message);
});

test('pls says why its neuroids cannot be divided into blocks', async () => {
  const lines = ['metric: { name: pls, components: 3 }', 'ceiling: none'];
  const file = benchmark([...pair('crowd-train.nc', 'crowd-test.nc'), ...lines]);
  const { error } = await run(file, { maxMemory: LITTLE });
  expect(error).toMatchObject({ code: 'memory-exceeded', details: { field: '--max-memory' } });
  expect(error?.message).toMatch(
    /pls fits the 1200 neuroids of all together, since all of them shape its components/,
  );
});

test('too little scratch is a typed error', async () => {
  const file = benchmark([...pair(), 'metric: { name: ridge }', ...bySubject]);
  const { error } = await run(file, { maxMemory: LITTLE, maxScratch: 1024 });
  expect(error).toMatchObject({ code: 'memory-exceeded', details: { field: '--max-scratch' } });
  expect(error?.message).toMatch(/recordings need 1 MiB of scratch/);
});

test('progress is told over blocks, and a run ends between them', async () => {
  // A ceiling that this process knows is not made again.
  const file = (seed: number) =>
    benchmark([
      ...[...pair(), 'metric: { name: ridge }', 'fit_per: subject'],
      `ceiling: { name: internal-consistency, splits: 10, seed: ${seed} }`,
    ]);
  const { told } = await run(file(100), { maxMemory: LITTLE });
  expect(told.filter(({ stage }) => stage === 'data').length).toBeGreaterThan(12);
  expect(told.filter(({ stage }) => stage === 'metric').length).toBeGreaterThan(4);
  for (const at of [2, 8, told.length - 3]) {
    const stop = new AbortController();
    let count = 0;
    const ended = run(
      file(at),
      { maxMemory: LITTLE, signal: stop.signal },
      { told: () => (++count === at ? stop.abort() : undefined) },
    );
    await expect(ended).rejects.toMatchObject({ code: 'interrupted' });
    expect(count).toBeLessThan(told.length);
  }
});
