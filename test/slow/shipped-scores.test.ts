import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type RunningService, runningService, suiteEngine } from '../service/running-service.js';
import { madePlace } from '../store/engines.js';

interface Row {
  readonly name: string;
  readonly owner: string;
  readonly scores: Readonly<Record<string, unknown>>;
}

async function rowOf(service: RunningService, model: string): Promise<Row | undefined> {
  const { items } = (await service.get('/v1/leaderboard?simulated=true')).body;
  return items.find(({ name }: Row) => name === model);
}

const until = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(100);
  }
};

it('scores the shipped models while nobody else has a job, once, and makes way', async () => {
  const place = await madePlace(suiteEngine, 'ventral-shipped-');
  let service = await runningService({ ...place, scoreShipped: true });
  try {
    // The one with the smallest images is the first.
    const first = await until(() => rowOf(service, 'resnet-20'));
    expect(first.owner).toBe('ventral');
    expect(Object.keys(first.scores).length).toBeGreaterThan(3);
    const layers = { V1: 'hold=1000' };
    const asked = { model: 'gabor-v1', benchmarks: ['Simulated.V1-pls'], layers };
    const job = await service.post('/v1/scores', asked, { Prefer: 'wait=20' });
    expect(job.body).toMatchObject({ state: 'succeeded' });
    await until(() => rowOf(service, 'objects-resnet'));
    const progress = (await service.get('/v1/first-scoring')).body;
    expect(progress).toMatchObject({ total: 7, done: expect.any(Number) });
    expect(progress.done).toBeGreaterThan(0);
    expect(progress.done).toBeLessThan(7);

    // Published distributions of V1 need no download: they are real columns, for a model that goes before.
    const real = (await service.get('/v1/leaderboard')).body.items;
    const columns = Object.keys(real.find(({ name }: Row) => name === 'resnet-20').scores);
    expect(columns).toHaveLength(7);
    for (const column of columns) expect(column).toMatch(/^Marques2020_/);

    const mine = await service.get('/v1/scores');
    expect(mine.body.items.map(({ id }: { id: string }) => id)).toEqual([job.body.id]);
    await service.stop();

    service = await runningService({ ...place, scoreShipped: true });
    const before = (await service.get('/v1/scores?owner=ventral&model=resnet-20')).body.items;
    await until(() => rowOf(service, 'untrained-cnn'));
    expect((await service.get('/v1/first-scoring')).body.done).toBeGreaterThan(0);
    const after = (await service.get('/v1/scores?owner=ventral&model=resnet-20')).body.items;
    expect(before.filter(({ state }: { state: string }) => state === 'succeeded')).toHaveLength(2);
    expect(after).toEqual(before);
  } finally {
    await service.stop();
  }
});
