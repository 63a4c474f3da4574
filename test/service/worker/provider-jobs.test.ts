import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Execution } from '../../../src/runtime/provider.js';
import { startWorker } from '../../../src/service/worker/start-worker.js';
import { madePlace, removePlace, type StorePlace } from '../../store/engines.js';
import { type RunningService, runningService, stub } from '../running-service.js';

const V1 = 'FreemanZiemba2013public.V1-pls';
const asked = (more: object = {}) => ({
  ...{ model: 'pixels', benchmarks: [V1], layers: { V1: 'a' }, ...more },
});

describe('a service whose workers are on other hosts', () => {
  let place: StorePlace;
  let service: RunningService;
  beforeAll(async () => {
    place = await madePlace('postgresql', 'ventral-providers-');
    service = await runningService({ ...place, concurrency: 0 });
  });
  afterAll(async () => {
    await service.stop();
    await removePlace(place);
  });

  /** A worker of another host. */
  async function worker(...offers: Execution[]) {
    const made = await startWorker({
      ...{ databaseUrl: place.databaseUrl as string, home: place.home, concurrency: 1, threads: 1 },
      ...{ maxMemory: 2 ** 30, maxScratch: 2 ** 30, maxCache: 2 ** 30 },
      ...{ log: pino({ level: 'silent' }), script: stub, offers },
    });
    return { stop: () => made.stop(0) };
  }
  const h100: Execution = { provider: 'cuda', device: 'NVIDIA H100', precision: 'float32' };
  const job = async (id: string) => (await service.get(`/v1/scores/${id}`)).body;
  async function ended(id: string) {
    for (let i = 0; i < 6000; i++) {
      const found = await job(id);
      if (/succeeded|failed/.test(found.state)) return found;
      await sleep(20);
    }
    throw new Error('the job never ended');
  }

  it('keeps a job that asks for cuda until a worker has it, and says so meanwhile', async () => {
    const { status, body } = await service.post('/v1/scores', asked({ provider: 'cuda' }));
    expect([status, body.provider, body.reason]).toEqual([
      202,
      'cuda',
      'Waiting for a worker with cuda: 0 workers run, without it; start one with: ventral worker --provider cuda',
    ]);
    const plain = await worker();
    // A later job of the CPU is done meanwhile.
    const later = (await service.post('/v1/scores', asked())).body;
    expect((await ended(later.id)).state).toBe('succeeded');
    expect(await job(body.id)).toMatchObject({
      state: 'queued',
      reason: expect.stringMatching(/^Waiting for a worker with cuda: one worker runs, without it/),
    });
    const fast = await worker(h100);
    const { items } = (await service.get('/v1/workers')).body;
    expect(items.map(({ providers }: { providers: unknown }) => providers)).toEqual([[], [h100]]);
    expect(await ended(body.id)).toMatchObject({ state: 'succeeded', reason: null });
    await plain.stop();
    await fast.stop();
  });

  it('takes no result of one provider for that of another', async () => {
    const fast = await worker(h100);
    const first = (await service.post('/v1/scores', asked({ detail: true }))).body;
    expect(first.state).toBe('queued');
    await ended(first.id);
    const same = (await service.post('/v1/scores', asked({ detail: true, provider: 'cpu' }))).body;
    expect(same.state).toBe('succeeded');
    const other = (await service.post('/v1/scores', asked({ detail: true, provider: 'cuda' })))
      .body;
    expect(other.state).toBe('queued');
    await ended(other.id);
    await fast.stop();
  });

  it('knows no other name, and no provider for a map that is none', async () => {
    expect((await service.post('/v1/scores', asked({ provider: 'auto' }))).status).toBe(400);
    const map = await service.post('/v1/layer-maps', {
      ...{ model: 'pixels', benchmarks: [V1], provider: 'webgpu' },
    });
    expect(map.body).toMatchObject({
      provider: 'webgpu',
      reason: expect.stringMatching(/^Waiting/),
    });
    await service.call('DELETE', `/v1/layer-maps/${map.body.id}`);
  });
});

describe('a service with its own database', () => {
  let service: RunningService;
  beforeAll(async () => {
    const place = await madePlace('embedded', 'ventral-alone-');
    service = await runningService(place);
  });
  afterAll(() => service.stop());

  it('refuses what its worker does not have, in a line that says how to get it', async () => {
    for (const path of ['scores', 'layer-maps', 'activations']) {
      const more = path === 'activations' ? { benchmark: V1, layers: ['pixels'] } : {};
      const { benchmarks, layers, ...plain } = asked({ provider: 'cuda' }) as Record<
        string,
        unknown
      >;
      const body =
        path === 'activations'
          ? { ...plain, ...more }
          : path === 'scores'
            ? { ...plain, benchmarks, layers }
            : { ...plain, benchmarks };
      const answer = await service.post(`/v1/${path}`, body);
      expect([path, answer.status, answer.body.type]).toEqual([
        path,
        422,
        '/problems/provider-unavailable',
      ]);
      expect(answer.body.detail).toMatch(/on cpu, not on cuda: start it with --provider cuda/);
    }
  });

  it('takes the CPU by name', async () => {
    const { status, body } = await service.post('/v1/scores', asked({ provider: 'cpu' }));
    expect(status).toBe(202);
    expect(body).not.toHaveProperty('provider');
  });
});
