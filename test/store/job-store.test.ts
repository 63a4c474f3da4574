import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LayerMap } from '../../src/scoring/layer-map-types.js';
import type { Score } from '../../src/scoring/score.js';
import { type HomeStore, openHomeStore } from '../../src/store/home-store.js';
import type { LayerMapJobRequest, ScoreJobRequest } from '../../src/store/job.js';
import { localPrincipal } from '../../src/store/principal.js';
import { madeHome } from './made-home.js';

let home: string;
let store: HomeStore;

beforeAll(async () => {
  home = await madeHome('ventral-store-');
  store = await openHomeStore(home);
});
afterAll(async () => {
  await store.close();
  await rm(home, { recursive: true, force: true });
});

let count = 0;
const request = (...benchmarks: string[]): ScoreJobRequest => {
  count++;
  return {
    kind: 'score',
    owner: 'local',
    registration: null,
    model: 'mdl_x',
    digest: `sha256:${'a'.repeat(64)}`,
    modelName: 'x',
    card: { visual_degrees: 8 },
    benchmarks,
    sources: benchmarks,
    keys: benchmarks.map((name) => `${name}-${count}`),
    layers: { V1: 'layer1' },
  };
};
const mapRequest = (...benchmarks: string[]): LayerMapJobRequest => {
  count++;
  const { layers: _layers, ...asked } = request(...benchmarks);
  return { ...asked, kind: 'layer-map', keys: [`map-${count}`], layers: ['layer*'], holdout: true };
};
const map = (name = 'x') =>
  ({
    name,
    benchmarks: ['a', 'b'],
    layers: [{ layer: 'layer1', cells: { b: { reason: 'none' }, a: { name, value: 0.5 } } }],
    holdout: { a: { name, value: 0.4 }, b: { reason: 'none' } },
  }) as unknown as LayerMap;
const score = (benchmark: string, value = 0.5) => ({ benchmark, value }) as Score;
const problem = { type: '/problems/x', title: 'x', status: 422, detail: 'x' };

/** Empties the queue, so that a test claims its own job. */
async function drain() {
  for (let job = await store.jobs.claim(); job; job = await store.jobs.claim())
    await store.jobs.cancel(job.id);
}

