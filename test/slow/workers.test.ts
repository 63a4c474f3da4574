import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { onServer } from '../postgres.js';
import { work, working } from '../service/process.js';
import { type RunningService, runningService } from '../service/running-service.js';
import { madePlace, removePlace, type StorePlace } from '../store/engines.js';

const stubbed = join(packageRoot, 'test', 'service', 'worker-with-stub.mjs');

let place: StorePlace;
let url: string;
let service: RunningService;
beforeAll(async () => {
  place = await madePlace('postgresql', 'ventral-workers-');
  url = place.databaseUrl as string;
  service = await runningService({ ...place, concurrency: 0 });
});
afterAll(async () => {
  await service.stop();
  await removePlace(place);
});

async function until(id: string, state: string) {
  for (const deadline = Date.now() + 300_000; Date.now() < deadline; await sleep(200)) {
    const { body } = await service.get(`/v1/scores/${id}`);
    if (body.state === state) return body;
  }
  throw new Error(`${id} is not ${state}`);
}

it('a worker that dies on another host is missed by its heartbeat', async () => {
  const asked = {
    model: 'pixels',
    benchmarks: ['FreemanZiemba2013public.V1-pls'],
    layers: { V1: 'hold=3000' },
  };
  const { id } = (await service.post('/v1/scores', asked)).body;
  const first = await working(url, [stubbed, place.home]);
  await until(id, 'running');
  // Nobody on this machine can tell whether a process of that one lives.
  await onServer(url, `update workers set machine = 'another'`);
  await first.end('SIGKILL');
  const second = await working(url, [stubbed, place.home]);
  const ended = await until(id, 'succeeded');
  expect(ended).toMatchObject({ attempt: 2, reason: expect.stringMatching(/lost/) });
  await second.end('SIGTERM');
});

it('a worker ends when the database comes to another version', async () => {
  const worker = await work(url, place.home);
  await onServer(url, `update installation set version = '9.9.9'`);
  expect(await worker.ended).toMatchObject({
    status: 1,
    err: expect.stringMatching(/This is ventral .*9\.9\.9/),
  });
});
