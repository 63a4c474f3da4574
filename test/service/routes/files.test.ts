import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeZip } from '../../../src/formats/zip.js';
import { workerFiles } from '../../../src/service/worker/worker-files.js';
import { digestOfFile } from '../../../src/store/files/file-digest.js';
import { oraclePath } from '../../oracle.js';
import { network, type RunningService, runningService } from '../running-service.js';

const { signal } = new AbortController();
let service: RunningService;
let worker: string;
let model: string;
let benchmark: string;
const keys: Record<string, string> = {};

beforeAll(async () => {
  service = await runningService();
  worker = await mkdtemp(join(tmpdir(), 'ventral-worker-'));
  const file = await service.upload([
    { name: 'file', filename: 'a.onnx', content: await network() },
  ]);
  model = file.body.digest;
  const folder = oraclePath('09-end-to-end/neural-csv');
  const archive = join(worker, 'benchmark.zip');
  const contents = [];
  for (const name of await readdir(folder))
    contents.push({ name, data: await readFile(join(folder, name)), compress: true });
  await writeZip(archive, contents);
  benchmark = await digestOfFile(archive);
  const uploaded = await service.call('POST', '/v1/benchmarks', {
    headers: { 'Content-Type': 'application/zip' },
    body: await readFile(archive),
  });
  expect(uploaded.body.upload.digest).toBe(benchmark);
  const made = await service.post('/v1/keys', { name: 'root', role: 'admin' });
  keys.admin = made.body.key;
  const headers = { Authorization: `Bearer ${keys.admin}` };
  for (const role of ['member', 'reader'])
    keys[role] = (await service.post('/v1/keys', { name: role, role }, headers)).body.key;
});
afterAll(async () => {
  await service.stop();
  await rm(worker, { recursive: true });
});

const sourceFor = (key: string, home = worker) =>
  workerFiles(
    { VENTRAL_SERVICE: service.url, VENTRAL_KEY: key },
    { home, temporary: worker, maxMemory: 2 ** 30, maxCache: 2 ** 30 },
  );

it('a worker on another host gets the files of a service by digest', async () => {
  const files = (await sourceFor(keys.admin)).open();
  expect(await digestOfFile(await files.fetch(model, 'model', signal))).toBe(model);
  const folder = await files.fetch(benchmark, 'benchmark', signal);
  const source = oraclePath('09-end-to-end/neural-csv');
  expect((await readdir(folder)).toSorted()).toEqual((await readdir(source)).toSorted());
  for (const name of await readdir(source))
    expect(await digestOfFile(join(folder, name))).toBe(await digestOfFile(join(source, name)));
  for (const kind of ['model', 'benchmark'] as const) {
    const unknown = `sha256:${'0'.repeat(64)}`;
    await expect(files.fetch(unknown, kind, signal)).rejects.toMatchObject({
      code: 'file-missing',
    });
  }
  await files.close();
});

it.each([
  ['member', 'forbidden'],
  ['reader', 'forbidden'],
  ['nobody', 'unauthorized'],
])('nobody but an admin does: %s', async (role, code) => {
  const files = (await sourceFor(keys[role] ?? 'vk_nothing', join(worker, role))).open();
  await expect(files.fetch(model, 'model', signal)).rejects.toMatchObject({ code });
  await files.close();
});

it('a worker is told how to name a service', async () => {
  for (const wrong of [{ VENTRAL_SERVICE: 'host' }, { VENTRAL_SERVICE: 'http://host' }]) {
    const bounds = { home: worker, temporary: worker, maxMemory: 1, maxCache: 1 };
    await expect(workerFiles(wrong, bounds)).rejects.toMatchObject({ code: 'bad-usage' });
  }
});
