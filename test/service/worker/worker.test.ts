import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { packageRoot } from '../../../src/formats/package-root.js';
import { writeZip } from '../../../src/formats/zip.js';
import { startWorker } from '../../../src/service/worker/start-worker.js';
import { oraclePath } from '../../oracle.js';
import { emptyDatabase, onServer } from '../../postgres.js';
import { madePlace, removePlace, type StorePlace } from '../../store/engines.js';
import { childrenOf, ventral, work, working } from '../process.js';
import { card, network, type RunningService, runningService } from '../running-service.js';

const stubbed = join(packageRoot, 'test', 'service', 'worker-with-stub.mjs');
const V1 = 'FreemanZiemba2013public.V1-pls';
const PATIENT = { timeout: 100_000, interval: 50 };

let place: StorePlace;
let url: string;
let service: RunningService;
beforeAll(async () => {
  place = await madePlace('postgresql', 'ventral-worker-');
  url = place.databaseUrl as string;
  service = await runningService({ ...place, concurrency: 0 });
});
afterAll(async () => {
  await service.stop();
  await removePlace(place);
});

const start = () => working(url, [stubbed, place.home]);
const ask = (what: string) =>
  service.post('/v1/scores', { model: 'pixels', benchmarks: [V1], layers: { V1: what } });
const job = async (id: string) => (await service.get(`/v1/scores/${id}`)).body;

async function until(id: string, state: string, path = 'scores') {
  const deadline = Date.now() + 100_000;
  for (;;) {
    const { body } = await service.get(`/v1/${path}/${id}`);
    if (body.state === state) return body;
    if (Date.now() > deadline || /ed$/.test(body.state.replace('queued', '')))
      throw new Error(`${id} is not ${state}: ${JSON.stringify(body)}`);
    await sleep(20);
  }
}

/** In this process's environment, as a shell would have it. */
async function withUrl<T>(value: string | undefined, run: () => Promise<T>): Promise<T> {
  const before = process.env.DATABASE_URL;
  if (value === undefined) delete process.env.DATABASE_URL;
  else process.env.DATABASE_URL = value;
  try {
    return await run();
  } finally {
    if (before === undefined) delete process.env.DATABASE_URL;
    else process.env.DATABASE_URL = before;
  }
}

