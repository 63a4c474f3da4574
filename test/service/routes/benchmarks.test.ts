import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openZip, writeZip } from '../../../src/formats/zip.js';
import { oracle, oraclePath } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';
import {
  card,
  multipart,
  network,
  type RunningService,
  runningService,
} from '../running-service.js';

let service: RunningService;

beforeAll(async () => {
  // The real scoring process: what is uploaded is scored to the golden numbers.
  service = await runningService({ scoreScript: undefined });
});
afterAll(() => service.stop());
afterEach(async () => {
  // An answer that was streamed may be read before its file is taken away.
  await vi.waitFor(async () => expect(await service.leftovers()).toEqual([]));
});

const folder = oraclePath('09-end-to-end/neural-csv');
const yaml = () => readFile(join(folder, 'benchmark.yaml'), 'utf8');

/** A ZIP of a benchmark of the oracle, with its YAML changed and files added or left out. */
async function zipped(
  change: (text: string) => string = (text) => text,
  files: Record<string, Uint8Array | undefined> = {},
): Promise<Buffer> {
  const contents = new Map<string, Uint8Array>();
  for (const name of await readdir(folder)) contents.set(name, await readFile(join(folder, name)));
  contents.set('benchmark.yaml', Buffer.from(change(await yaml())));
  for (const [name, content] of Object.entries(files)) {
    if (content) contents.set(name, content);
    else contents.delete(name);
  }
  const path = join(service.home, 'a.zip');
  await writeZip(
    path,
    [...contents].map(([name, content]) => ({ name, data: content, compress: true })),
  );
  const bytes = await readFile(path);
  await rm(path);
  return bytes;
}

const post = (body: Uint8Array) =>
  service.call('POST', '/v1/benchmarks', { headers: { 'Content-Type': 'application/zip' }, body });

/** A benchmark file on the stimuli of the archive. */
const given = (rest: string) =>
  `identifier: mine\nversion: 1\nvisual_degrees: 4\nstimuli: { csv: stimuli.csv }\n${rest}\n`;

