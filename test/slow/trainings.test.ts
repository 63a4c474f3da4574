import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeZip } from '../../src/formats/zip.js';
import { CARD_KEY, setMetadata } from '../../src/onnx/metadata.js';
import { readModel, writeModel } from '../../src/onnx/model.js';
import { runTrainingTask } from '../../src/service/work/training-task.js';
import { oraclePath } from '../oracle.js';
import { childrenOf, serve, ventral, work } from '../service/process.js';
import { runningService } from '../service/running-service.js';
import {
  ask,
  type Client,
  checkpoints,
  endless,
  plain,
  smallRecipe,
  until,
  uploadSmall,
} from '../service/small-training.js';
import { locally, makeKey, withKey } from '../service/with-key.js';
import { madePlace, removePlace } from '../store/engines.js';
import { base, smallRecipe as local, runSmall } from '../training/small-runs.js';

// biome-ignore-start lint/suspicious/noExplicitAny: a test looks into whatever came.
const ended = ({ state }: any) => /^(?:succeeded|failed|cancelled)$/.test(state);
const epochs = ({ curves }: any) => curves.filter(({ kind }: any) => kind === 'epoch');
// biome-ignore-end lint/suspicious/noExplicitAny: a test looks into whatever came.
const EPOCHS = 30;
const stages = [plain({ epochs: EPOCHS }), { average: { name: 'mean', of: 'plain' } }];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-trainings-'));
});
afterAll(() => rm(folder, { recursive: true }));

let expected: Promise<Record<string, string>> | undefined;

/** The checkpoints of a training that nobody disturbs. */
function undisturbed(by: Client, model: string): Promise<Record<string, string>> {
  expected ??= (async () => {
    const path = await ask(by, smallRecipe(model, stages));
    expect(await until(by, path, ended)).toMatchObject({ state: 'succeeded', attempt: 1 });
    return checkpoints(by, path);
  })();
  return expected;
}

/** What must hold of a training that was disturbed: it has come to the same, and has told everything once. */
async function expectWhole(by: Client, path: string, digests: Record<string, string>) {
  const training = await until(by, path, ended);
  expect(training).toMatchObject({ state: 'succeeded', result: { checkpoint: 'mean' } });
  expect(epochs(training).map(({ epoch }: { epoch: number }) => epoch)).toEqual(
    Array.from({ length: EPOCHS }, (_, i) => i),
  );
  expect(await checkpoints(by, path)).toEqual(digests);
  return training;
}

it('a run that another version has left begins again', async () => {
  const run = join(folder, 'left');
  const recipe = local([plain()]);
  const task = {
    ...{ recipe, base, folder: run, home: join(folder, 'left-home'), cacheScope: '' },
    ...{ threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 },
  };
  const train = () =>
    runTrainingTask(
      task,
      () => {},
      () => {},
    );
  const { network } = await train();
  expect(network).toBe('checkpoints/plain-epoch1.onnx');
  const made = async () => (await stat(join(run, 'checkpoints', 'plain-epoch0.onnx'))).mtimeMs;
  const before = await made();
  // Its number is somebody else's by now.
  await writeFile(join(run, 'run.pid'), String(process.ppid));
  await train();
  expect(await made()).toBe(before);
  const resolved = join(run, 'resolved.yaml');
  const text = await readFile(resolved, 'utf8');
  await writeFile(resolved, text.replace(/ventral: .*/, 'ventral: 0.0.0'));
  expect(await train()).toMatchObject({ network });
  expect(await made()).toBeGreaterThan(before);
});

/** The last epoch is the network that `ventral train` comes to, but for its card, whose keys have another order. */
async function expectAsTrained(home: string, digest: string): Promise<void> {
  const run = join(folder, 'trained');
  await runSmall(local([plain({ epochs: EPOCHS })]), run);
  const withoutCard = async (path: string) => {
    const network = readModel(await readFile(path), 'network');
    return Buffer.from(writeModel(setMetadata(network, CARD_KEY, '')));
  };
  const kept = await withoutCard(join(home, 'models', digest.slice(7), 'model.onnx'));
  const trained = await withoutCard(join(run, 'checkpoints', `plain-epoch${EPOCHS - 1}.onnx`));
  expect(kept.equals(trained)).toBe(true);
}

