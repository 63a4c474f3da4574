import { readFileSync } from 'node:fs';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../../src/formats/package-root.js';
import { writeZip } from '../../../src/formats/zip.js';
import { mapLayers } from '../../../src/scoring/map/layer-map.js';
import { oraclePath } from '../../oracle.js';
import { madeHome } from '../../store/made-home.js';
import { card, network, type RunningService, runningService } from '../running-service.js';

const V1 = 'FreemanZiemba2013public.V1-pls';
const V2 = 'FreemanZiemba2013public.V2-pls';

let service: RunningService;
let model: string;

beforeAll(async () => {
  service = await runningService();
  const parts = [
    { name: 'file', filename: 'net.onnx', content: await network() },
    { name: 'card', content: await card() },
  ];
  model = (await service.upload(parts)).body.id;
});
afterAll(() => service.stop());

/** Asks the stub for a map; `what` says what it does. */
const ask = (what: string, benchmarks = [V1], prefer = 'wait=30') =>
  service.post(
    '/v1/layer-maps',
    { model, benchmarks, layers: [what] },
    prefer ? { Prefer: prefer } : {},
  );

async function until(id: string, state: string) {
  for (let i = 0; i < 6000; i++) {
    const { body } = await service.get(`/v1/layer-maps/${id}`);
    if (body.state === state) return body;
    await sleep(20);
  }
  throw new Error(`${id} is not ${state}`);
}

