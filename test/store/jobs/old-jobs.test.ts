import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Score } from '../../../src/scoring/measure/score.js';
import { type HomeStore, openHomeStore } from '../../../src/store/home-store.js';
import type { ScoreJobRequest } from '../../../src/store/jobs/job.js';
import { type Keeping, OldJobs } from '../../../src/store/jobs/old-jobs.js';
import { localPrincipal } from '../../../src/store/records/principal.js';
import { storedUsage } from '../../../src/store/records/quota.js';
import { engines, madePlace, removePlace, type StorePlace } from '../engines.js';

const DAY = 86_400;
const request: ScoreJobRequest = {
  ...{ kind: 'score', owner: 'ada', registration: null, model: 'mdl_x', modelName: 'x', card: {} },
  digest: `sha256:${'a'.repeat(64)}`,
  ...{ benchmarks: ['a'], sources: ['a'], keys: ['key'] },
};
const principal = { ...localPrincipal, role: 'member' as const, owner: 'ada' };
const score = { benchmark: 'a', value: 0.5 } as unknown as Score;
const progress = {
  ...{ stage: 'metric', done: 1, total: 2, share: 0.5, elapsedSeconds: 1, etaSeconds: 1 },
};

describe.each(engines)('old jobs on the %s database', (engine) => {
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

  let made = 0;
  /** A job with a score, its draws and an event of progress; it ended so many days ago, or runs. */
  async function job(days?: number): Promise<string> {
    const { id } = await store.jobs.create(principal, { ...request, keys: [`key-${++made}`] });
    await store.jobs.attempts.claim();
    await store.jobs.attempts.setProgress(id, 1, progress, { event: true });
    await store.jobs.attempts.addScore(id, 1, score, new Uint8Array(1000));
    if (days === undefined) return id;
    await store.jobs.attempts.finish(id, 1, { kind: 'score', scores: [score], failures: [] });
    await store.database.query(
      'update jobs set finished_at = now() - make_interval(days => $2) where id = $1',
      [id, days],
    );
    return id;
  }
  const count = async (sql: string, id: string) =>
    (await store.database.query<{ n: number }>(`select count(*)::int as n from ${sql}`, [id]))[0].n;
  /** What there is of a job: results, draws, events of progress, other events. */
  const kept = async (id: string) => [
    await count('results where job = $1', id),
    await count('score_draws where job = $1', id),
    await count(`events where job = $1 and type = 'progress'`, id),
    await count(`events where job = $1 and type <> 'progress'`, id),
  ];
  const old = (keeping: Keeping) => new OldJobs(store.database, keeping);

  it('lose what was asked, and never a result', async () => {
    const [long, lately, running] = [await job(400), await job(10), await job()];
    const before = (await storedUsage(store.database, 'ada')).stored;
    const whole = await kept(long);
    expect(whole).toEqual([1, 1, 1, 4]);
    expect(await old({}).remove()).toEqual({ draws: 0, progress: 0 });
    expect(await old({ draws: 365 * DAY, progress: 5 * DAY }).remove()).toEqual({
      ...{ draws: 1, progress: 2 },
    });
    expect(await kept(long)).toEqual([1, 0, 0, 4]);
    expect(await kept(lately)).toEqual([1, 1, 0, 4]);
    expect(await kept(running)).toEqual([1, 1, 1, 3]);
    // What is gone does not count against the quota.
    const after = (await storedUsage(store.database, 'ada')).stored;
    expect(before - after).toBeGreaterThan(1000);
    expect(await store.jobs.find(long)).toMatchObject({
      state: 'succeeded',
      results: [{ value: 0.5 }],
    });
    const texts = await store.jobs.events.texts(long, 0);
    expect(texts.at(-1)).toMatchObject({ type: 'end' });
    await store.jobs.attempts.finish(running, 1, { kind: 'score', scores: [], failures: [] });
  });

  it('are looked at once each, also those that ended at the same time, and in more than one chunk', async () => {
    await job(30);
    await store.database.query(
      `with ended as (select * from jobs order by seq desc limit 1),
         made as (
           insert into jobs (id, kind, state, owner, model, digest, model_name, card, benchmarks, keys, sources, finished_at)
           select 'job_' || i, kind, state, owner, model, digest, model_name, card, benchmarks, keys, sources,
             date_trunc('day', now()) - interval '30 days'
           from ended, generate_series(1, 119) as i returning id),
         scored as (insert into results (job, benchmark, key, score) select id, 'a', id, '{}' from made returning job)
       select count(*) from scored`,
    );
    await store.database.query(
      `insert into score_draws (job, benchmark, bytes) select job, benchmark, '\\x00' from results where starts_with(key, 'job_')`,
    );
    const looked = old({ draws: 20 * DAY });
    expect((await looked.remove()).draws).toBe(120);
    expect((await looked.remove()).draws).toBe(0);
    const stopped = new AbortController();
    stopped.abort();
    const next = await job(25);
    expect((await looked.remove(stopped.signal)).draws).toBe(0);
    expect((await looked.remove()).draws).toBe(1);
    expect(await kept(next)).toEqual([1, 0, 1, 4]);
  });
});
