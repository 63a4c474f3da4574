import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import {
  callsOfCalls,
  endlessLoop,
  hiddenFolding,
  hostileCard,
  largeOutput,
  nanWeights,
  nestedIf,
} from '../service/hostile-models.js';
import { expectUnharmed, serviceOn, upload, uploadBenchmark } from '../service/hostile-service.js';
import { childrenOf, serve } from '../service/process.js';
import { multipart, type RunningService } from '../service/running-service.js';
import { madeHome } from '../store/made-home.js';

let home: string;
let service: RunningService;
let benchmark: string;
beforeAll(async () => {
  home = await madeHome('ventral-hostile-');
  service = await serviceOn(home);
  benchmark = await uploadBenchmark(service);
});
afterAll(async () => {
  await service.stop();
  await rm(home, { recursive: true, force: true });
});
afterEach(() => expectUnharmed(service));

const score = (model: string) =>
  service.post('/v1/scores', { model, benchmarks: [benchmark] }, { Prefer: 'wait=60' });

const codesOf = (failures: { problem: { type: string } }[]) => [
  ...new Set(failures.map(({ problem }) => problem.type.replace('/problems/', ''))),
];

it.each([
  ['gives ten gigabytes', largeOutput, 'memory-exceeded'],
  ['has weights that are no numbers', nanWeights, 'activations-not-finite'],
])('a model that %s fails when it is scored', async (name, build, code) => {
  const model = await upload(service, name, build());
  expect(model.status).toBe(201);
  const answer = await score(model.body.id);
  expect(answer.body).toMatchObject({ state: 'failed', results: [] });
  expect(codesOf(answer.body.failures)).toEqual([code]);
});

it('a model that is merely odd is scored', async () => {
  for (const [name, content] of [
    ['nested', nestedIf(20)],
    ['functions', callsOfCalls(2)],
  ] as const) {
    const model = await upload(service, name, content);
    expect(model.status).toBe(201);
    expect((await score(model.body.id)).body).toMatchObject({ failures: [], state: 'succeeded' });
  }
});

it('a model that never ends is ended at the deadline, whatever is asked of it', async () => {
  const { body: model } = await upload(service, 'loop', endlessLoop());
  await service.stop();
  service = await serviceOn(home, 3);
  const [scored, ...refused] = await Promise.all([
    score(model.id),
    service.get(`/v1/models/${model.id}/layers`),
    upload(service, 'slow', hiddenFolding()),
  ]);
  expect(scored.body.state).toBe('failed');
  expect(codesOf(scored.body.failures)).toEqual(['deadline-exceeded']);
  for (const answer of refused) {
    expect(answer).toMatchObject({ status: 503, body: { type: '/problems/deadline-exceeded' } });
  }
});

it('a model that never ends is gone within two seconds of a service that is killed', async () => {
  const { body: model } = await upload(service, 'loop', endlessLoop());
  await service.stop();
  const killed = await serve(home);
  const pid = killed.child.pid as number;
  let job: string;
  try {
    const shallow = multipart([
      { name: 'file', filename: 'shallow.onnx', content: nestedIf(2) },
      { name: 'card', content: hostileCard('shallow') },
    ]);
    const harmless = (await killed.call('POST', '/v1/models', shallow)).body.id;
    const asked = { model: harmless, benchmarks: [benchmark] };
    const headers = { 'Content-Type': 'application/json', Prefer: 'wait=60' };
    const scored = await killed.call('POST', '/v1/scores', {
      headers,
      body: JSON.stringify(asked),
    });
    // One core is left to the service.
    const threads = Math.max(1, availableParallelism() - 1);
    expect(scored.body.results[0].provenance.runtime).toMatchObject({ threads });
    const { body } = await killed.post('/v1/scores', { model: model.id, benchmarks: [benchmark] });
    job = body.id;
    await vi.waitFor(
      async () => {
        const { progress } = (await killed.call('GET', `/v1/scores/${job}`)).body;
        expect(progress).not.toBeNull();
      },
      { timeout: 240_000, interval: 50 },
    );
    await sleep(500);
    expect(childrenOf(pid)).toHaveLength(1);
  } finally {
    await killed.end('SIGKILL');
  }
  const deadline = Date.now() + 2000;
  while (childrenOf(pid).length > 0) {
    expect(Date.now()).toBeLessThan(deadline);
    await sleep(20);
  }
  // What the killed one left is swept, and nobody is made to run its job to the end.
  service = await serviceOn(home);
  const cancelled = await service.call('DELETE', `/v1/scores/${job}`);
  expect(cancelled.body).toMatchObject({ state: 'cancelled' });
});
