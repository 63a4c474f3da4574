import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type NpyArray, writeNpy } from '../../../src/formats/npy.js';
import { openNpz, writeNpz } from '../../../src/formats/npz.js';
import { writeZip } from '../../../src/formats/zip.js';
import { madePlace, type StorePlace } from '../../store/engines.js';
import { type RunningService, runningService, suiteEngine } from '../running-service.js';
import { makeKey, withKey } from '../with-key.js';

const V1 = 'Simulatedpublic.V1-pls';

let place: StorePlace;
let service: RunningService;
/** Activations of a shipped model on a benchmark, as the service gives them. */
let v1: Buffer;

beforeAll(async () => {
  place = await madePlace(suiteEngine, 'ventral-features-');
  service = await runningService({ ...place, scoreScript: 'score-child.js' });
  v1 = await download('/v1/activations', { model: 'gabor-v1', layers: ['v1'], benchmark: V1 });
});
afterAll(async () => {
  await service.stop();
  await rm(place.home, { recursive: true, force: true });
});

async function download(path: string, body: object): Promise<Buffer> {
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${service.url}${path}`, {
    ...{ method: 'POST', headers },
    body: JSON.stringify(body),
  });
  expect(answer.status, path).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const begin = async (bytes: Uint8Array, digest = digestOf(bytes)) =>
  (await service.post('/v1/uploads', { size: bytes.length, digest })).body;

const piece = (id: string, offset: number | string, body: Uint8Array) =>
  service.call('PATCH', `/v1/uploads/${id}?offset=${offset}`, {
    headers: { 'Content-Type': 'application/octet-stream' },
    body,
  });

async function registered(bytes: Uint8Array, more: object = {}) {
  const { id } = await begin(bytes);
  expect((await piece(id, 0, bytes)).status).toBe(200);
  return service.post('/v1/features', { upload: id, format: 'npz', ...more });
}

/** A file as numpy would write it. */
async function npz(arrays: Readonly<Record<string, NpyArray>>): Promise<Buffer> {
  const path = join(place.home, 'made.npz');
  await writeNpz(
    path,
    Object.entries(arrays).map(([name, array]) => ({ name, array })),
  );
  return readFile(path);
}

const some = Buffer.from('stimulus_id,a\n1,0.5\n2,1.5\n');

describe('an upload in pieces', () => {
  it('grows at its offset alone and stays within its size', async () => {
    const { id, offset } = await begin(some);
    expect(offset).toBe(0);
    expect((await piece(id, 0, some.subarray(0, 10))).body.offset).toBe(10);
    const elsewhere = await piece(id, 4, some.subarray(4));
    expect(elsewhere.status).toBe(409);
    expect(elsewhere.body.detail).toContain('offset=10');
    expect((await piece(id, 'x', some)).status).toBe(400);
    expect((await piece(id, 10, some)).status).toBe(413);
    const early = await service.post('/v1/features', { upload: id, format: 'csv' });
    expect(early.status).toBe(409);
    expect((await service.call('DELETE', `/v1/uploads/${id}`)).status).toBe(204);
    expect((await service.get(`/v1/uploads/${id}`)).status).toBe(404);
    expect(await readdir(join(service.home, 'uploads'))).toEqual([]);
  });

  it('keeps what came of a broken connection, and goes on from there', async () => {
    const { id } = await begin(some);
    const { host, hostname, port } = new URL(service.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `PATCH /v1/uploads/${id}?offset=0 HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/octet-stream\r\nContent-Length: ${some.length}\r\n\r\n`,
    );
    socket.write(some.subarray(0, 7));
    const offset = async () => (await service.get(`/v1/uploads/${id}`)).body.offset;
    await vi.waitFor(async () => expect(await offset()).toBe(7), 20_000);
    socket.destroy();
    await vi.waitFor(async () => {
      expect((await piece(id, 7, some.subarray(7))).status).toBe(200);
    }, 20_000);
    const made = await service.post('/v1/features', { upload: id, format: 'csv', name: 'broken' });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ stimuli: 2, layers: [{ name: 'features', units: 1 }] });
    const again = await service.post('/v1/features', { upload: id, format: 'csv' });
    expect(again.status).toBe(404);
  });

  it('is given up where its bytes have another digest', async () => {
    const { id } = await begin(some, digestOf(Buffer.from('other')));
    await piece(id, 0, some);
    const refused = await service.post('/v1/features', { upload: id, format: 'csv' });
    expect(refused.body).toMatchObject({ type: '/problems/checksum-mismatch', status: 422 });
    expect((await service.get(`/v1/uploads/${id}`)).status).toBe(404);
  });

  it('outlives the service; what belongs to none does not', async () => {
    const { id } = await begin(some);
    await piece(id, 0, some.subarray(0, 5));
    await service.close();
    await writeFile(join(place.home, 'uploads', 'upl_stray'), 'x');
    service = await runningService({ ...place, scoreScript: 'score-child.js' });
    expect(await readdir(join(place.home, 'uploads'))).toEqual([id]);
    expect((await service.get(`/v1/uploads/${id}`)).body.offset).toBe(5);
    await service.call('DELETE', `/v1/uploads/${id}`);
  });

  it('reserves its size of what its owner may store', async () => {
    const quotas = { uploads: 10, storage: 100, jobs: 10 };
    const own = await madePlace(suiteEngine, 'ventral-quota-');
    const small = await runningService({ ...own, quotas, uploadSize: 1000 });
    try {
      const root = await makeKey(small, { name: 'root', role: 'admin' });
      const ada = await makeKey(small, { name: 'ada', role: 'member', owner: 'ada' }, root.key);
      const ask = (size: number) =>
        withKey(small, ada.key).post('/v1/uploads', { size, digest: digestOf(some) });
      expect((await ask(2000)).status).toBe(413);
      const first = await ask(60);
      expect(first.status).toBe(201);
      expect((await ask(60)).body.type).toBe('/problems/storage-exceeded');
      await withKey(small, ada.key).remove(first.body.links.self);
      expect((await ask(60)).status).toBe(201);
    } finally {
      await small.stop();
      await rm(own.home, { recursive: true, force: true });
    }
  });
});

describe('a hostile file', () => {
  it.each([
    ['no archive', async () => Buffer.from('PK\x03\x04 and nothing')],
    ['an archive without stimuli', () => npz({ features: floats([1, 1], [0]) })],
    [
      'a layer of other rows',
      () => npz({ stimulus_id: ids(2), 'features/a': floats([3, 1], [0, 1, 2]) }),
    ],
    ['a stimulus twice', () => npz({ stimulus_id: twice, features: floats([2, 1], [0, 1]) })],
    ['a bomb', bomb],
  ])('that is %s is refused, and nothing stays', async (_what, make) => {
    const answer = await registered(await make());
    expect([422, 507]).toContain(answer.status);
    expect(answer.text).not.toContain(place.home);
    expect((await service.get('/v1/health')).status).toBe(200);
  });
});

const floats = (shape: number[], values: number[]): NpyArray => ({
  ...{ dtype: 'float32', shape },
  data: Float32Array.from(values),
});
const ids = (count: number): NpyArray => ({
  ...{ dtype: 'string', shape: [count] },
  data: Array.from({ length: count }, (_, i) => `s${i}`),
});
const twice: NpyArray = { dtype: 'string', shape: [2], data: ['a', 'a'] };

/** Two gigabytes of zeros in two megabytes. */
async function bomb(): Promise<Buffer> {
  const zeros = Buffer.alloc(2 ** 24);
  const path = join(tmpdir(), `bomb-${process.pid}.npz`);
  const head = Buffer.from(writeNpy(floats([1, 1], [0]))).subarray(0, 128);
  const text = head.toString('latin1').replace('(1, 1)', '(1, 536870912)').slice(0, 127);
  async function* bytes() {
    yield Buffer.from(`${text.trimEnd().padEnd(127)}\n`, 'latin1');
    for (let i = 0; i < 128; i++) yield zeros;
  }
  const { Readable } = await import('node:stream');
  await writeZip(path, [
    { name: 'stimulus_id.npy', compress: false, data: writeNpy(ids(1)) },
    {
      name: 'features.npy',
      compress: true,
      data: () => Readable.from(bytes(), { objectMode: false }),
    },
  ]);
  const made = await readFile(path);
  await rm(path);
  return made;
}

describe('a score of features', () => {
  it('is that of the network that they are of, and says so everywhere', async () => {
    const { body: features } = await registered(v1, { name: 'elsewhere', visibility: 'public' });
    expect(features).toMatchObject({ layers: [{ name: 'v1' }], madeBy: 'gabor-v1' });
    const ask = (model: string, layers?: object) =>
      service.post(
        '/v1/scores',
        { model, benchmarks: [V1], ...(layers && { layers }) },
        { Prefer: 'wait=60' },
      );
    const [ours, theirs] = [await ask('gabor-v1', { V1: 'v1' }), await ask(features.id)];
    expect(theirs.body, theirs.text).toMatchObject({ state: 'succeeded', features: true });
    const [score] = theirs.body.results;
    const { value, error, ci, raw, ceiling } = ours.body.results[0];
    expect(score).toMatchObject({ value, error, ci, raw, ceiling, layer: 'features' });
    expect((await ask(features.id, { V1: 'v1' })).body.results[0].value).toBe(value);
    const wrong = await ask(features.id, { V1: 'v2' });
    expect(wrong.body).toMatchObject({ type: '/problems/layer-unknown', status: 422 });
    const board = await service.get(
      `/v1/leaderboard?benchmark=${V1}&simulated=true&set=public&layers=any`,
    );
    const rows = board.body.items as { model: string; features: boolean }[];
    expect(rows.find(({ model }) => model === features.id)?.features).toBe(true);
    expect(rows.find(({ model }) => model === 'gabor-v1')?.features).toBe(false);
    const csv = await service.call(
      'GET',
      `/v1/leaderboard?benchmark=${V1}&simulated=true&layers=any`,
      {
        headers: { Accept: 'text/csv' },
      },
    );
    expect(csv.text.split('\n')[0]).toContain('weights,features,tied');
    expect((await service.get(`/v1/models/${features.id}`)).status).toBe(404);
    expect((await service.get('/v1/models')).body.items).toEqual([]);
    const map = await service.post('/v1/layer-maps', { model: features.id, regions: ['V1'] });
    expect(map.status).toBe(422);
    expect((await service.call('DELETE', `/v1/features/${features.id}`)).status).toBe(204);
    expect((await service.get(theirs.body.links.self)).body.results[0].value).toBe(value);
  });
});

describe('stimuli as a network gets them', () => {
  const inputs = async (body: object) => {
    const path = join(place.home, 'inputs.npz');
    await writeFile(path, await download(`/v1/benchmarks/${V1}/inputs`, body));
    const file = await openNpz(path);
    try {
      const read = async (name: string) => file.read(name);
      const [tensor, stimuli] = [await read('inputs'), await read('stimulus_id')];
      return { tensor, stimuli, total: (await read('total')).data[0], names: file.names };
    } finally {
      await file.close();
    }
  };

  it('come in ranges that make the whole', async () => {
    const card = { ...(await service.get('/v1/models/untrained-cnn')).body.card, name: 'mine' };
    const whole = await inputs({ card, count: 5 });
    expect(whole.tensor).toMatchObject({ dtype: 'float32' });
    expect(whole.tensor.shape.slice(0, 2)).toEqual([5, 3]);
    expect(whole.names).toContain('degrees');
    const one = await inputs({ model: 'untrained-cnn', from: 3, count: 2 });
    expect(one.stimuli.data).toEqual(whole.stimuli.data.slice(3, 5));
    const size = one.tensor.data.length;
    expect(one.tensor.data).toEqual(whole.tensor.data.slice(whole.tensor.data.length - size));
    const beyond = await service.post(`/v1/benchmarks/${V1}/inputs`, { card, from: 1e6 });
    expect(beyond.status).toBe(416);
    const both = await service.post(`/v1/benchmarks/${V1}/inputs`, { card, model: 'pixels' });
    expect(both.status).toBe(400);
  });

  it('are there as files, too', async () => {
    const { body } = await service.get(`/v1/benchmarks/${V1}/stimuli?limit=1`);
    const { stimulus } = body.items[0];
    const path = `/v1/benchmarks/${V1}/stimuli/${stimulus}/content`;
    const answer = await fetch(service.url + path);
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(
      Buffer.from(await answer.arrayBuffer())
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
    expect((await service.get(`${path}?frame=1`)).status).toBe(404);
  });
});
