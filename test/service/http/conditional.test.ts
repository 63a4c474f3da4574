import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  card,
  multipart,
  network,
  type RunningService,
  runningService,
} from '../running-service.js';

let service: RunningService;
let onnx: Buffer;
let self: string;

beforeAll(async () => {
  service = await runningService();
  onnx = await network();
  const upload = await service.upload([
    { name: 'file', filename: 'net.onnx', content: onnx },
    { name: 'card', content: await card() },
  ]);
  self = upload.body.links.self;
});
afterAll(() => service.stop());

const json = { 'Content-Type': 'application/json' };
const given = (path: string, headers: Record<string, string>, method = 'GET') =>
  service.call(method, path, { headers });

describe('a representation', () => {
  it.each([
    ['a model', () => self],
    ['the models', () => '/v1/models'],
    ['the layers', () => `${self}/layers`],
    ['a benchmark', () => '/v1/benchmarks/Simulated.V1-pls'],
    ['the benchmarks', () => '/v1/benchmarks'],
    ['the jobs', () => '/v1/scores'],
    ['the description', () => '/v1/openapi.yaml'],
  ])('of %s has a strong tag, and is not sent again to who has it', async (_what, path) => {
    const first = await service.get(path());
    const { etag } = first.headers;
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    expect(first.headers['cache-control']).toBe('private, no-cache');
    for (const has of [etag!, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await given(path(), { 'If-None-Match': has });
      expect(again).toMatchObject({ status: 304, text: '', headers: { etag } });
      expect(again.headers).not.toHaveProperty('content-length');
    }
    expect(await given(path(), { 'If-None-Match': '"other"' })).toMatchObject({
      status: 200,
      text: first.text,
    });
    expect(await given(path(), { 'If-None-Match': etag! }, 'HEAD')).toMatchObject({ status: 304 });
  });

  it('that is a refusal has none', async () => {
    const { headers } = await service.get('/v1/models/mdl_nope');
    expect(headers).not.toHaveProperty('etag');
    expect(headers['cache-control']).toBe('no-store');
  });

  it('of a job changes its tag with its state', async () => {
    const made = await service.post('/v1/scores', {
      model: 'pixels',
      benchmarks: ['Simulated.V1-pls'],
      layers: { V1: 'sleep=300' },
    });
    const path = made.body.links.self;
    let last = await given(path, { 'If-None-Match': made.headers.etag! });
    while (last.status === 304 || last.body.state !== 'succeeded') {
      last = await given(path, { 'If-None-Match': last.headers.etag! });
    }
    expect(last.headers.etag).not.toBe(made.headers.etag);
  });
});

describe('a change that says what it expects', () => {
  it('is refused where something else is there by now', async () => {
    const { etag } = (await service.get(self)).headers;
    const rename = (name: string, match: string) =>
      service.call('PATCH', self, {
        headers: { ...json, 'If-Match': match },
        body: JSON.stringify({ name }),
      });
    const changed = await rename('one', etag!);
    expect(changed.status).toBe(200);
    expect(changed.headers.etag).toBe((await service.get(self)).headers.etag);
    for (const match of [etag!, 'W/"x"', '"x", "y"', `W/${changed.headers.etag}`, 'junk']) {
      expect(await rename('two', match)).toMatchObject({
        status: 412,
        body: { type: '/problems/precondition-failed' },
      });
    }
    expect((await service.get(self)).body.name).toBe('one');
    expect((await rename('three', '*')).status).toBe(200);
    expect((await given(self, { 'If-Match': etag! }, 'DELETE')).status).toBe(412);
    const now = (await service.get(self)).headers.etag!;
    expect((await rename('four', `"x", ${now}`)).status).toBe(200);
  });

  it('wins once of many at a time', async () => {
    const { etag } = (await service.get(self)).headers;
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        service.call('PATCH', self, {
          headers: { ...json, 'If-Match': etag! },
          body: JSON.stringify({ name: `racer ${n}` }),
        }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array(9).fill(412)]);
  });

  it('is asked of a job too', async () => {
    const made = await service.post('/v1/scores', {
      model: 'pixels',
      benchmarks: ['Simulated.V2-pls'],
      layers: { V2: 'held' },
    });
    const path = made.body.links.self;
    expect((await given(path, { 'If-Match': '"x"' }, 'DELETE')).status).toBe(412);
  });
});

