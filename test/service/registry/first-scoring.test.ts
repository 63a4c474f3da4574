import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FirstScoring } from '../../../src/service/registry/first-scoring.js';
import type { HomeStore } from '../../../src/store/home-store.js';

let others = false;
const store = { jobs: { othersWait: async () => others } } as unknown as HomeStore;
const models = ['resnet-20', 'objects-resnet', 'gabor-v1', 'efficientnet-b1'];

beforeEach(() => {
  others = false;
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Scores a model in so many seconds. */
function score(scoring: FirstScoring, model: string, seconds: number) {
  const ended = scoring.run(model, `job_${model}`);
  vi.advanceTimersByTime(1000 * seconds);
  ended();
  scoring.finish(model);
}

it('of a service that scores none has nothing to do', async () => {
  const nothing = { total: 0, done: 0, paused: false, running: null, remainingSeconds: null };
  expect(await new FirstScoring(store).read()).toEqual(nothing);
});

it('counts what is done, says what runs, and gives no time before it has measured two models', async () => {
  const scoring = new FirstScoring(store);
  scoring.start(models);
  expect(await scoring.read()).toMatchObject({ total: 4, done: 0, remainingSeconds: null });
  score(scoring, 'resnet-20', 86);
  expect(await scoring.read()).toMatchObject({ done: 1, running: null, remainingSeconds: null });
  // Twice as long as on the machine that was measured, so the others take twice as long, too.
  score(scoring, 'objects-resnet', 56);
  scoring.run('gabor-v1', 'job_b');
  expect(await scoring.read()).toEqual({
    ...{ total: 4, done: 2, paused: false, remainingSeconds: 2 * (40 + 159) },
    running: { model: 'gabor-v1', job: 'job_b' },
  });
  vi.advanceTimersByTime(30_000);
  expect((await scoring.read()).remainingSeconds).toBe(2 * (40 + 159) - 30);
});

it('is not misled by a model that stood still for the jobs of others, and gives no time meanwhile', async () => {
  const scoring = new FirstScoring(store);
  scoring.start(models);
  score(scoring, 'resnet-20', 43);
  score(scoring, 'objects-resnet', 28);
  score(scoring, 'gabor-v1', 4000);
  expect((await scoring.read()).remainingSeconds).toBe(159);
  others = true;
  expect(await scoring.read()).toMatchObject({ paused: true, remainingSeconds: null });
  others = false;
  scoring.finish('efficientnet-b1');
  expect(await scoring.read()).toMatchObject({ done: 4, total: 4, remainingSeconds: null });
});

it('takes models that had their scores before as done, without measuring by them', async () => {
  const scoring = new FirstScoring(store);
  scoring.start(models);
  for (const model of models.slice(0, 3)) scoring.finish(model);
  expect(await scoring.read()).toMatchObject({ done: 3, remainingSeconds: null });
});
