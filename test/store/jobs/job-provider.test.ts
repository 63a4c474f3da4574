import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HomeStore, openHomeStore } from '../../../src/store/home-store.js';
import type { JobProvider, ScoreJobRequest } from '../../../src/store/jobs/job.js';
import { queueDepth } from '../../../src/store/jobs/queue-depth.js';
import { WorkerStore } from '../../../src/store/jobs/worker-store.js';
import { localPrincipal } from '../../../src/store/records/principal.js';
import { engines, madePlace, removePlace, type StorePlace } from '../engines.js';

let count = 0;
const request = (provider?: JobProvider): ScoreJobRequest => ({
  ...{ kind: 'score', owner: 'local', registration: null, model: 'mdl_x' },
  ...{ digest: `sha256:${'a'.repeat(64)}`, modelName: 'x', card: { visual_degrees: 8 } },
  ...{ benchmarks: ['a'], sources: ['a'], keys: [`a-${count++}`] },
  ...(provider ? { provider } : {}),
});

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

  const create = (provider?: JobProvider) => store.jobs.create(localPrincipal, request(provider));
  const claim = async (...providers: ('cpu' | JobProvider)[]) =>
    (await store.jobs.attempts.claim(null, providers))?.job;

  it('a job waits for a worker that has its provider, and nobody waits behind it', async () => {
    const wanted = await create('cuda');
    const plain = await create();
    expect(wanted).toMatchObject({ state: 'queued', provider: 'cuda' });
    expect(plain).not.toHaveProperty('provider');
    expect((await claim('cpu', 'webgpu'))?.id).toBe(plain.id);
    expect(await claim('cpu')).toBeUndefined();
    expect(await claim()).toBeUndefined();
    expect(await claim('cpu', 'cuda')).toMatchObject({
      id: wanted.id,
      provider: 'cuda',
      attempt: 1,
    });
    await store.jobs.cancel(plain.id);
    await store.jobs.cancel(wanted.id);
  });

  it('a worker of a GPU does the jobs of the CPU too, in their order', async () => {
    const jobs = [await create(), await create('cuda'), await create()];
    const taken = [
      await claim('cpu', 'cuda'),
      await claim('cpu', 'cuda'),
      await claim('cpu', 'cuda'),
    ];
    expect(taken.map((job) => job?.id)).toEqual(jobs.map(({ id }) => id));
    for (const { id } of jobs) await store.jobs.cancel(id);
  });

  it('a job that was given back, or lost its ticket, still asks for its provider', async () => {
    const { id } = await create('webgpu');
    await claim('webgpu');
    await store.jobs.attempts.giveBack(id, 1, { reason: 'stopped', fault: false });
    expect(await claim('cpu')).toBeUndefined();
    expect((await claim('webgpu'))?.id).toBe(id);
    await store.database.query('delete from tickets');
    await store.jobs.attempts.recover(true);
    expect(await claim('cpu')).toBeUndefined();
    expect((await claim('cpu', 'webgpu'))?.id).toBe(id);
    await store.jobs.cancel(id);
  });

  it('the queue is as long as a worker finds it', async () => {
    const { layers: _, detail: __, ...asked } = request('cuda');
    const map = await store.jobs.create(localPrincipal, {
      ...{ ...asked, kind: 'layer-map', keys: [`map-${count++}`], holdout: false },
    });
    const jobs = [map, await create('cuda'), await create('webgpu'), await create()];
    const depth = (...offered: ('cpu' | JobProvider)[]) =>
      queueDepth(store.database, offered.length > 0 ? offered : undefined);
    expect(await depth()).toEqual({ queued: 4, others: 0, running: 0, maps: 1 });
    expect(await depth('cpu')).toEqual({ queued: 1, others: 3, running: 0, maps: 0 });
    expect(await depth('cpu', 'cuda')).toEqual({ queued: 3, others: 1, running: 0, maps: 1 });
    for (let taken = 0; taken < 3; taken++)
      expect(await claim('cpu', 'cuda')).toHaveProperty('state', 'running');
    expect(await claim('cpu', 'cuda')).toBeUndefined();
    expect(await depth('cpu', 'cuda')).toEqual({ queued: 0, others: 1, running: 3, maps: 1 });
    for (const { id } of jobs) await store.jobs.cancel(id);
  });

  it('parts of a map are for workers with the provider of the map', async () => {
    const { layers: _, detail: __, ...asked } = request('cuda');
    const map = await store.jobs.create(localPrincipal, {
      ...{ ...asked, kind: 'layer-map', keys: [`map-${count++}`], holdout: false },
    });
    const job = await claim('cuda');
    expect(job?.id).toBe(map.id);
    expect(await store.jobs.parts.cut(job as NonNullable<typeof job>, 2, 1)).toMatchObject({
      cut: true,
    });
    expect(await store.jobs.parts.claim(['cpu'])).toBeUndefined();
    expect(await store.jobs.parts.claim(['cpu', 'cuda'])).toMatchObject({ part: 0, of: 2 });
    await store.jobs.cancel(map.id);
  });

  it('workers say what they have, and only those are counted for it', async () => {
    const workers = new WorkerStore(store.database);
    const identity = { version: '0', runtime: {}, threads: 1, concurrency: 2 };
    const h100 = { provider: 'cuda', device: 'NVIDIA H100', precision: 'float32' } as const;
    const plain = await workers.enter({ ...identity, providers: [] });
    const fast = await workers.enter({ ...identity, concurrency: 3, providers: [h100] });
    const listed = await workers.list();
    expect(listed.map(({ id, providers }) => [id, providers])).toEqual([
      [plain, []],
      [fast, [h100]],
    ]);
    expect(await workers.idle()).toBe(5);
    expect(await workers.idle('cuda')).toBe(3);
    expect(await workers.idle('webgpu')).toBe(0);
    await workers.leave(plain);
    await workers.leave(fast);
  });
});