describe('a job', () => {
  it('is queued, claimed in order, and ends with all results', async () => {
    const first = await store.jobs.create(localPrincipal, request('b', 'a'));
    const second = await store.jobs.create(localPrincipal, request('a'));
    expect(first).toMatchObject({
      state: 'queued',
      attempt: 0,
      results: [],
      failures: [],
      startedAt: null,
      layers: { V1: 'layer1' },
    });
    const running = await store.jobs.claim();
    expect(running).toMatchObject({ id: first.id, state: 'running', attempt: 1 });
    const ended = await store.jobs.finish(first.id, 1, {
      kind: 'score',
      scores: [score('a'), score('b')],
      failures: [],
    });
    expect(ended).toMatchObject({
      state: 'succeeded',
      results: [{ benchmark: 'b' }, { benchmark: 'a' }],
    });
    expect(ended?.finishedAt).toBeInstanceOf(Date);
    expect((await store.jobs.claim())?.id).toBe(second.id);
    expect(await store.jobs.claim()).toBeUndefined();
    await store.jobs.cancel(second.id);
  });

  it('fails where a benchmark has no result, and keeps those that are there', async () => {
    await store.jobs.create(localPrincipal, request('a', 'b'));
    const running = (await store.jobs.claim())!;
    const ended = await store.jobs.finish(running.id, 1, {
      kind: 'score',
      scores: [score('b')],
      failures: [{ benchmark: 'a', problem }],
    });
    expect(ended).toMatchObject({
      state: 'failed',
      results: [{ benchmark: 'b' }],
      failures: [{ benchmark: 'a', problem }],
    });
  });

  it('refuses the results of an earlier attempt, and writes each result once', async () => {
    await store.jobs.create(localPrincipal, request('a'));
    const first = (await store.jobs.claim())!;
    await store.jobs.requeueAll();
    const second = (await store.jobs.claim())!;
    expect(second).toMatchObject({ id: first.id, attempt: 2 });
    expect(
      await store.jobs.setProgress(first.id, 1, {
        stage: 'x',
        done: 0,
        total: 1,
        etaSeconds: null,
      }),
    ).toBe(false);
    expect(
      await store.jobs.finish(first.id, 1, {
        kind: 'score',
        scores: [score('a', 0.1)],
        failures: [],
      }),
    ).toBeUndefined();
    expect(
      await store.jobs.finish(first.id, 2, {
        kind: 'score',
        scores: [score('a', 0.2)],
        failures: [],
      }),
    ).toMatchObject({ state: 'succeeded' });
    expect(
      await store.jobs.finish(first.id, 2, {
        kind: 'score',
        scores: [score('a', 0.3)],
        failures: [],
      }),
    ).toBeUndefined();
    expect(await store.jobs.find(first.id)).toMatchObject({ results: [score('a', 0.2)] });
  });

  it('writes nothing where one of its results cannot be written', async () => {
    await store.jobs.create(localPrincipal, request('a', 'b'));
    const job = (await store.jobs.claim())!;
    const twice = { kind: 'score', scores: [score('a'), score('a')], failures: [] } as const;
    await expect(store.jobs.finish(job.id, 1, twice)).rejects.toThrow(/unique/);
    expect(await store.jobs.find(job.id)).toMatchObject({ state: 'running', results: [] });
    await store.jobs.cancel(job.id);
  });

  it('is answered from the store where all its inputs are equal, and in part where some are', async () => {
    const asked = request('a', 'b');
    await store.jobs.create(localPrincipal, asked);
    const job = (await store.jobs.claim())!;
    await store.jobs.finish(job.id, 1, {
      kind: 'score',
      scores: [score('a', 0.1), score('b', 0.2)],
      failures: [],
    });
    expect(await store.jobs.create(localPrincipal, asked)).toMatchObject({
      state: 'succeeded',
      results: [score('a', 0.1), score('b', 0.2)],
    });
    const more = await store.jobs.create(localPrincipal, {
      ...asked,
      benchmarks: ['a', 'c'],
      keys: [asked.keys[0], 'other'],
    });
    expect(more).toMatchObject({ state: 'queued', results: [score('a', 0.1)] });
    expect((await store.jobs.claim())?.id).toBe(more.id);
    expect(
      await store.jobs.finish(more.id, 1, {
        kind: 'score',
        scores: [score('c', 0.3)],
        failures: [],
      }),
    ).toMatchObject({
      state: 'succeeded',
      results: [score('a', 0.1), score('c', 0.3)],
    });
  });

  it('is cancelled while it is open, and not after', async () => {
    const job = await store.jobs.create(localPrincipal, request('a'));
    expect(await store.jobs.cancel(job.id)).toMatchObject({ state: 'cancelled' });
    expect(await store.jobs.cancel(job.id)).toBeUndefined();
    expect(await store.jobs.claim()).toBeUndefined();
  });

  it('goes to one of several that claim at once', async () => {
    const jobs = await Promise.all(
      Array.from({ length: 5 }, () => store.jobs.create(localPrincipal, request('a'))),
    );
    const claimed = await Promise.all(Array.from({ length: 8 }, () => store.jobs.claim()));
    const ids = claimed.flatMap((job) => (job ? [job.id] : []));
    expect(ids.toSorted()).toEqual(jobs.map((job) => job.id).toSorted());
    await Promise.all(ids.map((id) => store.jobs.cancel(id)));
  });

  it('is listed newest first, by pages and filters', async () => {
    await drain();
    const jobs = [];
    for (let i = 0; i < 5; i++)
      jobs.push(
        await store.jobs.create(localPrincipal, { ...request('listed'), model: 'mdl_listed' }),
      );
    const pages = [];
    for (let cursor: string | undefined; ; ) {
      const page = await store.jobs.list(
        localPrincipal,
        'score',
        { model: 'mdl_listed' },
        { limit: 2, ...(cursor ? { cursor } : {}) },
      );
      pages.push(page.items.map((job) => job.id));
      if (!page.next) break;
      cursor = page.next;
    }
    const ids = jobs.map((job) => job.id).reverse();
    expect(pages).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
    expect(
      (
        await store.jobs.list(
          localPrincipal,
          'score',
          { benchmark: 'listed', state: 'queued' },
          { limit: 9 },
        )
      ).items,
    ).toHaveLength(5);
    expect(
      (await store.jobs.list(localPrincipal, 'score', { benchmark: 'other' }, { limit: 9 })).items,
    ).toEqual([]);
    await expect(
      store.jobs.list(localPrincipal, 'score', {}, { limit: 9, cursor: 'bm9wZQ' }),
    ).rejects.toThrow(/cursor/);
  });
});

