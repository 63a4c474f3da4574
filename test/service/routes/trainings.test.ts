import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { childrenOf } from '../process.js';
import { type RunningService, runningService } from '../running-service.js';
import {
  ask,
  checkpoints,
  endless,
  plain,
  smallRecipe,
  until,
  uploadSmall,
} from '../small-training.js';
import { locally, makeKey } from '../with-key.js';

const sha256 = (bytes: Uint8Array | string) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const mean = { average: { name: 'mean', of: 'plain' } };

let service: RunningService;
let model: string;
beforeAll(async () => {
  service = await runningService();
  model = await uploadSmall(service);
});
afterAll(() => service.stop());

const inHome = (folder: string) => readdirSync(join(service.home, folder));
const digestsInHome = () => inHome('models').map((hex) => `sha256:${hex}`);

interface Told {
  readonly id: number;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
  readonly data: any;
}

/** The events of a job that has ended, or of one that comes to its end. */
async function events(path: string, after = 0): Promise<Told[]> {
  const headers = { 'Last-Event-ID': String(after) };
  const { text } = await service.call('GET', `${path}/events`, { headers });
  return [...text.matchAll(/id: (\d+)\nevent: (\w+)\ndata: (.*)\n/g)].map(
    ([, id, event, data]) => ({
      id: Number(id),
      event,
      data: JSON.parse(data),
    }),
  );
}

describe('a training', () => {
  it('goes the whole road', async () => {
    const made = await service.post('/v1/trainings', {
      recipe: smallRecipe(model, [plain(), mean]),
    });
    expect(made.status).toBe(202);
    const path = made.headers.location as string;
    expect(made.body).toMatchObject({ name: 'small', model, result: null, problem: null });
    const told = await events(path);
    expect(told.map(({ id }) => id)).toEqual(told.map((_, i) => i + 1));
    expect(told.at(-1)).toMatchObject({ event: 'end', data: { state: 'succeeded' } });
    const metrics = told.filter(({ event }) => event === 'metric').map(({ data }) => data);
    expect(metrics.filter(({ kind }) => kind === 'epoch')).toMatchObject([
      { stage: 'plain', epoch: 0, checkpoint: 'plain-epoch0' },
      { stage: 'plain', epoch: 1, checkpoint: 'plain-epoch1' },
    ]);
    expect(metrics.some(({ kind }) => kind === 'step')).toBe(true);
    const half = Math.floor(told.length / 2);
    expect(await events(path, half)).toEqual(told.slice(half));
    expect((await events(path, told.length)).length).toBe(0);

    const { body } = await service.get(path);
    expect(body).toMatchObject({ state: 'succeeded', result: { checkpoint: 'mean' } });
    expect(body.curves).toEqual(metrics);
    expect(body.recipe.stages[0].train).toMatchObject({ from: 'untrained', keep: 'last' });
    const { digests: inputs } = body.provenance;
    expect(Object.keys(inputs).sort()).toEqual(['model', 'test', 'train', 'validation']);
    const digests = await checkpoints(service, path);
    expect(Object.keys(digests)).toEqual(['plain-epoch0', 'plain-epoch1', 'mean']);
    const { items } = (await service.get('/v1/trainings')).body;
    expect(items[0]).not.toHaveProperty('curves');

    for (const digest of Object.values(digests)) {
      const bytes = readFileSync(join(service.home, 'models', digest.slice(7), 'model.onnx'));
      expect(sha256(bytes)).toBe(digest);
    }
    await vi.waitFor(() => expect(inHome('trainings')).toEqual([]));

    const got = await service.get(`${path}/checkpoints/mean`);
    expect(got.headers).toMatchObject({
      'content-disposition': 'attachment; filename=small-mean.onnx',
      etag: `"${digests.mean}"`,
      'x-content-type-options': 'nosniff',
    });
    const report = await service.get(`${path}/report`);
    expect(report.headers['content-disposition']).toBe('attachment; filename=small.html');
    expect(report.headers['content-security-policy']).toMatch(/^default-src 'self'/);
    expect(report.text).toContain('plain');
    expect(report.text).not.toContain(service.home);

    const register = () => service.post(`${path}/checkpoints/mean/model`, { name: 'mine' });
    const registered = await register();
    expect(registered).toMatchObject({
      status: 201,
      body: { digest: digests.mean, name: 'mine', visibility: 'private', card: { name: 'small' } },
    });
    expect(await register()).toMatchObject({ status: 200, body: { id: registered.body.id } });
    for (const name of Object.keys(digests)) {
      const there = `${path}/checkpoints/${name}`;
      expect((await service.call('DELETE', there)).status).toBe(204);
      expect((await service.get(there)).status).toBe(404);
    }
    // What was registered stays, the rest is freed.
    expect(digestsInHome()).toContain(digests.mean);
    expect(digestsInHome()).not.toContain(digests['plain-epoch0']);
  });

  it('is stopped by DELETE, and its files go', async () => {
    const path = await ask(service, smallRecipe(model, [endless]));
    await until(service, path, ({ curves }) =>
      curves.some(({ kind }: { kind: string }) => kind === 'epoch'),
    );
    const [digest] = Object.values(await checkpoints(service, path));
    expect(digestsInHome()).toContain(digest);
    expect((await service.call('DELETE', `${path}/checkpoints/plain-epoch0`)).status).toBe(409);
    expect(await service.call('DELETE', path)).toMatchObject({
      status: 200,
      body: { state: 'cancelled' },
    });
    await vi.waitFor(
      () => {
        expect(childrenOf(process.pid)).toEqual([]);
        expect(inHome('trainings')).toEqual([]);
      },
      { timeout: 60_000 },
    );
    expect(await checkpoints(service, path)).toEqual({});
    expect(digestsInHome()).not.toContain(digest);
    expect((await service.call('DELETE', path)).status).toBe(200);
  });
});