describe('a layer map', () => {
  it('answers 202 with its location, runs, and ends with the map', async () => {
    const asked = await ask('sleep=200', [V1, V2], '');
    expect(asked).toMatchObject({
      status: 202,
      body: {
        state: 'queued',
        result: null,
        model,
        benchmarks: [V1, V2],
        layers: ['sleep=200'],
        holdout: false,
      },
    });
    expect(asked.headers.location).toBe(`/v1/layer-maps/${asked.body.id}`);
    const ended = await until(asked.body.id, 'succeeded');
    expect(ended).toMatchObject({
      failures: [],
      links: { self: asked.headers.location, model: `/v1/models/${model}` },
      progress: { stage: 'activations', done: 1, total: 4 },
      result: {
        name: 'e2e-resnet',
        benchmarks: [V1, V2],
        layers: [
          { layer: 'layer1', cells: { [V1]: { benchmark: V1 } } },
          { layer: 'layer2', cells: { [V1]: { reason: '24 units < 25 components' } } },
          { layer: 'layer3', units: null },
        ],
        chosen: { [V2]: { layer: 'layer1', tied: [] } },
      },
    });
    expect(await service.get(`/v1/scores/${asked.body.id}`)).toMatchObject({ status: 404 });
    expect(await service.call('DELETE', `/v1/scores/${asked.body.id}`)).toMatchObject({
      status: 404,
    });
  });

  it('on principal components, or with pooled rows, is another map; components exclude a held-out half', async () => {
    const whole = { model, benchmarks: [V1], layers: ['a'] };
    const plain = await service.post('/v1/layer-maps', whole, { Prefer: 'wait=30' });
    const asked = await service.post(
      '/v1/layer-maps',
      { ...whole, pca: 1000 },
      { Prefer: 'wait=30' },
    );
    expect(asked).toMatchObject({ status: 200, body: { state: 'succeeded', pca: 1000 } });
    expect(asked.body.id).not.toBe(plain.body.id);
    const pool = ['mean', '4x4'];
    const pooled = await service.post('/v1/layer-maps', { ...whole, pool }, { Prefer: 'wait=30' });
    expect(pooled).toMatchObject({ status: 200, body: { state: 'succeeded', pool } });
    expect(pooled.body.id).not.toBe(plain.body.id);
    expect(plain.body).not.toHaveProperty('pca');
    const more = { nested: true, null: ['rows'], nullRuns: 99 };
    const nested = await service.post(
      '/v1/layer-maps',
      { ...whole, ...more },
      { Prefer: 'wait=30' },
    );
    expect(nested).toMatchObject({ status: 200, body: { state: 'succeeded', ...more } });
    expect(nested.body.id).not.toBe(plain.body.id);
    expect((await service.get(`/v1/layer-maps/${nested.body.id}`)).body).toMatchObject(more);
    expect((await service.get(`/v1/layer-maps/${asked.body.id}`)).body.pca).toBe(1000);
    for (const [wrong, pointer] of [
      [{ pca: 1000, holdout: true }, '/pca'],
      [{ pca: 1 }, '/pca'],
      [{ pca: '1000' }, '/pca'],
      [{ pool: ['half'] }, '/pool/0'],
      [{ nested: true, holdout: true }, '/nested'],
      [{ nested: true, pca: 1000 }, '/nested'],
      [{ null: ['rows'], pca: 1000 }, '/null'],
      [{ null: ['labels'] }, '/null/0'],
      [{ null: ['rows'], nullRuns: 18 }, '/nullRuns'],
      [{ nullRuns: 19 }, '/nullRuns'],
    ] as const)
      expect(await service.post('/v1/layer-maps', { ...whole, ...wrong })).toMatchObject({
        status: 400,
        body: { type: '/problems/invalid-request', errors: [{ pointer }] },
      });
  });

  it('tells its rows and each cell as it is measured', async () => {
    const { body } = await ask('cells=1800', [V1, V2], '');
    const parts = await resultsOf(service, body.id);
    const cells = parts.map(({ layers = [] }) =>
      layers.map((row: { layer: string; cells: object }) => [row.layer, Object.keys(row.cells)]),
    );
    expect(cells).toEqual([
      [
        ['layer1', []],
        ['layer2', [V1, V2]],
        ['layer3', [V1, V2]],
      ],
      [['layer1', [V1]]],
      [['layer1', [V2]]],
      [],
    ]);
    expect(parts.at(-1)).toMatchObject({ benchmarks: [V1, V2], chosen: { [V1]: {} } });
    expect(parts[1].layers[0].cells[V1]).toMatchObject({
      benchmark: V1,
      value: expect.any(Number),
    });
  });

  it('of equal inputs is answered from the store, under the present name', async () => {
    const first = await ask('a', [V1, V2]);
    expect(first).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    expect(first.headers['preference-applied']).toBe('wait=30');
    const again = await ask('a', [V1, V2]);
    expect(again).toMatchObject({ status: 200, body: { result: first.body.result } });
    expect(again.body.id).not.toBe(first.body.id);
    await service.client.PATCH('/models/{model}', {
      params: { path: { model } },
      body: { name: 'renamed' },
    });
    const { result } = (await ask('a', [V1, V2])).body;
    expect(result.name).toBe('renamed');
    expect(result.layers[0].cells[V2]).toEqual({
      ...first.body.result.layers[0].cells[V2],
      name: 'renamed',
    });
    for (const other of [
      { layers: ['a'], holdout: true },
      { layers: ['a'], input: { resize: 50 } },
      { layers: ['b'] },
    ]) {
      const { body } = await service.post(
        '/v1/layer-maps',
        { model, benchmarks: [V1, V2], ...other },
        { Prefer: 'wait=30' },
      );
      expect(body.state).toBe('succeeded');
      const value = body.result.layers[0].cells[V1].value;
      expect(value).not.toBe(first.body.result.layers[0].cells[V1].value);
      expect('holdout' in body.result).toBe('holdout' in other);
    }
  });

  it('of a region is of the simulated benchmark where the data are not here, and says so', async () => {
    const { status, body } = await service.post(
      '/v1/layer-maps',
      { model: 'pixels', regions: ['IT', 'behavior'], benchmarks: [V1] },
      { Prefer: 'wait=30' },
    );
    expect(status).toBe(200);
    expect(body.benchmarks).toEqual(['Simulatedpublic.IT-pls', 'Simulatedpublic-i2n', V1]);
    expect(body.result.benchmarks).toEqual(body.benchmarks);
  });

  it('keeps what it has where one benchmark failed', async () => {
    const { body } = await ask('part', [V1, V2]);
    expect(body).toMatchObject({
      state: 'failed',
      failures: [{ benchmark: V1, problem: { type: '/problems/units-too-few' } }],
      result: {
        chosen: { [V2]: { layer: 'layer1' } },
        layers: [{ cells: { [V1]: { reason: '24 units < 25 components' } } }, {}, {}],
      },
    });
    const again = await ask('part', [V1, V2]);
    expect(again.body.result.layers[0].cells[V2].value).not.toBe(
      body.result.layers[0].cells[V2].value,
    );
  });

  it.each([
    ['abort', 'process-crashed'],
    ['throw', 'internal'],
  ])('whose process does "%s" fails with its own problem', async (what, code) => {
    expect((await ask(what, [V1, V2])).body).toMatchObject({
      state: 'failed',
      result: null,
      failures: [V1, V2].map((benchmark) => ({
        benchmark,
        problem: { type: `/problems/${code}` },
      })),
    });
  });

  it('is cancelled, queued or running, and waits its turn among scores', async () => {
    const score = await service.post('/v1/scores', {
      model,
      benchmarks: [V1],
      layers: { V1: 'hold=60000' },
    });
    const [first, second] = [await ask('hold=60000', [V1], ''), await ask('c', [V1], '')];
    expect((await service.get(`/v1/layer-maps/${first.body.id}`)).body.state).toBe('queued');
    await service.call('DELETE', `/v1/scores/${score.body.id}`);
    await until(first.body.id, 'running');
    for (const { body } of [second, first]) {
      expect(await service.call('DELETE', `/v1/layer-maps/${body.id}`)).toMatchObject({
        status: 200,
        body: { state: 'cancelled', result: null, failures: [] },
      });
    }
    const ended = await ask('d');
    expect(await service.call('DELETE', `/v1/layer-maps/${ended.body.id}`)).toMatchObject({
      status: 409,
      body: { type: '/problems/conflict' },
    });
    const waiting = await ask('hold=60000', [V2], '');
    expect((await service.call('DELETE', `/v1/models/${model}`)).status).toBe(409);
    await service.call('DELETE', `/v1/layer-maps/${waiting.body.id}`);
  });

  it('goes back into the queue when the service stops, and ends after the next start', async () => {
    const home = await madeHome('ventral-map-');
    const first = await runningService({ home });
    const request = { model: 'pixels', benchmarks: [V1], layers: ['sleep=1000'] };
    const { id } = (await first.post('/v1/layer-maps', request)).body;
    await vi.waitFor(
      async () => expect((await first.get(`/v1/layer-maps/${id}`)).body.progress).not.toBeNull(),
      10_000,
    );
    await first.stop();
    const second = await runningService({ home });
    await vi.waitFor(
      async () =>
        expect((await second.get(`/v1/layer-maps/${id}`)).body).toMatchObject({
          state: 'succeeded',
          result: { benchmarks: [V1] },
        }),
      { timeout: 120_000 },
    );
    await second.stop();
    await rm(home, { recursive: true });
  });

  it('is listed by state, model and benchmark, without its result', async () => {
    const { body } = await service.get(
      `/v1/layer-maps?state=succeeded&benchmark=${V1}&model=${model}&limit=2`,
    );
    expect(body.items).toHaveLength(2);
    expect(body.next).not.toBeNull();
    for (const item of body.items) {
      expect(item).toMatchObject({ state: 'succeeded', model, links: { self: expect.anything() } });
      expect(item).not.toHaveProperty('result');
    }
    const scores = (await service.get('/v1/scores?limit=200')).body.items;
    expect(scores.map(({ id }: { id: string }) => id)).not.toContain(body.items[0].id);
  });

  it.each([
    ['an unknown model', { model: 'mdl_no', regions: ['V1'] }, 404, 'not-found', '/model'],
    ['a path as model', { model: '../x', regions: ['V1'] }, 404, 'not-found', '/model'],
    [
      'an unknown benchmark',
      { model: 'pixels', regions: ['V1'], benchmarks: [V1, 'No.such'] },
      422,
      'benchmark-unknown',
      '/benchmarks/1',
    ],
    [
      'a path as benchmark',
      { model: 'pixels', benchmarks: ['benchmarks/x/benchmark.yaml'] },
      422,
      'benchmark-unknown',
      '/benchmarks/0',
    ],
    [
      'a benchmark twice',
      { model: 'pixels', regions: ['V1'], benchmarks: ['Simulatedpublic.V1-pls'] },
      422,
      'name-ambiguous',
      '/benchmarks/0',
    ],
    ['no column', { model: 'pixels' }, 400, 'invalid-request', '/regions'],
    [
      'a region that is none',
      { model: 'pixels', regions: ['V3'] },
      400,
      'invalid-request',
      '/regions/0',
    ],
    [
      'layers by region',
      { model: 'pixels', regions: ['V1'], layers: { V1: 'x' } },
      400,
      'invalid-request',
      '/layers',
    ],
    [
      'a holdout in words',
      { model: 'pixels', regions: ['V1'], holdout: 'yes' },
      400,
      'invalid-request',
      '/holdout',
    ],
    ['no model', { regions: ['V1'] }, 400, 'invalid-request', '/model'],
  ])('with %s is refused', async (_what, body, status, code, pointer) => {
    expect(await service.post('/v1/layer-maps', body)).toMatchObject({
      status,
      body: { type: `/problems/${code}`, errors: [{ pointer }] },
    });
  });

  it.each(Object.entries(examples()))('as in the example "%s" is accepted', async (_name, body) => {
    const asked = await service.post('/v1/layer-maps', {
      ...body,
      ...(body.model.startsWith('mdl_') ? { model } : {}),
    });
    expect(asked.status).toBe(202);
    await service.call('DELETE', `/v1/layer-maps/${asked.body.id}`);
  });
});