describe('a layer map job', () => {
  it('shares the queue with scores, and ends with its map as it was given', async () => {
    await drain();
    const asked = await store.jobs.create(localPrincipal, mapRequest('a', 'b'));
    const later = await store.jobs.create(localPrincipal, request('a'));
    expect(asked).toMatchObject({
      kind: 'layer-map',
      state: 'queued',
      layers: ['layer*'],
      holdout: true,
      result: null,
    });
    expect(await store.jobs.claim()).toMatchObject({ id: asked.id, kind: 'layer-map', attempt: 1 });
    expect(await store.jobs.claim()).toMatchObject({ id: later.id, kind: 'score' });
    const end = { kind: 'layer-map', map: map(), failures: [] } as const;
    expect(await store.jobs.finish(asked.id, 0, end)).toBeUndefined();
    expect(await store.jobs.finish(asked.id, 1, end)).toMatchObject({ state: 'succeeded' });
    expect(await store.jobs.finish(asked.id, 1, end)).toBeUndefined();
    const found = await store.jobs.find(asked.id);
    expect(JSON.stringify((found as typeof asked).result)).toBe(JSON.stringify(map()));
    await store.jobs.cancel(later.id);
  });

  it('is listed among its kind, without its map', async () => {
    const { items } = await store.jobs.list(localPrincipal, 'layer-map', {}, { limit: 9 });
    expect(items).toMatchObject([{ kind: 'layer-map', state: 'succeeded' }]);
    expect(items[0]).not.toHaveProperty('result');
    const scores = await store.jobs.list(localPrincipal, 'score', {}, { limit: 200 });
    expect(new Set(scores.items.map(({ kind }) => kind))).toEqual(new Set(['score']));
  });

  it('is answered from the store where all its inputs are equal, under the present name', async () => {
    await drain();
    const asked = mapRequest('a', 'b');
    const first = await store.jobs.create(localPrincipal, asked);
    await store.jobs.claim();
    await store.jobs.finish(first.id, 1, { kind: 'layer-map', map: map(), failures: [] });
    const again = await store.jobs.create(localPrincipal, { ...asked, modelName: 'y' });
    expect(again).toMatchObject({ state: 'succeeded', result: map('y') });
    const third = await store.jobs.create(localPrincipal, asked);
    expect(third).toMatchObject({ state: 'succeeded', result: map() });
    const other = await store.jobs.create(localPrincipal, { ...asked, keys: ['other'] });
    expect(other).toMatchObject({ state: 'queued', result: null });
    await store.jobs.cancel(other.id);
  });

  it('that failed keeps what it has, and is made anew when it is asked for again', async () => {
    const asked = mapRequest('a', 'b');
    const failures = [{ benchmark: 'b', problem }];
    for (const made of [map(), null]) {
      const job = await store.jobs.create(localPrincipal, asked);
      expect(job).toMatchObject({ state: 'queued', result: null });
      await store.jobs.claim();
      expect(
        await store.jobs.finish(job.id, 1, { kind: 'layer-map', map: made, failures }),
      ).toMatchObject({ state: 'failed', failures, result: made });
    }
  });
});