const data = (train: object) => ({
  data: { train, test: { generate: 'objects-on-backgrounds', seed: 2, count: 9, side: 16 } },
});

describe('a recipe', () => {
  it.each<[string, object, string[]]>([
    ['a folder', data({ folder: '/etc' }), ['/recipe/data/train/folder']],
    [
      'files',
      data({ images: 'a', labels: 'b' }),
      ['/recipe/data/train/images', '/recipe/data/train/labels'],
    ],
    ['shards', data({ shards: '../{000..999}.tar' }), ['/recipe/data/train/shards']],
    [
      'too many pictures',
      data({ generate: 'objects-on-backgrounds', seed: 1, count: 1e9, side: 16 }),
      ['/recipe/data/train/count'],
    ],
    ['too many epochs', { stages: [plain({ epochs: 1e9 })] }, ['/recipe/stages/0/train/epochs']],
    [
      'a batch that no memory holds',
      { stages: [plain({ batch: 1e12 })] },
      ['/recipe/stages/0/train/batch'],
    ],
    [
      'a name that is a path',
      { stages: [plain({ name: '../../x' })] },
      ['/recipe/stages/0/train/name'],
    ],
    ['an unknown key', { output: '/tmp/x' }, ['/recipe/output']],
    [
      'an unknown transformation',
      { stages: [plain({ augment: [{ Exec: {} }] })] },
      ['/recipe/stages/0/train/augment/0/Exec'],
    ],
    [
      'a stage that is not there',
      { stages: [plain({ from: 'other' })] },
      ['/recipe/stages/0/train/from'],
    ],
    [
      'unknown benchmarks',
      {
        stages: [
          plain(),
          { score: { checkpoints: ['plain'], benchmarks: ['../x', 'bmk_0000000000000000'] } },
        ],
      },
      ['/recipe/stages/1/score/benchmarks/0', '/recipe/stages/1/score/benchmarks/1'],
    ],
    [
      'an unknown measure of the best',
      { stages: [plain({ best_by: 'taste' })] },
      ['/recipe/stages/0/train/best_by'],
    ],
    ['too long a document', { name: 'x'.repeat(300_000) }, ['/recipe']],
  ])('with %s is refused where it is wrong', async (_what, change, pointers) => {
    const recipe = { ...smallRecipe(model, [plain()]), ...change };
    const answer = await service.post('/v1/trainings', { recipe });
    expect(answer).toMatchObject({ status: 422 });
    const found = answer.body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(found).toEqual(expect.arrayContaining(pointers));
    expect(JSON.stringify(answer.body)).not.toContain(service.home);
  });

  it.each([30, 3000, 200_000])('that is nested %i deep is refused', async (depth) => {
    const name = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const body = JSON.stringify({ recipe: smallRecipe(model, [plain()]) }).replace('"small"', name);
    const headers = { 'Content-Type': 'application/json' };
    const { status } = await service.call('POST', '/v1/trainings', { headers, body });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });

  it.each([
    '/etc/passwd',
    '../resnet-50',
    'resnet-50/model.yaml',
    'x/../objects-resnet/untrained',
    'mdl_0000000000000000',
    '__proto__',
  ])('of the model %s is refused', async (name) => {
    expect(
      await service.post('/v1/trainings', { recipe: smallRecipe(name, [plain()]) }),
    ).toMatchObject({
      status: 404,
      body: { errors: [{ pointer: '/recipe/model' }] },
    });
  });
});

describe('the recipes that ship', () => {
  it('are those that can be sent as they are', async () => {
    const { items } = (await service.get('/v1/recipes')).body;
    expect(items.map(({ name }: { name: string }) => name)).toEqual([
      'first-training',
      'objects-resnet',
    ]);
    for (const { model, description, yaml } of items) {
      expect(model).toBe('objects-resnet/untrained');
      expect(description).toMatch(/^[A-Z].*\.$/);
      const made = await service.post('/v1/trainings', { recipe: parse(yaml) });
      expect(made.status).toBe(202);
      expect((await service.call('DELETE', made.headers.location as string)).status).toBe(200);
    }
  });
});

describe('the trainings of an owner', () => {
  it('are seen by nobody else, whoever may see their model', async () => {
    const local = locally(service);
    const ada = await makeKey(service, { name: 'ada', role: 'member', owner: 'ada' });
    const otto = await makeKey(service, { name: 'otto', role: 'member', owner: 'otto' }, local);
    expect((await local.patch(`/v1/models/${model}`, { visibility: 'public' })).status).toBe(200);
    const path = await ask(ada, smallRecipe(model, [endless]));
    const mine = async (by: typeof local) =>
      (await by.get('/v1/trainings')).body.items.filter(
        ({ links }: { links: { self: string } }) => links.self === path,
      ).length;
    expect([await mine(ada), await mine(local), await mine(otto)]).toEqual([1, 1, 0]);
    for (const part of ['', '/events', '/report', '/checkpoints', '/checkpoints/plain-epoch0'])
      expect((await otto.get(path + part)).status).toBe(404);
    expect((await otto.remove(path)).status).toBe(404);
    // Its model is needed until it has ended.
    expect((await local.remove(`/v1/models/${model}`)).status).toBe(409);
    expect((await ada.remove(path)).status).toBe(200);
  });
});
