import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LayerMap } from '../../../src/scoring/map/layer-map-types.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { type HomeStore, openHomeStore } from '../../../src/store/home-store.js';
import type { LayerMapJobRequest, ScoreJobRequest } from '../../../src/store/jobs/job.js';
import { localPrincipal } from '../../../src/store/records/principal.js';
import { engines, madePlace, removePlace, type StorePlace } from '../engines.js';

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

describe.each(engines)('on the %s database', (engine) => {
  let place: StorePlace;
  let store: HomeStore;

  beforeAll(async () => {
    place = await madePlace(engine);
    store = await openHomeStore(place.home, place);
  });
  afterAll(async () => {
    await store.close();
    await removePlace(place);
  });

  /** Empties the queue, so that a test claims its own job. */
  async function drain() {
    for (let job = await claim(); job; job = await claim()) await store.jobs.cancel(job.id);
  }

  const claim = async () => (await store.jobs.attempts.claim())?.job;
  const eventsOf = async (id: string) =>
    (await store.jobs.events.after(id, 0)).map(({ id: number, type, data }) => {
      const { state, benchmark } = data as { state?: string; benchmark?: string };
      return [number, type, state ?? benchmark];
    });

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
      const running = await claim();
      expect(running).toMatchObject({ id: first.id, state: 'running', attempt: 1 });
      expect(await store.jobs.state(first.id)).toEqual({ state: 'running' });
      expect(await store.jobs.state('job_nope')).toBeUndefined();
      const ended = await store.jobs.attempts.finish(first.id, 1, {
        kind: 'score',
        scores: [score('a'), score('b')],
        failures: [],
      });
      expect(ended).toMatchObject({
        state: 'succeeded',
        results: [{ benchmark: 'b' }, { benchmark: 'a' }],
      });
      expect(ended?.finishedAt).toBeInstanceOf(Date);
      expect((await claim())?.id).toBe(second.id);
      expect(await claim()).toBeUndefined();
      await store.jobs.cancel(second.id);
    });

    it('fails where a benchmark has no result, and keeps those that are there', async () => {
      await store.jobs.create(localPrincipal, request('a', 'b'));
      const running = (await claim())!;
      const ended = await store.jobs.attempts.finish(running.id, 1, {
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
      const first = (await claim())!;
      await store.jobs.attempts.recover(true);
      const second = (await claim())!;
      expect(second).toMatchObject({ id: first.id, attempt: 2 });
      expect(
        await store.jobs.attempts.setProgress(
          first.id,
          1,
          { stage: 'x', done: 0, total: 1, share: 0, elapsedSeconds: 0, etaSeconds: null },
          { event: true },
        ),
      ).toBe(false);
      expect(
        await store.jobs.attempts.finish(first.id, 1, {
          kind: 'score',
          scores: [score('a', 0.1)],
          failures: [],
        }),
      ).toBeUndefined();
      expect(
        await store.jobs.attempts.finish(first.id, 2, {
          kind: 'score',
          scores: [score('a', 0.2)],
          failures: [],
        }),
      ).toMatchObject({ state: 'succeeded' });
      expect(
        await store.jobs.attempts.finish(first.id, 2, {
          kind: 'score',
          scores: [score('a', 0.3)],
          failures: [],
        }),
      ).toBeUndefined();
      expect(await store.jobs.find(first.id)).toMatchObject({ results: [score('a', 0.2)] });
    });

    it('writes nothing where one of its results cannot be written', async () => {
      await store.jobs.create(localPrincipal, request('a', 'b'));
      const job = (await claim())!;
      const bad = { benchmark: 'b', version: 'none' } as unknown as Score;
      const end = { kind: 'score', scores: [score('a'), bad], failures: [] } as const;
      await expect(store.jobs.attempts.finish(job.id, 1, end)).rejects.toThrow(/integer/);
      expect(await store.jobs.find(job.id)).toMatchObject({ state: 'running', results: [] });
      await store.jobs.cancel(job.id);
    });

    it('keeps a result as soon as it is there, and has each once', async () => {
      await store.jobs.create(localPrincipal, request('a', 'b'));
      const { id } = (await claim())!;
      expect(await store.jobs.attempts.addScore(id, 1, score('b', 0.1))).toBe(true);
      expect(await store.jobs.attempts.giveBack(id, 1, { reason: 'why', fault: false })).toBe(true);
      expect(await store.jobs.attempts.addScore(id, 1, score('a', 0.2))).toBe(false);
      expect(await claim()).toMatchObject({
        id,
        attempt: 2,
        faults: 0,
        results: [score('b', 0.1)],
      });
      const scores = [score('a', 0.3), score('b', 0.4)];
      await store.jobs.attempts.finish(id, 2, { kind: 'score', scores, failures: [] });
      expect(await store.jobs.find(id)).toMatchObject({
        state: 'succeeded',
        results: [score('a', 0.3), score('b', 0.1)],
        reason: 'why',
      });
      expect(await eventsOf(id)).toEqual([
        [1, 'state', 'queued'],
        [2, 'state', 'running'],
        [3, 'result', 'b'],
        [4, 'state', 'queued'],
        [5, 'state', 'running'],
        [6, 'result', 'a'],
        [7, 'end', 'succeeded'],
      ]);
    });

    it('that its worker lost is taken again, and counts how often', async () => {
      const { id } = await store.jobs.create(localPrincipal, request('a'));
      for (let times = 0; times < 3; times++) {
        expect(await claim()).toMatchObject({ id, attempt: times + 1, faults: times });
        await store.jobs.attempts.recover(true);
      }
      const job = (await claim())!;
      expect(job).toMatchObject({ attempt: 4, faults: 3, reason: expect.stringMatching(/lost/) });
      expect(job.log.at(-1)).toMatch(/^20\S+Z Attempt 4 starts$/);
      await store.jobs.cancel(id);
    });

    it('whose lease has run out is taken again, and its earlier holder has lost it', async () => {
      const { id } = await store.jobs.create(localPrincipal, request('a'));
      const first = (await store.jobs.attempts.claim())!;
      expect(await store.jobs.attempts.beat([first])).toEqual(new Set());
      expect(await claim()).toBeUndefined();
      await store.database.query(`update tickets set lease = now() - interval '1 second'`);
      const second = (await store.jobs.attempts.claim())!;
      expect(second.job).toMatchObject({ id, attempt: 2, faults: 1 });
      const lease = async () =>
        (await store.database.query<{ lease: Date }>('select lease from tickets'))[0].lease;
      const held = await lease();
      expect(await store.jobs.attempts.beat([first])).toEqual(new Set([id]));
      expect(await lease()).toEqual(held);
      expect(await store.jobs.attempts.beat([second])).toEqual(new Set());
      await store.jobs.cancel(id);
      expect(await store.database.query('select from tickets')).toEqual([]);
    });

    it('keeps the last fifty lines of its log', async () => {
      const { id } = await store.jobs.create(localPrincipal, request('a'));
      await claim();
      const progress = {
        stage: 'x',
        done: 0,
        total: 1,
        share: 0,
        elapsedSeconds: 0,
        etaSeconds: null,
      };
      for (let line = 0; line < 60; line++)
        await store.jobs.attempts.setProgress(id, 1, progress, {
          event: false,
          line: `line ${line}`,
        });
      const { log } = (await store.jobs.find(id))!;
      expect(log.map((line) => line.replace(/^\S+ /, ''))).toEqual(
        Array.from({ length: 50 }, (_, i) => `line ${i + 10}`),
      );
      await store.jobs.cancel(id);
    });

    it('without a ticket, as a restored one, gets one', async () => {
      const { id } = await store.jobs.create(localPrincipal, request('a'));
      await store.database.query('delete from tickets');
      expect(await claim()).toBeUndefined();
      await store.jobs.attempts.recover(false);
      await store.jobs.attempts.recover(false);
      expect(await claim()).toMatchObject({ id });
      expect(await claim()).toBeUndefined();
      await store.jobs.cancel(id);
    });

    it('of one owner is not held up by a hundred of another', async () => {
      await drain();
      const of = (owner: string, n: number) =>
        Array.from({ length: n }, () =>
          store.jobs.create(localPrincipal, { ...request('a'), owner }),
        );
      await Promise.all(of('many', 40));
      const owners: string[] = [];
      for (let turn = 0; turn < 12; turn++) {
        if (turn === 3 || turn === 8) await Promise.all(of('few', 2));
        const job = (await claim())!;
        owners.push(job.owner);
        await store.jobs.cancel(job.id);
      }
      expect(owners.slice(0, 3)).toEqual(['many', 'many', 'many']);
      expect(owners.slice(3, 8).filter((owner) => owner === 'few')).toHaveLength(2);
      expect(owners.slice(8).filter((owner) => owner === 'few')).toHaveLength(2);
      await drain();
    });

    it('passes maps that were asked for first, but not for ever', async () => {
      await drain();
      await store.jobs.create(localPrincipal, mapRequest('a'));
      for (let n = 0; n < 30; n++) await store.jobs.create(localPrincipal, request('a'));
      const kinds: string[] = [];
      for (let job = await claim(); job; job = await claim()) {
        kinds.push(job.kind);
        await store.jobs.cancel(job.id);
      }
      expect(kinds).toHaveLength(31);
      expect(kinds.indexOf('layer-map')).toBeGreaterThan(5);
      expect(kinds.indexOf('layer-map')).toBeLessThan(15);
    });

    it('tells its events to whoever follows, in order and to the end', async () => {
      const { id } = await store.jobs.create(localPrincipal, request('a'));
      const seen: number[] = [];
      const following = (async () => {
        const { signal } = new AbortController();
        for await (const event of store.jobs.events.follow(id, 1, signal)) seen.push(event.id);
      })();
      await claim();
      const progress = {
        stage: 'x',
        done: 0,
        total: 1,
        share: 0,
        elapsedSeconds: 0,
        etaSeconds: null,
      };
      const told = { event: true };
      await Promise.all(
        Array.from({ length: 20 }, () => store.jobs.attempts.setProgress(id, 1, progress, told)),
      );
      await store.jobs.attempts.finish(id, 1, {
        kind: 'score',
        scores: [score('a')],
        failures: [],
      });
      await following;
      expect(seen).toEqual(Array.from({ length: 23 }, (_, i) => i + 2));
    });

    it('is answered from the store where all its inputs are equal, and in part where some are', async () => {
      const asked = request('a', 'b');
      await store.jobs.create(localPrincipal, asked);
      const job = (await claim())!;
      await store.jobs.attempts.finish(job.id, 1, {
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
      expect((await claim())?.id).toBe(more.id);
      expect(
        await store.jobs.attempts.finish(more.id, 1, {
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
      expect(await claim()).toBeUndefined();
    });

    it('goes to one of several that claim at once', async () => {
      const jobs = await Promise.all(
        Array.from({ length: 5 }, () => store.jobs.create(localPrincipal, request('a'))),
      );
      const claimed = await Promise.all(Array.from({ length: 8 }, () => claim()));
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
        (await store.jobs.list(localPrincipal, 'score', { benchmark: 'other' }, { limit: 9 }))
          .items,
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
      expect(await claim()).toMatchObject({ id: later.id, kind: 'score' });
      expect(await claim()).toMatchObject({ id: asked.id, kind: 'layer-map', attempt: 1 });
      const end = { kind: 'layer-map', map: map(), failures: [] } as const;
      expect(await store.jobs.attempts.finish(asked.id, 0, end)).toBeUndefined();
      expect(await store.jobs.attempts.finish(asked.id, 1, end)).toMatchObject({
        state: 'succeeded',
      });
      expect(await store.jobs.attempts.finish(asked.id, 1, end)).toBeUndefined();
      const found = await store.jobs.find(asked.id);
      expect(JSON.stringify((found as typeof asked).result)).toBe(JSON.stringify(map()));
      await store.jobs.cancel(later.id);
    });

    it('is listed among its kind, without its map', async () => {
      const { items } = await store.jobs.list(localPrincipal, 'layer-map', {}, { limit: 9 });
      expect(items[0]).toMatchObject({ kind: 'layer-map', state: 'succeeded' });
      expect(items[0]).not.toHaveProperty('result');
      const scores = await store.jobs.list(localPrincipal, 'score', {}, { limit: 200 });
      expect(new Set(scores.items.map(({ kind }) => kind))).toEqual(new Set(['score']));
    });

    it('is answered from the store where all its inputs are equal, under the present name', async () => {
      await drain();
      const asked = mapRequest('a', 'b');
      const first = await store.jobs.create(localPrincipal, asked);
      await claim();
      await store.jobs.attempts.finish(first.id, 1, {
        kind: 'layer-map',
        map: map(),
        failures: [],
      });
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
        await claim();
        expect(
          await store.jobs.attempts.finish(job.id, 1, { kind: 'layer-map', map: made, failures }),
        ).toMatchObject({ state: 'failed', failures, result: made });
      }
    });
  });
});