describe('a training whose process is killed', () => {
  it('goes on from its last state, to the same bytes', async () => {
    const service = await runningService();
    try {
      const model = await uploadSmall(service);
      const digests = await undisturbed(service, model);
      const path = await ask(service, smallRecipe(model, stages));
      const run = join(service.home, 'trainings', path.split('/').at(-1) as string, 'run');
      const first = join(run, 'checkpoints', 'plain-epoch0.onnx');
      // The first epoch is not made again: with the second one its state was kept.
      let made = 0;
      let kills = 0;
      for (const enough of [2, 5, 9, 13]) {
        const now = await until(service, path, (at) => epochs(at).length >= enough || ended(at));
        if (ended(now)) break;
        const at = (await stat(first)).mtimeMs;
        if (kills++ > 0) expect(at).toBe(made);
        made = at;
        for (const pid of childrenOf(process.pid)) process.kill(pid, 'SIGKILL');
        await until(service, path, (then) => then.attempt > now.attempt || ended(then));
      }
      expect(kills).toBeGreaterThan(1);
      // One that came too late for the process counts for nothing.
      const { attempt } = await expectWhole(service, path, digests);
      expect(attempt).toBeGreaterThan(1);
      await expectAsTrained(service.home, digests[`plain-epoch${EPOCHS - 1}`] as string);
      process.stdout.write(`trainings: ${kills} kills, ${attempt} attempts\n`);
    } finally {
      await service.stop();
    }
  });

  it('is given up where it comes no further', async () => {
    const service = await runningService();
    try {
      const path = await ask(service, smallRecipe(await uploadSmall(service), [endless]));
      let over = false;
      const killing = (async () => {
        while (!over) {
          for (const pid of childrenOf(process.pid)) process.kill(pid, 'SIGKILL');
          await sleep(20);
        }
      })();
      const training = await until(service, path, ended);
      over = true;
      await killing;
      expect(training).toMatchObject({
        state: 'failed',
        problem: { type: '/problems/worker-lost' },
      });
    } finally {
      await service.stop();
    }
  });
});

it('a training whose service is killed goes on with the next one', async () => {
  const home = join(folder, 'killed');
  let service = await serve(home, '--threads', '1');
  const model = await uploadSmall(service);
  const digests = await undisturbed(service, model);
  const path = await ask(service, smallRecipe(model, stages));
  for (const enough of [1, 4]) {
    await until(service, path, (now) => epochs(now).length >= enough);
    await service.end('SIGKILL');
    service = await serve(home, '--threads', '1');
  }
  expect(await expectWhole(service, path, digests)).toMatchObject({ attempt: 3 });
  await until(service, path, ended);
  // What the killed ones left is swept.
  await service.end('SIGTERM');
  service = await serve(home, '--threads', '1');
  expect(await readdir(join(home, 'trainings'))).toEqual([]);

  const archive = join(folder, 'backup.zip');
  const waiting = await ask(service, smallRecipe(model, [endless]));
  await until(service, waiting, (now) => epochs(now).length > 0);
  expect(await ventral('backup', archive, '--home', home)).toMatchObject({ status: 0 });
  await service.end('SIGTERM');
  const other = join(folder, 'restored');
  expect(await ventral('restore', archive, '--home', other)).toMatchObject({ status: 0 });
  const restored = await serve(other, '--threads', '1');
  expect(await checkpoints(restored, path)).toEqual(digests);
  expect((await restored.call('GET', `${path}/checkpoints/mean`)).status).toBe(200);
  await until(restored, waiting, ({ state, attempt }) => state === 'running' && attempt > 1);
  expect((await restored.call('DELETE', waiting)).status).toBe(200);
  await restored.end('SIGTERM');
});

