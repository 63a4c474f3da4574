import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeZip } from '../../../src/formats/zip.js';
import { oraclePath } from '../../oracle.js';
import { flip } from '../flip.js';
import { card, network, type RunningService, runningService } from '../running-service.js';

let service: RunningService;
let model: { id: string; digest: string };
let benchmark: { id: string; upload: { digest: string } };
let archive: Buffer;
let good: number;

beforeAll(async () => {
  service = await runningService({ scoreScript: undefined });
  model = (await register()).body;
  const folder = oraclePath('09-end-to-end/neural-csv');
  const contents = [];
  for (const name of await readdir(folder))
    contents.push({ name, data: await content(join(folder, name)), compress: true });
  const path = join(service.home, 'a.zip');
  await writeZip(path, contents);
  archive = await readFile(path);
  await rm(path);
  benchmark = (await upload()).body;
  const job = await score();
  expect(job.state).toBe('succeeded');
  good = job.results[0].value;
});
afterAll(() => service.stop());

/** One of the regions is enough. */
const content = async (path: string) =>
  path.endsWith('.yaml')
    ? Buffer.from((await readFile(path, 'utf8')).replace(/\[V4, IT\]/, '[V4]'))
    : readFile(path);
const register = async () =>
  service.upload([
    { name: 'file', filename: 'resnet.onnx', content: await network() },
    { name: 'card', content: await card() },
  ]);
const upload = () =>
  service.call('POST', '/v1/benchmarks', {
    headers: { 'Content-Type': 'application/zip' },
    body: archive,
  });
const score = async (more: object = {}) => {
  const asked = { model: model.id, benchmarks: [benchmark.id], ...more };
  return (await service.post('/v1/scores', asked, { Prefer: 'wait=60' })).body;
};
/** Another card is another question, which no result that is there answers; its numbers are the same. */
let asked = 0;
const scoreAnew = async () => {
  const { body } = await service.get(`/v1/models/${model.id}`);
  const classes = [...body.card.logits.classes.slice(1), `another ${++asked}`];
  const changed = await service.call('PATCH', `/v1/models/${model.id}`, {
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ card: { ...body.card, logits: { ...body.card.logits, classes } } }),
  });
  expect(changed.status).toBe(200);
  return score();
};
const modelPath = () => join(service.home, 'models', model.digest.slice(7), 'model.onnx');
const folderPath = () => join(service.home, 'benchmarks', benchmark.upload.digest.slice(7));

it('a damaged model is not served, not scored, and replaced by the same upload', async () => {
  const whole = await stat(modelPath());
  await flip(modelPath(), 0.7);
  const content = await service.get(`/v1/models/${model.id}/content`);
  expect(content).toMatchObject({ status: 500, body: { type: '/problems/file-damaged' } });
  expect(content.body.detail).toContain(model.digest);
  const job = await scoreAnew();
  expect(job).toMatchObject({ state: 'failed', results: [] });
  expect(job.failures[0].problem).toMatchObject({ type: '/problems/file-damaged' });
  // What may have been computed from it has no value any more, and is not given again.
  const { body: before } = await service.get('/v1/scores?limit=200');
  const first = before.items.at(-1);
  expect(first.results[0].value === null || first.results[0].value === good).toBe(true);

  expect(await register()).toMatchObject({ status: 200, body: { id: model.id } });
  expect((await stat(modelPath())).size).toBe(whole.size);
  const sent = await fetch(`${service.url}/v1/models/${model.id}/content`);
  const bytes = Buffer.from(await sent.arrayBuffer());
  expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(model.digest);
  const again = await score();
  expect(again).toMatchObject({ state: 'succeeded', results: [{ value: good }] });
});

it('results of the time of the damage are withdrawn, and computed anew', async () => {
  const job = await score();
  expect(job.results[0].value).toBe(good);
  // As in a home whose files nobody ever checked.
  await rm(join(modelPath(), '..', '.verified'));
  await flip(modelPath(), 0.7);
  expect((await service.get(`/v1/models/${model.id}/content`)).status).toBe(500);
  const { body: withdrawn } = await service.get(`/v1/scores/${job.id}`);
  expect(withdrawn.results[0]).toMatchObject({ value: null, error: null, ci: null });
  expect(withdrawn.results[0].warnings.at(-1)).toMatchObject({ code: 'file-damaged' });
  expect(withdrawn.results[0].warnings.at(-1).detail).toContain(String(good));
  const { body: board } = await service.get('/v1/leaderboard');
  expect(JSON.stringify(board)).not.toContain(String(good));
  await register();
  const again = await score();
  expect(again.id).not.toBe(job.id);
  expect(again).toMatchObject({ state: 'succeeded', results: [{ value: good }] });
});

it.each(['recordings.csv', 'stimuli.zip'])(
  'a damaged %s of a benchmark is unpacked again',
  async (name) => {
    const path = join(folderPath(), name);
    const whole = await readFile(path);
    await flip(path, 0.4);
    const job = await scoreAnew();
    expect(job).toMatchObject({ state: 'succeeded', results: [{ value: good }] });
    const { status } = await service.get(`/v1/benchmarks/${benchmark.id}/data`);
    expect(status).toBe(200);
    expect(await readFile(path)).toEqual(whole);
  },
);

it('a damaged file of a benchmark whose archive is gone fails the job, until the upload comes again', async () => {
  await flip(join(folderPath(), 'recordings.csv'), 0.4);
  await flip(`${folderPath()}.zip`, 0.4);
  const job = await scoreAnew();
  expect(job).toMatchObject({ state: 'failed', results: [] });
  expect(job.failures[0].problem.type).toBe('/problems/file-damaged');
  const data = await service.get(`/v1/benchmarks/${benchmark.id}/data`);
  expect(data).toMatchObject({ status: 500, body: { type: '/problems/file-damaged' } });
  const file = await service.get(`/v1/files/${benchmark.upload.digest}?kind=benchmark`);
  expect(file.status).toBe(500);
  expect((await upload()).status).toBe(200);
  expect(await score()).toMatchObject({ state: 'succeeded', results: [{ value: good }] });
});

it('digests that are damaged themselves are written again from the archive', async () => {
  await flip(`${folderPath()}.json`, 0.5);
  expect(await scoreAnew()).toMatchObject({ state: 'succeeded', results: [{ value: good }] });
  const sealed = JSON.parse(await readFile(`${folderPath()}.json`, 'utf8'));
  expect(Object.keys(sealed)).toHaveLength(5);
});