describe('a layer map by the real scoring process', () => {
  it('is what mapLayers gives, once from a cache and once from the store', async () => {
    const home = await madeHome('ventral-map-');
    const real = await runningService({ home, scoreScript: undefined });
    const folder = await unstratified(join(home, 'mine'));
    const parts = [
      { name: 'file', filename: 'net.onnx', content: await network() },
      { name: 'card', content: await card() },
    ];
    const registered = (await real.upload(parts)).body.id;
    const benchmark = (
      await real.call('POST', '/v1/benchmarks', {
        headers: { 'Content-Type': 'application/zip' },
        body: await zipOf(folder),
      })
    ).body.id;
    const asked = {
      model: registered,
      benchmarks: [benchmark],
      layers: ['layer*', 'fc'],
      holdout: true,
    };
    const post = (body: object) => real.post('/v1/layer-maps', body, { Prefer: 'wait=60' });
    const { status, body } = await post(asked);
    expect(status).toBe(200);
    const { map } = await mapLayers(
      {
        model: {
          path: oraclePath('09-end-to-end/resnet/model.onnx'),
          file: oraclePath('09-end-to-end/resnet/card.yaml'),
        },
        benchmarks: [join(folder, 'benchmark.yaml')],
        layers: asked.layers,
        holdout: true,
      },
      { home: join(home, 'other'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 },
    );
    expect(lasting(body.result)).toEqual(lasting(map));
    expect(body.failures).toEqual([]);
    const [id] = body.benchmarks;
    const score = await real.post(
      '/v1/scores',
      { model: registered, benchmarks: [benchmark], layers: { V4: map.layers[0].layer } },
      { Prefer: 'wait=60' },
    );
    const whole = await post({ ...asked, holdout: false });
    expect(whole.body.result.layers[0].cells[id].value).toBe(score.body.results[0].value);
    const [told] = await resultsOf(real, whole.body.id);
    const rows = whole.body.result.layers as { layer: string }[];
    expect(told.layers.map(({ layer }: { layer: string }) => layer)).toEqual(
      rows.map(({ layer }) => layer),
    );
    expect(whole.body.result.plan.sets).toMatchObject([{ passes: [] }]);
    expect((await post(asked)).body).toMatchObject({ state: 'succeeded', result: body.result });
    await real.stop();
    await rm(home, { recursive: true });
  }, 60_000);
});

/** What the events of results hold, once the job has ended. */
async function resultsOf({ get }: RunningService, id: string) {
  const { text } = await get(`/v1/layer-maps/${id}/events`);
  return [...text.matchAll(/event: result\ndata: (.*)/g)].map(([, data]) => JSON.parse(data));
}

/** A result without what a run alone decides: its time and memory. */
const lasting = (result: unknown) =>
  JSON.parse(
    JSON.stringify(result, (key, value) =>
      key === 'seconds' || key === 'peakRssMiB' ? undefined : value,
    ),
  );

/** A benchmark of the oracle, with splits that halves of its stimuli are large enough for. */
async function unstratified(folder: string): Promise<string> {
  await cp(oraclePath('09-end-to-end/neural-csv'), folder, { recursive: true });
  const path = join(folder, 'benchmark.yaml');
  const yaml = await readFile(path, 'utf8');
  await writeFile(path, yaml.replace(', stratify_on: object_name', ''));
  return folder;
}

/** A flat ZIP of a folder. */
async function zipOf(folder: string): Promise<Buffer> {
  const names = await readdir(folder);
  const entries = names.map(async (name) => {
    const data = await readFile(join(folder, name));
    return { name, data, compress: true };
  });
  await writeZip(`${folder}.zip`, await Promise.all(entries));
  return readFile(`${folder}.zip`);
}

function examples(): Record<string, { readonly model: string }> {
  const { paths } = parse(readFileSync(join(packageRoot, 'openapi.yaml'), 'utf8'));
  const { content } = paths['/layer-maps'].post.requestBody;
  const given: Record<string, { value: { model: string } }> = content['application/json'].examples;
  return Object.fromEntries(Object.entries(given).map(([name, { value }]) => [name, value]));
}
