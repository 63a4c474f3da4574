import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type HomeStore, openHomeStore } from '../../../src/store/home-store.js';
import {
  addWebhook,
  DeliveryStore,
  type DueDelivery,
  lineOf,
} from '../../../src/store/jobs/delivery-store.js';
import type { Principal } from '../../../src/store/records/principal.js';
import { engines, madePlace, removePlace, type StorePlace } from '../engines.js';

describe.each(engines)('deliveries on %s', (engine) => {
  let place: StorePlace;
  let store: HomeStore;
  let deliveries: DeliveryStore;
  let count: number;

  beforeAll(async () => {
    place = await madePlace(engine);
    store = await openHomeStore(place.home, place);
    deliveries = new DeliveryStore(store.database);
    count = 0;
  });
  beforeEach(() => store.database.query('truncate jobs cascade'));
  afterAll(async () => {
    await store.close();
    await removePlace(place);
  });

  const nobody = { owners: [], lines: [] };
  const url = (host: string) => `https://${host}/told`;

  async function job(owner: string, host: string, state = 'succeeded'): Promise<string> {
    const by: Principal = { key: owner, owner, groups: [], role: 'member' };
    const asked = {
      kind: 'score' as const,
      ...{ owner, model: 'pixels', registration: null, digest: 'sha256:pixels' },
      ...{ modelName: 'pixels', card: {}, benchmarks: ['b'], sources: ['b'] },
      keys: [`k${count++}`],
    };
    const { id } = await store.jobs.create(by, asked, (queries, id) =>
      addWebhook(queries, id, { url: url(host), secret: 'sixteen characters' }),
    );
    await store.database.query('update jobs set state = $2, finished_at = now() where id = $1', [
      ...[id, state],
    ]);
    return id;
  }

  /** All that is due while what was taken before is on its way. */
  async function taken(most = 10): Promise<string[]> {
    const busy: DueDelivery[] = [];
    for (let i = 0; i < most; i++) {
      const due = await deliveries.claim({ owners: [], lines: busy.map(lineOf) });
      if (!due) break;
      busy.push(due);
    }
    return busy.map(lineOf);
  }

  it('are taken one a receiver of an owner, in the order of their jobs', async () => {
    for (const host of ['a.test', 'a.test:8443', 'a.test', 'b.test']) await job('ada', host);
    await job('bea', 'a.test');
    expect(await taken()).toEqual(['a.test ada', 'a.test:8443 ada', 'b.test ada', 'a.test bea']);
    expect(await deliveries.claim(nobody)).toMatchObject({ owner: 'ada', receiver: 'a.test' });
    expect(await deliveries.claim(nobody)).toBeUndefined();
  });

  it('of owners that have enough on their way are left', async () => {
    await job('ada', 'a.test');
    await job('bea', 'b.test');
    const due = await deliveries.claim({ owners: ['ada'], lines: [] });
    expect(due).toMatchObject({ owner: 'bea', attempts: 1 });
  });

  it('wait for the end of their job, and for the time of their next try', async () => {
    const id = await job('ada', 'a.test', 'running');
    expect(await deliveries.claim(nobody)).toBeUndefined();
    await store.database.query(`update jobs set state = 'cancelled' where id = $1`, [id]);
    const due = (await deliveries.claim(nobody)) as DueDelivery;
    expect(due).toMatchObject({ job: id, state: 'cancelled', webhook: { url: url('a.test') } });
    const tried = { at: new Date().toISOString(), status: 500, reason: 'no' };
    await deliveries.note(due, tried, 'waiting', 3600);
    expect(await deliveries.claim(nobody)).toBeUndefined();
    await deliveries.note(due, tried, 'waiting', 0);
    expect(await deliveries.claim(nobody)).toMatchObject({ id: due.id, attempts: 2 });
  });

  it('are made for jobs of an earlier version, once', async () => {
    const id = await job('ada', 'a.test');
    await store.database.query('delete from deliveries');
    await deliveries.gather();
    await deliveries.gather();
    expect(await deliveries.claim(nobody)).toMatchObject({ job: id });
    expect(await deliveries.claim(nobody)).toBeUndefined();
  });

  it('that wait are bounded for each owner', async () => {
    const first = await job('ada', 'a.test', 'running');
    await store.database.query(
      `insert into jobs (id, state, model, digest, model_name, card, benchmarks, keys, sources, kind, owner)
       select 'job_' || n, 'failed', model, digest, model_name, card, benchmarks, keys, sources, kind, owner
       from jobs, generate_series(1, 999) as n where id = $1`,
      [first],
    );
    await store.database.query(
      `insert into deliveries (id, job) select 'dlv_' || n, 'job_' || n from generate_series(1, 999) as n`,
    );
    const refused = { code: 'quota-exceeded', details: { retryAfter: 60 } };
    await expect(job('ada', 'a.test')).rejects.toMatchObject(refused);
    await job('bea', 'a.test');
    await store.database.query(`update deliveries set state = 'delivered' where id = 'dlv_7'`);
    await job('ada', 'a.test');
    const [{ jobs }] = await store.database.query<{ jobs: number }>(
      `select count(*)::int as jobs from jobs where owner = 'ada'`,
    );
    expect(jobs).toBe(1001);
  });
});