describe('a download', () => {
  it('is an attachment of opaque bytes with their digest as its tag', async () => {
    const { headers } = await given(`${self}/content`, {}, 'HEAD');
    expect(headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': String(onnx.length),
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache',
    });
    expect(headers['content-disposition']).toMatch(/^attachment; filename=/);
    const { digest } = (await service.get(self)).body;
    expect(headers.etag).toBe(`"${digest}"`);
    expect(await given(`${self}/content`, { 'If-None-Match': headers.etag! })).toMatchObject({
      status: 304,
      text: '',
    });
  });

  const bytes = async (headers: Record<string, string>) => {
    const answer = await fetch(`${service.url}${self}/content`, { headers });
    return { answer, body: Buffer.from(await answer.arrayBuffer()) };
  };

  it.each([
    ['bytes=0-99', 0, 100],
    ['bytes=100-', 100, undefined],
    ['bytes=-50', -50, undefined],
  ])('gives the range %s', async (range, start, end) => {
    const { answer, body } = await bytes({ Range: range });
    expect(answer.status).toBe(206);
    expect(body).toEqual(onnx.subarray(start, end));
    expect(answer.headers.get('content-range')).toMatch(`/${onnx.length}`);
  });

  it('starts anew where the file is another by now', async () => {
    const { etag } = (await given(`${self}/content`, {}, 'HEAD')).headers;
    const same = await bytes({ Range: 'bytes=5-', 'If-Range': etag! });
    expect(same.answer.status).toBe(206);
    const other = await bytes({ Range: 'bytes=5-', 'If-Range': '"other"' });
    expect(other.answer.status).toBe(200);
    expect(other.body).toEqual(onnx);
  });

  it('has no range beyond its end', async () => {
    const answer = await given(`${self}/content`, { Range: `bytes=${onnx.length}-` });
    expect(answer).toMatchObject({
      status: 416,
      body: { type: '/problems/range-not-satisfiable' },
      headers: { 'content-range': `bytes */${onnx.length}` },
    });
    expect(answer.headers).not.toHaveProperty('content-disposition');
    expect(answer.headers).not.toHaveProperty('etag');
  });
});

describe('a list that goes on', () => {
  it('links to its next page, filters and all', async () => {
    for (let n = 0; n < 3; n++) {
      await service.post('/v1/scores', {
        model: 'pixels',
        benchmarks: ['Simulated.V4-pls'],
        layers: { V4: `page ${n}` },
      });
    }
    const seen: string[] = [];
    let next: string | undefined = '/v1/scores?benchmark=Simulated.V4-pls&limit=1';
    while (next) {
      const { body, headers }: Awaited<ReturnType<typeof service.get>> = await service.get(next);
      seen.push(...body.items.map(({ id }: { id: string }) => id));
      next = /^<([^>]+)>; rel="next"$/.exec(String(headers.link ?? ''))?.[1];
      expect(next === undefined).toBe(body.next === null);
    }
    expect(new Set(seen).size).toBe(3);
  });
});

it('an upload gives the tag of what it made', async () => {
  const { headers, body } = multipart([{ name: 'file', content: onnx }]);
  const again = await service.call('POST', '/v1/models', { headers, body });
  expect(again.status).toBe(200);
  expect(again.headers.etag).toBe((await service.get(self)).headers.etag);
});

it('an upload whose card is unfinished gives that tag, too, beside its warnings', async () => {
  const unfinished = (await card()).replace(/^visual_degrees:.*$/m, '$& # TODO');
  const { headers, body } = multipart([
    { name: 'file', filename: 'net.onnx', content: Buffer.concat([onnx, Buffer.from([0x72, 0])]) },
    { name: 'card', content: unfinished },
  ]);
  const made = await service.call('POST', '/v1/models', { headers, body });
  expect([made.status, made.body.warnings.length]).toEqual([201, 1]);
  const read = await service.get(made.body.links.self);
  expect([made.headers.etag, read.body.warnings]).toEqual([read.headers.etag, []]);
});
