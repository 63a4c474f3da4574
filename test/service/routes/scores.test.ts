import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { JobStore } from '../../../src/store/jobs/job-store.js';
import { card, network, type RunningService, runningService } from '../running-service.js';

const V1 = 'FreemanZiemba2013public.V1-pls';
const V2 = 'FreemanZiemba2013public.V2-pls';

let service: RunningService;
let model: string;

beforeAll(async () => {
  service = await runningService({ maxMemory: 400 * 2 ** 20 });
  const parts = [
    { name: 'file', filename: 'net.onnx', content: await network() },
    { name: 'card', content: await card() },
  ];
  model = (await service.upload(parts)).body.id;
});
afterAll(() => service.stop());

/** Asks the stub for a score; `what` says what it does. */
const ask = (what: string, benchmarks = [V1], prefer = 'wait=30') =>
  service.post(
    '/v1/scores',
    { model, benchmarks, layers: { V1: what, V2: what } },
    prefer ? { Prefer: prefer } : {},
  );
const job = async (id: string) => (await service.get(`/v1/scores/${id}`)).body;

async function until(id: string, state: string) {
  for (let i = 0; i < 6000; i++) {
    const now = await job(id);
    if (now.state === state) return now;
    await sleep(20);
  }
  throw new Error(`${id} is not ${state}: ${JSON.stringify(await job(id))}`);
}