describe('ventral worker', () => {
  it('needs a database, and one of its own version', async () => {
    const run = (...args: string[]) => ventral('worker', '--home', place.home, ...args);
    expect(await withUrl(undefined, run)).toMatchObject({
      status: 2,
      out: '',
      err: expect.stringMatching(/^ventral: .*DATABASE_URL.*\n$/),
    });
    const empty = await emptyDatabase(inject('postgres'));
    expect(await withUrl(empty, run)).toMatchObject({
      status: 1,
      err: expect.stringMatching(/^ventral: This is ventral .*no tables.*\n$/),
    });
    expect(await withUrl(url, () => run('--concurrency', '0'))).toMatchObject({ status: 2 });
    await onServer(url, `update installation set version = '9.9.9'`);
    expect(await withUrl(url, run)).toMatchObject({
      status: 1,
      err: expect.stringMatching(/^ventral: This is ventral .*9\.9\.9.*\n$/),
    });
    await onServer(url, 'update installation set version = null');
  });

  it('is seen by an admin, and ends on a signal', async () => {
    const worker = await work(url, place.home, '--concurrency', '2', '--threads', '1');
    const { items } = (await service.get('/v1/workers')).body;
    expect(items).toMatchObject([{ pid: worker.child.pid, concurrency: 2, state: 'running' }]);
    expect(await worker.end('SIGTERM')).toMatchObject({ status: 0 });
    expect((await service.get('/v1/workers')).body.items).toEqual([]);
  });

  it('does what waits, and says how', async () => {
    const [good, bad] = [(await ask('a')).body, (await ask('throw')).body];
    expect(good).toMatchObject({ state: 'queued', attempt: 0, reason: null, log: [] });
    const worker = await start();
    expect(await until(good.id, 'succeeded')).toMatchObject({ attempt: 1, reason: null });
    const { log } = await until(bad.id, 'failed');
    expect(log.map((line: string) => line.replace(/^\S+Z /, ''))).toEqual([
      'Attempt 1 starts',
      'Stage: activations',
      'The job has failed',
    ]);
    await worker.end('SIGTERM');
  });

  it('gives its job back when it is stopped, and nothing is left of it', async () => {
    const worker = await start();
    const { id } = (await ask('hold=60000')).body;
    await until(id, 'running');
    const { pid } = worker.child;
    expect(await worker.end('SIGTERM')).toMatchObject({ status: 0 });
    expect(childrenOf(pid as number)).toEqual([]);
    expect(await job(id)).toMatchObject({
      state: 'queued',
      attempt: 1,
      reason: expect.stringMatching(/stopped/),
    });
    await service.call('DELETE', `/v1/scores/${id}`);
    expect((await readdir(join(place.home, 'tmp'))).filter((name) => name !== 'service')).toEqual(
      [],
    );
  });

  it('ends the process of a job that is cancelled elsewhere', async () => {
    const worker = await start();
    const { id } = (await ask('hold=60000')).body;
    await until(id, 'running');
    await service.call('DELETE', `/v1/scores/${id}`);
    const next = (await ask('b')).body;
    await until(next.id, 'succeeded');
    expect(childrenOf(worker.child.pid as number)).toEqual([]);
    expect(await job(id)).toMatchObject({ state: 'cancelled', results: [] });
    await worker.end('SIGTERM');
  });

  it('that is killed loses nothing: another has its job, and a third kill gives it up', async () => {
    const { id } = (await ask('hold=1500')).body;
    for (let kills = 1; kills <= 2; kills++) {
      const worker = await start();
      await until(id, 'running');
      await worker.end('SIGKILL');
    }
    const bad = (await ask('hold=60000')).body;
    const last = await start();
    expect(await until(id, 'succeeded')).toMatchObject({
      attempt: 3,
      reason: expect.stringMatching(/lost/),
    });
    await until(bad.id, 'running');
    await last.end('SIGKILL');
    for (let kills = 2; kills <= 3; kills++) {
      const worker = await start();
      await until(bad.id, 'running');
      await worker.end('SIGKILL');
    }
    const worker = await start();
    expect(await until(bad.id, 'failed')).toMatchObject({
      attempt: 4,
      failures: [{ problem: { type: '/problems/worker-lost' } }],
    });
    await worker.end('SIGTERM');
  });
});