describe('an uploaded benchmark', () => {
  it('is registered, scored to the golden numbers, and removed', async () => {
    const archive = await zipped();
    const first = await post(archive);
    expect(first).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(/^bmk_/),
        benchmarks: [
          { id: 'end-to-end.objects.V4-pls', region: 'V4' },
          { id: 'end-to-end.objects.IT-pls', region: 'IT' },
        ],
        metric: 'pls',
        upload: { size: archive.length },
      },
    });
    const { id } = first.body;
    const form = multipart([
      { name: 'visibility', content: 'public' },
      { name: 'file', filename: 'b.zip', content: archive },
    ]);
    expect(await service.call('POST', '/v1/benchmarks', form)).toMatchObject({
      status: 200,
      body: { id },
    });
    expect((await service.get(first.headers.location as string)).body).toEqual(first.body);
    const ofIT = (await service.get('/v1/benchmarks?region=IT')).body.items;
    expect(ofIT).toContainEqual(first.body);
    // Simulated data are made where they are asked for, recorded ones are fetched.
    expect(ofIT).toContainEqual(expect.objectContaining({ id: 'Simulated.IT-pls', ready: true }));
    expect(ofIT).toContainEqual(
      expect.objectContaining({ id: 'MajajHong2015public.IT-pls', ready: false }),
    );
    const model = (
      await service.upload([
        { name: 'file', filename: 'net.onnx', content: await network() },
        { name: 'card', content: await card() },
      ])
    ).body.id;
    const job = await service.post(
      '/v1/scores',
      { model, benchmarks: [id] },
      { Prefer: 'wait=60' },
    );
    expect(job).toMatchObject({
      status: 200,
      body: {
        state: 'succeeded',
        benchmarks: ['end-to-end.objects.V4-pls', 'end-to-end.objects.IT-pls'],
      },
    });
    for (const [position, region] of ['V4', 'IT'].entries()) {
      const { ceiled } = oracle('09-end-to-end/expected/resnet.json').scores[
        `neural-csv/${region}`
      ];
      const { value } = job.body.results[position];
      expect(Math.abs(value - ceiled)).toBeLessThan(tolerances.endToEnd.score);
    }
    const waiting = await service.post('/v1/scores', {
      model,
      benchmarks: [id],
      input: { crop: 40 },
    });
    expect((await service.call('DELETE', `/v1/benchmarks/${id}`)).status).toBe(409);
    await service.call('DELETE', `/v1/scores/${waiting.body.id}`);
    expect((await service.call('DELETE', `/v1/benchmarks/${id}`)).status).toBe(204);
    expect((await service.get(`/v1/benchmarks/${id}`)).status).toBe(404);
    expect(await readdir(join(service.home, 'benchmarks'))).toEqual([]);
    expect((await service.get(`/v1/scores/${job.body.id}`)).body.results).toHaveLength(2);
  });

  it('is scored neuroid by neuroid where that is asked for, which lists leave out', async () => {
    const { id } = (await post(await zipped())).body;
    const parts = [
      { name: 'file', filename: 'net.onnx', content: await network() },
      { name: 'card', content: await card() },
    ];
    const model = (await service.upload(parts)).body.id;
    const asked = { model, benchmarks: [id] };
    const prefer = { Prefer: 'wait=60' };
    const plain = (await service.post('/v1/scores', asked, prefer)).body;
    const { status, body } = await service.post('/v1/scores', { ...asked, detail: true }, prefer);
    expect([status, body.state, body.detail]).toEqual([200, 'succeeded', true]);
    for (const [position, score] of body.results.entries()) {
      expect(score.value).toBe(plain.results[position].value);
      for (const part of [score.raw, score.ceiling]) {
        expect(part.neuroids).toHaveLength(10);
        expect(part.neuroids[0]).toHaveLength(part.neuroid_ids.length);
      }
      expect(score.splits[0].test.length).toBeGreaterThan(0);
    }
    expect(plain.results[0].raw).not.toHaveProperty('neuroids');
    const { items } = (await service.get(`/v1/scores?model=${model}`)).body;
    const listed = items.find((job: { id: string }) => job.id === body.id);
    expect(listed.results[0].raw).toEqual(plain.results[0].raw);
    expect(listed.results[0]).not.toHaveProperty('splits');
    expect((await service.call('DELETE', `/v1/benchmarks/${id}`)).status).toBe(204);
  });

  const refused: [string, () => Promise<Uint8Array>, number, string, string | undefined][] = [
    ['no archive', async () => Buffer.from('hello'), 422, 'zip-invalid', undefined],
    ['nothing', async () => Buffer.alloc(0), 422, 'zip-invalid', undefined],
    [
      'half an archive',
      async () => (await zipped()).subarray(0, 9000),
      422,
      'zip-invalid',
      undefined,
    ],
    [
      'a folder inside',
      () => zipped(undefined, { 'a/b.csv': Buffer.from('x') }),
      422,
      'zip-invalid',
      undefined,
    ],
    [
      'a name that moves the cursor',
      () => zipped(undefined, { 'a\u001b[2J.csv': Buffer.from('x') }),
      422,
      'zip-invalid',
      undefined,
    ],
    [
      'two YAML files',
      () => zipped(undefined, { 'b.yml': Buffer.from('x: 1') }),
      422,
      'benchmark-invalid',
      undefined,
    ],
    [
      'no YAML file',
      () => zipped(undefined, { 'benchmark.yaml': undefined }),
      422,
      'benchmark-invalid',
      undefined,
    ],
    [
      'a wrong key',
      () => zipped((text) => text.replace('visual_degrees', 'visual_degree')),
      422,
      'benchmark-invalid',
      '/visual_degree',
    ],
    [
      'a path',
      () => zipped((text) => text.replace('recordings.csv', '../../recordings.csv')),
      422,
      'benchmark-invalid',
      '/recordings',
    ],
    [
      'a path of dissimilarities',
      () => zipped(() => given('rdms: ../../rdms.csv\nmetric: { name: rdm }')),
      422,
      'benchmark-invalid',
      '/rdms',
    ],
    [
      'a path of neurons',
      () =>
        zipped(() =>
          given(
            'regions: [V1]\ndistribution: { property: bandwidth, bins: [0, 9], neurons: ../../n.csv }\nmetric: { name: distribution-similarity }',
          ),
        ),
      422,
      'benchmark-invalid',
      '/distribution/neurons',
    ],
    [
      'a path of the system',
      () => zipped((text) => text.replace('stimuli.zip', '/etc/passwd')),
      422,
      'benchmark-invalid',
      '/stimuli/images',
    ],
    [
      'a file that is not there',
      () => zipped(undefined, { 'neuroids.csv': undefined }),
      422,
      'benchmark-invalid',
      '/neuroids',
    ],
    [
      'a shipped name',
      () =>
        zipped((text) =>
          text.replace('end-to-end.objects.{region}', 'MajajHong2015public.{region}'),
        ),
      409,
      'conflict',
      '/identifier',
    ],
  ];
  it.each(refused)('of %s is refused', async (_what, body, status, code, pointer) => {
    const answer = await post(await body());
    expect(answer).toMatchObject({ status, body: { type: `/problems/${code}` } });
    expect(answer.body.errors?.[0].pointer).toBe(pointer);
    expect(answer.body.detail).not.toContain(service.home);
    expect(await readdir(join(service.home, 'benchmarks'))).toEqual([]);
  });

  it('is asked for once', async () => {
    const { id } = (await post(await zipped())).body;
    const twice = await service.post('/v1/scores', {
      model: 'pixels',
      benchmarks: ['MajajHong2015public.V4-pls', id, id],
    });
    expect(twice.status).toBe(400);
    const unknown = await service.post('/v1/scores', {
      model: 'pixels',
      benchmarks: [id, 'bmk_nope'],
    });
    expect(unknown).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/benchmarks/1' }] },
    });
    expect((await service.call('DELETE', `/v1/benchmarks/${id}`)).status).toBe(204);
    expect((await service.call('DELETE', '/v1/benchmarks/MajajHong2015public.V4-pls')).status).toBe(
      403,
    );
    expect(
      (
        await service.call('POST', '/v1/benchmarks', {
          headers: { 'Content-Type': 'text/plain' },
          body: 'x',
        })
      ).status,
    ).toBe(415);
  });
});