describe('a score', () => {
  it('answers 202 with its location, runs, and ends', async () => {
    const asked = await ask('sleep=200', [V1, V2], '');
    expect(asked).toMatchObject({
      status: 202,
      body: { state: 'queued', results: [], model, benchmarks: [V1, V2] },
    });
    expect(asked.headers.location).toBe(`/v1/scores/${asked.body.id}`);
    expect(asked.headers).not.toHaveProperty('preference-applied');
    const running = await until(asked.body.id, 'running');
    expect(running.startedAt).not.toBeNull();
    const ended = await until(asked.body.id, 'succeeded');
    expect(ended.results.map((score: { benchmark: string }) => score.benchmark)).toEqual([V1, V2]);
    expect(ended).toMatchObject({
      failures: [],
      links: { model: `/v1/models/${model}` },
      progress: { stage: 'activations', done: 1, total: 4 },
    });
    expect(ended.finishedAt).not.toBeNull();
  });

  it('that is open is waited for when it is read, too', async () => {
    const asked = await ask('hold=60000', [V1], '');
    const at = asked.headers.location as string;
    const read = (path: string, Prefer: string) =>
      service.call('GET', path, { headers: { Prefer } });
    await until(asked.body.id, 'running');
    // Results, map and log of a job may be large: a wait looks at its state alone.
    const [whole, state] = (['find', 'state'] as const).map((name) =>
      vi.spyOn(JobStore.prototype, name),
    );
    const early = await read(at, 'wait=1');
    expect(early).toMatchObject({ status: 200, body: { state: 'running' } });
    expect(early.headers).not.toHaveProperty('preference-applied');
    expect(state).toHaveBeenCalledWith(asked.body.id);
    expect(whole).not.toHaveBeenCalledWith(asked.body.id);
    vi.restoreAllMocks();
    const waiting = read(at, 'wait=30');
    await service.call('DELETE', at);
    const ended = await waiting;
    expect(ended).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    expect(ended.headers['preference-applied']).toBe('wait=30');
  });

  it('is waited for as long as asked, and no longer', async () => {
    const inTime = await ask('a', [V1], 'respond-async, wait=30');
    expect(inTime).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    expect(inTime.headers['preference-applied']).toBe('wait=30');
    const late = await ask('sleep=3000', [V1], 'wait=1');
    expect(late).toMatchObject({ status: 202, body: { state: 'running' } });
    expect(late.headers).not.toHaveProperty('preference-applied');
    await service.call('DELETE', `/v1/scores/${late.body.id}`);
  });

  it('of equal inputs is answered from the store, under the present name', async () => {
    const first = await ask('b');
    const again = await ask('b');
    expect(again).toMatchObject({
      status: 200,
      body: { state: 'succeeded', results: first.body.results },
    });
    expect(again.body.id).not.toBe(first.body.id);
    await service.call('PATCH', `/v1/models/${model}`, {
      headers: { 'Content-Type': 'application/json' },
      body: '{"name":"renamed"}',
    });
    const renamed = await ask('b');
    expect(renamed.body.results).toEqual([{ ...first.body.results[0], name: 'renamed' }]);
    const input = await service.post(
      '/v1/scores',
      { model, benchmarks: [V1], layers: { V1: 'b' }, input: { resize: 50 } },
      { Prefer: 'wait=30' },
    );
    expect(input.body.results[0].value).not.toBe(first.body.results[0].value);
  });

  it('of a shipped model is asked for by its name', async () => {
    const asked = await service.post(
      '/v1/scores',
      { model: 'pixels', benchmarks: [V1] },
      { Prefer: 'wait=30' },
    );
    expect(asked).toMatchObject({
      status: 200,
      body: { state: 'succeeded', model: 'pixels', results: [{ name: 'pixels' }] },
    });
  });

  it('fails in the part that failed', async () => {
    const asked = await ask('part', [V1, V2]);
    expect(asked.body).toMatchObject({
      state: 'failed',
      results: [{ benchmark: V2 }],
      failures: [
        {
          benchmark: V1,
          problem: { type: '/problems/units-too-few', status: 422, detail: 'too few units' },
        },
      ],
    });
  });

  it.each([
    ['abort', 'process-crashed'],
    ['throw', 'internal'],
    ['eat', 'memory-exceeded'],
  ])('whose process does "%s" fails with its own problem', async (what, code) => {
    const asked = await ask(what);
    expect(asked.body).toMatchObject({
      state: 'failed',
      failures: [{ benchmark: V1, problem: { type: `/problems/${code}` } }],
    });
    expect(asked.body.failures[0].problem.detail).not.toContain('on purpose');
    expect((await ask(`after ${what}`)).body.state).toBe('succeeded');
  });

  it('is cancelled, queued or running, and its process ends', async () => {
    const [first, second] = [await ask('hold=60000', [V1], ''), await ask('c', [V1], '')];
    await until(first.body.id, 'running');
    expect(await service.call('DELETE', `/v1/scores/${second.body.id}`)).toMatchObject({
      status: 200,
      body: { state: 'cancelled' },
    });
    expect((await service.call('DELETE', `/v1/models/${model}`)).status).toBe(409);
    const waiting = service.post(
      '/v1/scores',
      { model, benchmarks: [V2], layers: { V2: 'd' } },
      { Prefer: 'wait=30' },
    );
    expect(await service.call('DELETE', `/v1/scores/${first.body.id}`)).toMatchObject({
      status: 200,
      body: { state: 'cancelled' },
    });
    expect((await service.call('DELETE', `/v1/scores/${first.body.id}`)).status).toBe(200);
    expect(await waiting).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    expect(await job(first.body.id)).toMatchObject({
      state: 'cancelled',
      results: [],
      failures: [],
    });
    expect(await service.call('DELETE', `/v1/scores/${(await waiting).body.id}`)).toMatchObject({
      status: 409,
    });
  });

  it('is listed by state, model and benchmark', async () => {
    const { body } = await service.get(
      `/v1/scores?state=failed&benchmark=${V1}&model=${model}&limit=2`,
    );
    expect(body.items).toHaveLength(2);
    expect(body.items[0]).toMatchObject({ state: 'failed', model });
    expect((await service.get(`/v1/scores?model=pixels`)).body.items).toHaveLength(1);
  });

  it.each([
    ['an unknown model', { model: 'mdl_nope', benchmarks: [V1] }, 404, 'not-found', '/model'],
    [
      'a path as model',
      { model: '../models/pixels', benchmarks: [V1] },
      404,
      'not-found',
      '/model',
    ],
    [
      'an unknown benchmark',
      { model: 'pixels', benchmarks: [V1, 'No.such'] },
      422,
      'benchmark-unknown',
      '/benchmarks/1',
    ],
    [
      'a path as benchmark',
      { model: 'pixels', benchmarks: ['benchmarks/x/benchmark.yaml'] },
      422,
      'benchmark-unknown',
      '/benchmarks/0',
    ],
    ['no benchmark', { model: 'pixels', benchmarks: [] }, 400, 'invalid-request', '/benchmarks'],
    ['no model', { benchmarks: [V1] }, 400, 'invalid-request', '/model'],
    [
      'an unknown key',
      { model: 'pixels', benchmarks: [V1], webhook: 'x' },
      400,
      'invalid-request',
      '/webhook',
    ],
    [
      'a wrong size',
      { model: 'pixels', benchmarks: [V1], input: { crop: -1 } },
      400,
      'invalid-request',
      '/input/crop',
    ],
    ['a list', [], 400, 'invalid-request', ''],
  ])('with %s is refused', async (_what, body, status, code, pointer) => {
    const answer = await service.post('/v1/scores', body);
    expect(answer).toMatchObject({
      status,
      body: { type: `/problems/${code}`, errors: [{ pointer }] },
    });
  });

  it('of a model without a card is refused', async () => {
    const bare = await service.upload([
      {
        name: 'file',
        filename: 'bare.onnx',
        content: Buffer.concat([await network(), Buffer.from([0x72, 0])]),
      },
    ]);
    expect(
      await service.post('/v1/scores', { model: bare.body.id, benchmarks: [V1] }),
    ).toMatchObject({ status: 422, body: { type: '/problems/card-missing' } });
  });
});