describe('a worker that ends by itself', () => {
  it('ends when nothing has been there for a while, and not while a job takes long', async () => {
    // Others than before: what was scored once is answered at once.
    const ids = [(await ask('hold=1600')).body.id, (await ask('c')).body.id];
    const worker = await working(url, [stubbed, place.home, '500']);
    expect(await worker.ended).toMatchObject({ status: 0, err: '' });
    for (const id of ids) expect(await job(id)).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect((await service.get('/v1/workers')).body.items).toEqual([]);
  });

  it('that drains finishes its job, takes no other, and is seen until then', async () => {
    const worker = await working(url, [stubbed, place.home]);
    const first = (await ask('hold=6000')).body;
    await until(first.id, 'running');
    const second = (await ask('d')).body;
    worker.child.kill('SIGUSR2');
    await vi.waitFor(
      async () =>
        expect((await service.get('/v1/workers')).body.items).toMatchObject([
          { state: 'draining', jobs: [first.id] },
        ]),
      PATIENT,
    );
    expect(await worker.ended).toMatchObject({ status: 0, err: '' });
    expect(await job(first.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect(await job(second.id)).toMatchObject({ state: 'queued', attempt: 0 });
    await service.call('DELETE', `/v1/scores/${second.id}`);
  });

  it('hands its job back where a signal reaches the process of the job first', async () => {
    const { id } = (await ask('hold=60000')).body;
    // As often as the job may fail a worker: a worker that is stopped is no fault of it.
    for (let taken = 1; taken <= 3; taken++) {
      const worker = await start();
      await until(id, 'running');
      const pid = worker.child.pid as number;
      await vi.waitFor(() => expect(childrenOf(pid)).not.toEqual([]), PATIENT);
      for (const child of childrenOf(pid)) process.kill(child, 'SIGTERM');
      await sleep(100);
      expect(await worker.end('SIGTERM')).toMatchObject({ status: 0 });
      expect(await job(id)).toMatchObject({ state: 'queued', attempt: taken, failures: [] });
      expect((await onServer(url, `select faults from jobs where id = '${id}'`)).rows).toEqual([
        { faults: 0 },
      ]);
    }
    await service.call('DELETE', `/v1/scores/${id}`);
  });

  it('fails a job whose process is ended by a signal, where the worker goes on', async () => {
    const worker = await start();
    const { id } = (await ask('hold=60000')).body;
    await until(id, 'running');
    await vi.waitFor(() => expect(childrenOf(worker.child.pid as number)).not.toEqual([]), PATIENT);
    for (const child of childrenOf(worker.child.pid as number)) process.kill(child, 'SIGTERM');
    expect((await until(id, 'failed')).failures).toMatchObject([
      { problem: { type: '/problems/process-died' } },
    ]);
    await worker.end('SIGTERM');
  });

  it('of the command line ends when the queue is empty or its time is up', async () => {
    const words = ['--threads', '1', '--until-empty'];
    const [empty, late] = await Promise.all([
      work(url, place.home, ...words),
      work(url, place.home, '--time', '33s', '--drain-before', '31s'),
    ]);
    expect(await late.ended).toMatchObject({
      status: 0,
      err: expect.stringContaining('Draining before the time limit'),
    });
    expect(await empty.ended).toMatchObject({
      status: 0,
      err: expect.stringContaining('nothing left'),
    });
    const run = () => ventral('worker', '--home', place.home, '--drain-before', '5m');
    expect(await withUrl(url, run)).toMatchObject({
      status: 2,
      err: expect.stringContaining('SLURM_JOB_END_TIME'),
    });
  });
});

describe('one map by two workers', () => {
  it('is cut, and has the bits of a map by one', async () => {
    const model = (
      await service.upload([
        { name: 'file', filename: 'net.onnx', content: await network() },
        { name: 'card', content: await card() },
      ])
    ).body.id;
    const archive = await zipOf(oraclePath('09-end-to-end/neural-csv'), place.home);
    const benchmark = await service.call('POST', '/v1/benchmarks', {
      headers: { 'Content-Type': 'application/zip' },
      body: archive,
    });
    const asked = { model, benchmarks: [benchmark.body.id], layers: ['layer*'] };
    const map = async (workers: number) => {
      const homes = await Promise.all(
        Array.from({ length: workers }, () => madePlace('postgresql', 'ventral-part-')),
      );
      const running = await Promise.all(homes.map(({ home }) => real(home)));
      const { id } = (await service.post('/v1/layer-maps', asked)).body;
      const body = await until(id, 'succeeded', 'layer-maps');
      await Promise.all(running.map((worker) => worker.stop(0)));
      await Promise.all(homes.map(removePlace));
      return body;
    };
    const real = async (home: string) => {
      for (const folder of ['models', 'benchmarks'])
        await cp(join(place.home, folder), join(home, folder), { recursive: true });
      return startWorker({
        ...{ databaseUrl: url, home, threads: 1, concurrency: 1 },
        ...{ maxMemory: 2 ** 30, maxScratch: 2 ** 30, maxCache: 2 ** 30 },
        log: pino({ level: 'silent' }),
      });
    };
    const two = await map(2);
    expect(two.log.filter((line: string) => /Part \d is done/.test(line))).toHaveLength(2);
    // Every cell came from the parts.
    for (const set of two.result.plan.sets) expect(set.passes).toEqual([]);
    await onServer(url, `update layer_maps set key = 'other'`);
    const one = await map(1);
    expect(one.log.join()).not.toContain('Part');
    expect(lasting(two.result)).toEqual(lasting(one.result));
    expect(await onServer(url, 'select 1 from cells')).toMatchObject({ rows: [] });
  }, 120_000);
});

/** A flat ZIP of a folder. */
async function zipOf(folder: string, beside: string): Promise<Buffer> {
  const entries = (await readdir(folder)).map(async (name) => {
    const data = await readFile(join(folder, name));
    return { name, data, compress: true };
  });
  await writeZip(join(beside, 'b.zip'), await Promise.all(entries));
  return readFile(join(beside, 'b.zip'));
}

/** A map without what a run alone decides. */
const lasting = (map: unknown) =>
  JSON.parse(
    JSON.stringify(map, (key, value) =>
      ['seconds', 'peakRssMiB', 'plan'].includes(key) ? undefined : value,
    ),
  );
