import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { metadataRecord } from '../../../src/onnx/metadata.js';
import { type HomeStore, openHomeStore } from '../../../src/store/home-store.js';
import { localPrincipal, type Principal } from '../../../src/store/records/principal.js';
import { engines, madePlace, removePlace, type StorePlace } from '../../store/engines.js';
import { network, type RunningService, runningService } from '../running-service.js';
import { makeKey } from '../with-key.js';

const exceeded = { status: 429, body: { type: '/problems/quota-exceeded' } };

describe('over HTTP', () => {
  let service: RunningService;
  let ada: Awaited<ReturnType<typeof makeKey>>;
  let otto: typeof ada;
  let root: typeof ada;
  let onnx: Buffer;

  beforeAll(async () => {
    onnx = await network();
    // Rows count too: what the check found in a network, and jobs. An upload needs its room before it is
    // read, also one that is refused for another reason or brings what is there.
    const storage = 4 * onnx.length + 100_000;
    const quotas = { uploads: 3, storage, jobs: 2 };
    service = await runningService({ concurrency: 0, quotas });
    root = await makeKey(service, { name: 'root', role: 'admin' });
    ada = await makeKey(service, { name: 'ada', role: 'member' }, root.key);
    otto = await makeKey(service, { name: 'otto', role: 'member' }, root.key);
  });
  afterAll(() => service.stop());

  /** The network with some more bytes in its metadata. */
  const upload = (by: typeof ada, name: string, more = 0) =>
    by.upload([
      {
        name: 'file',
        filename: 'net.onnx',
        content: Buffer.concat([onnx, metadataRecord(name, 'x'.repeat(more))]),
      },
    ]);

  it('an owner has so many uploads a day and so many bytes, and others have theirs', async () => {
    const first = await upload(ada, 'a');
    expect(first.status).toBe(201);
    expect((await upload(ada, 'b')).status).toBe(201);
    const large = await upload(ada, 'c', 2 * onnx.length);
    expect(large).toMatchObject({ status: 507, body: { type: '/problems/storage-exceeded' } });
    await ada.remove(`/v1/models/${first.body.id}`);
    expect((await upload(ada, 'c', onnx.length)).status).toBe(201);
    const fourth = await upload(ada, 'd');
    expect(fourth).toMatchObject(exceeded);
    expect(Number(fourth.headers['retry-after'])).toBeGreaterThan(80_000);
    expect(Number(fourth.headers['retry-after'])).toBeLessThanOrEqual(86_400);
    // What is removed was uploaded all the same; what is there may be sent again.
    expect(await upload(ada, 'a')).toMatchObject(exceeded);
    expect((await upload(ada, 'b')).status).toBe(200);
    expect((await upload(otto, 'b')).status).toBe(201);
    for (const name of ['a', 'b', 'c', 'd']) {
      expect((await upload(root, name)).status).toBe(201);
    }
    expect((await ada.get('/v1/models')).body.items).toHaveLength(2);
    expect(await service.leftovers()).toEqual([]);
  });

  it('an owner has so many open jobs', async () => {
    const ask = (by: typeof ada, layer: string) =>
      by.post('/v1/scores', {
        model: 'pixels',
        benchmarks: ['Simulated.V1-pls'],
        layers: { V1: layer },
      });
    const first = await ask(ada, 'a');
    expect(first.status).toBe(202);
    expect((await ask(ada, 'b')).status).toBe(202);
    const third = await ask(ada, 'c');
    expect(third).toMatchObject(exceeded);
    expect(third.headers['retry-after']).toBe('30');
    expect((await ada.get('/v1/scores')).body.items).toHaveLength(2);
    expect((await ask(otto, 'c')).status).toBe(202);
    await ada.remove(`/v1/scores/${first.body.id}`);
    expect((await ask(ada, 'c')).status).toBe(202);
    for (const layer of ['a', 'b', 'c']) expect((await ask(root, layer)).status).toBe(202);
  });
});

describe.each(engines)('on %s', (engine) => {
  // A job's row counts a KiB and its JSON.
  const quotas = { uploads: 5, storage: 20_000, jobs: 4 };
  const ada: Principal = { key: 'key_a', owner: 'ada', groups: [], role: 'member' };
  let place: StorePlace;
  let store: HomeStore;

  beforeEach(async () => {
    place = await madePlace(engine);
    store = await openHomeStore(place.home, { ...place, quotas });
  });
  afterEach(async () => {
    await store.close();
    await removePlace(place);
  });

  const model = (size: number) => ({
    digest: `sha256:${randomUUID()}`,
    name: 'net',
    visibility: 'private' as const,
    group: null,
    size,
    card: null,
    graph: {},
  });
  const score = (key: string) => ({
    kind: 'score' as const,
    owner: 'ada',
    model: 'pixels',
    registration: null,
    digest: 'sha256:pixels',
    modelName: 'pixels',
    card: {},
    benchmarks: ['b'],
    sources: ['b'],
    keys: [key],
  });
  /** How many of some attempts at once succeed, and what the others were told. */
  async function tried(attempts: readonly Promise<unknown>[]) {
    const all = await Promise.allSettled(attempts);
    const codes = all.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    return { succeeded: all.length - codes.length, codes: [...new Set(codes)] };
  }

  it('the last place is given once, however many ask for it at once', async () => {
    const uploads = Array.from({ length: 12 }, () => store.models.register(ada, model(1)));
    expect(await tried(uploads)).toEqual({ succeeded: 5, codes: ['quota-exceeded'] });
    const jobs = Array.from({ length: 12 }, (_, i) => store.jobs.create(ada, score(`k${i}`)));
    expect(await tried(jobs)).toEqual({ succeeded: 4, codes: ['quota-exceeded'] });
    const own = Array.from({ length: 12 }, () => store.models.register(localPrincipal, model(1)));
    expect(await tried(own)).toEqual({ succeeded: 12, codes: [] });
    const audit = await store.audit.list({ limit: 100 });
    expect(audit.items.filter(({ owner }) => owner === 'ada')).toHaveLength(5);
  });

  it('bytes are counted whole, those of rows too', async () => {
    const row = 'net'.length + '{}'.length;
    const uploads = Array.from({ length: 4 }, () => store.models.register(ada, model(8000 - row)));
    expect(await tried(uploads)).toEqual({ succeeded: 2, codes: ['storage-exceeded'] });
    await store.models.register(ada, model(4000 - row));
    await expect(store.models.register(ada, model(1))).rejects.toMatchObject({
      code: 'storage-exceeded',
    });
  });

  it('yesterday does not count, nor does a job that is answered at once', async () => {
    for (let i = 0; i < 5; i++) await store.models.register(ada, model(1));
    await store.database.query(`update audit set created_at = now() - interval '25 hours'`);
    expect((await store.models.register(ada, model(1))).created).toBe(true);
    const open = [];
    for (let i = 0; i < 4; i++) open.push(await store.jobs.create(ada, score(`k${i}`)));
    const claim = await store.jobs.attempts.claim();
    const { id, attempt } = claim?.job ?? { id: '', attempt: 0 };
    await store.jobs.attempts.finish(id, attempt, {
      kind: 'score',
      scores: [{ benchmark: 'b', value: 0.5, name: 'pixels' } as never],
      failures: [],
    });
    await store.jobs.create(ada, score('k9'));
    await expect(store.jobs.create(ada, score('k10'))).rejects.toMatchObject({
      code: 'quota-exceeded',
    });
    const [first] = open;
    const answered = await store.jobs.create(ada, score(first.id === id ? 'k0' : first.keys[0]));
    expect(answered.state).toBe('succeeded');
  });
});