describe('activations', () => {
  const ask = (body: object, headers: Record<string, string> = {}) =>
    service.post('/v1/activations', { model, layers: ['avgpool'], ...body }, headers);
  let model: string;
  let benchmark: string;
  beforeAll(async () => {
    const parts = [
      { name: 'file', filename: 'net.onnx', content: await network() },
      { name: 'card', content: await card() },
    ];
    model = (await service.upload(parts)).body.id;
    benchmark = (await post(await zipped())).body.id;
  });

  it('over the stimuli of a benchmark come as npz, or netCDF where that is wanted', async () => {
    const npz = await fetch(`${service.url}/v1/activations`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ model, layers: ['avgpool', 'layer3.*'], benchmark }),
    });
    expect(npz.status).toBe(200);
    expect(npz.headers.get('content-type')).toBe('application/x-npz');
    const path = join(service.home, 'a.npz');
    await writeFile(path, Buffer.from(await npz.arrayBuffer()));
    const archive = await openZip(path);
    const names = archive.entries.map(({ name }) => name);
    await archive.close();
    await rm(path);
    expect(names).toEqual(
      expect.arrayContaining(['stimulus_id.npy', 'features/avgpool.npy', 'features/layer3.0.npy']),
    );
    const netcdf = await ask({ benchmark }, { Accept: 'application/x-netcdf' });
    expect(netcdf.headers['content-type']).toBe('application/x-netcdf');
    expect(netcdf.text.slice(1, 4)).toBe('HDF');
  });

  it.each([
    ['a path as stimuli', { stimuli: '../../etc', degrees: 8 }, 422, 'data-missing', '/stimuli'],
    [
      'a set that is not there',
      { stimuli: 'No.such', degrees: 8 },
      422,
      'data-missing',
      '/stimuli',
    ],
    ['an unknown benchmark', { benchmark: 'No.such' }, 422, 'benchmark-unknown', '/benchmark'],
    ['neither', {}, 400, 'invalid-request', '/stimuli'],
    ['both', { stimuli: 'x', benchmark: 'y' }, 400, 'invalid-request', '/stimuli'],
    [
      'no degrees',
      { stimuli: 'FreemanZiemba2013.aperture-public' },
      400,
      'invalid-request',
      '/degrees',
    ],
    [
      'an unknown model',
      { model: 'mdl_nope', benchmark: 'Simulated.V1-pls' },
      404,
      'not-found',
      '/model',
    ],
    ['no layers', { layers: [], benchmark: 'Simulated.V1-pls' }, 400, 'invalid-request', '/layers'],
  ])('with %s are refused', async (_what, body, status, code, pointer) => {
    expect(await ask(body)).toMatchObject({
      status,
      body: { type: `/problems/${code}`, errors: [{ pointer }] },
    });
  });

  it('of a layer that is not there are refused', async () => {
    expect(await ask({ layers: ['layer9'], benchmark })).toMatchObject({
      status: 422,
      body: { type: '/problems/layer-unknown' },
    });
  });
});