it('a training of a worker on another host keeps its checkpoints with the service, and begins again on a third', async () => {
  const place = await madePlace('postgresql', 'ventral-training-hosts-');
  const service = await runningService({ ...place, concurrency: 0 });
  const url = place.databaseUrl as string;
  const { key } = await makeKey(service, { name: 'worker', role: 'admin', owner: 'root' });
  const by = withKey(service, key);
  Object.assign(process.env, { VENTRAL_SERVICE: service.url, VENTRAL_KEY: key });
  try {
    const model = await uploadSmall(by);
    const first = await work(url, join(folder, 'second-host'), '--threads', '1');
    const digests = await undisturbed(by, model);
    const path = await ask(by, smallRecipe(model, stages));
    await until(by, path, (now) => epochs(now).length > 2);
    await first.end('SIGKILL');
    const third = await work(url, join(folder, 'third-host'), '--threads', '1');
    expect(await expectWhole(by, path, digests)).toMatchObject({ attempt: 2 });
    const got = await by.get(`${path}/checkpoints/mean`);
    expect(got).toMatchObject({ status: 200, headers: { etag: `"${digests.mean}"` } });

    const stopped = await ask(by, smallRecipe(model, [endless]));
    await until(by, stopped, (now) => epochs(now).length > 0);
    await by.remove(stopped);
    const trainings = join(folder, 'third-host', 'trainings');
    for (let tries = 0; (await readdir(trainings)).length > 0; tries++) {
      expect(tries).toBeLessThan(50);
      await sleep(100);
    }
    await third.end('SIGTERM');
  } finally {
    delete process.env.VENTRAL_SERVICE;
    delete process.env.VENTRAL_KEY;
    await service.stop();
    await removePlace(place);
  }
});

it('a training scores on an uploaded benchmark, and says no place of the service', async () => {
  const service = await runningService();
  try {
    const source = oraclePath('09-end-to-end/neural-csv');
    const archive = join(folder, 'benchmark.zip');
    const names = await readdir(source);
    const files = await Promise.all(names.map((name) => readFile(join(source, name))));
    await writeZip(
      archive,
      names.map((name, i) => ({ name, data: files[i] as Buffer, compress: true })),
    );
    const made = await service.call('POST', '/v1/benchmarks', {
      headers: { 'Content-Type': 'application/zip' },
      body: await readFile(archive),
    });
    const path = await ask(
      service,
      smallRecipe(await uploadSmall(service), [
        plain({ epochs: 1 }),
        {
          evaluate: {
            checkpoints: ['plain'],
            threats: [{ norm: 'Linf', epsilon: '2/255' }],
            count: 20,
          },
        },
        {
          score: {
            checkpoints: ['plain', 'pixels'],
            benchmarks: [made.body.id, 'Simulatedpublic.V1-pls'],
          },
        },
      ]),
    );
    const training = await until(service, path, ended);
    expect(training).toMatchObject({ state: 'succeeded', model: expect.stringMatching(/^mdl_/) });
    const kinds = training.curves.map(({ kind }: { kind: string }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['robustness', 'score']));
    const scores = training.curves.filter(({ kind }: { kind: string }) => kind === 'score');
    const asked = scores.map(({ benchmark }: { benchmark: string }) => benchmark);
    expect(asked).toEqual(expect.arrayContaining(training.benchmarks));
    expect(JSON.stringify(training)).not.toContain(service.home);
    expect((await service.get(`${path}/report`)).text).not.toContain(service.home);
  } finally {
    await service.stop();
  }
});

it('a training that goes wrong, or whose checkpoints are more than its owner may store, says so', async () => {
  const quotas = { uploads: 10, storage: 60_000, jobs: 10 };
  const service = await runningService({ quotas });
  try {
    await makeKey(service, { name: 'root', role: 'admin', owner: 'root' });
    const ada = await makeKey(
      service,
      { name: 'ada', role: 'member', owner: 'ada' },
      locally(service),
    );
    const model = await uploadSmall(ada);
    const fails = async (stage: object) =>
      until(ada, await ask(ada, smallRecipe(model, [stage])), ended);
    expect(await fails(plain({ batch: 4000 }))).toMatchObject({
      state: 'failed',
      problem: { type: '/problems/recipe-invalid' },
    });
    expect(await fails(endless)).toMatchObject({
      state: 'failed',
      problem: { type: '/problems/storage-exceeded' },
    });
  } finally {
    await service.stop();
  }
});
