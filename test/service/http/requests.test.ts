import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callUrl, type RunningService, runningService } from '../running-service.js';

let service: RunningService;
let authority: string;

beforeAll(async () => {
  service = await runningService();
  authority = new URL(service.url).host;
});
afterAll(() => service.stop());

const json = { 'Content-Type': 'application/json' };

describe('the guard of loopback', () => {
  it.each([
    'evil.example',
    'evil.example:8080',
    'localhost',
    '127.0.0.1:1',
    '127.0.0.1.evil.example',
  ])('refuses Host "%s"', async (host) => {
    const answer = await service.call('GET', '/v1/models', { headers: { Host: host } });
    expect(answer).toMatchObject({ status: 421, body: { type: '/problems/misdirected-request' } });
  });

  it('knows the names of loopback', async () => {
    const port = authority.split(':')[1];
    for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`]) {
      expect((await service.call('GET', '/v1/health', { headers: { Host: host } })).status).toBe(
        200,
      );
    }
  });

  it.each([
    [{ Origin: 'https://evil.example' }],
    [{ Origin: 'null' }],
    [{ Origin: 'http://127.0.0.1:1' }],
    [{ 'Sec-Fetch-Site': 'cross-site' }],
    [{ Forwarded: 'for=1.2.3.4' }],
    [{ 'X-Forwarded-For': '1.2.3.4' }],
    [{ 'X-Forwarded-Anything': '1' }],
  ])('refuses a POST with %o before it looks at it', async (headers) => {
    const answer = await service.call('POST', '/v1/scores', {
      headers: { ...json, ...headers } as Record<string, string>,
      body: '{',
    });
    expect(answer).toMatchObject({ status: 403, body: { type: '/problems/forbidden' } });
  });

  it('lets pages of its own through, and reads from anywhere', async () => {
    const own = await service.call('POST', '/v1/scores', {
      headers: { ...json, Origin: service.url, 'Sec-Fetch-Site': 'same-origin' },
      body: '{}',
    });
    expect(own.status).toBe(400);
    expect(
      (await service.call('GET', '/v1/health', { headers: { 'Sec-Fetch-Site': 'cross-site' } }))
        .status,
    ).toBe(200);
    expect(
      (await service.call('GET', '/v1/health', { headers: { 'X-Forwarded-For': 'x' } })).status,
    ).toBe(403);
  });

  it('refuses credentials that are not its own', async () => {
    const answer = await service.call('GET', '/v1/models', {
      headers: { Authorization: 'Bearer nope' },
    });
    expect(answer).toMatchObject({ status: 401, body: { type: '/problems/unauthorized' } });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });
});

describe('a request', () => {
  it.each([
    ['GET', '/v1/nothing', 404, 'not-found'],
    ['GET', '/nothing', 404, 'not-found'],
    ['GET', '/v1/docs/package.json', 404, 'not-found'],
    ['GET', '/v1/docs/..%2f..%2fpackage.json', 404, 'not-found'],
    ['PUT', '/v1/models', 405, 'method-not-allowed'],
    ['DELETE', '/v1/scores', 405, 'method-not-allowed'],
    ['POST', '/v1/health', 405, 'method-not-allowed'],
    ['POST', '/v1/docs', 405, 'method-not-allowed'],
    ['GET', '/v1/models?limit=0', 400, 'invalid-request'],
    ['GET', '/v1/models?limit=201', 400, 'invalid-request'],
    ['GET', '/v1/models?limit=x', 400, 'invalid-request'],
    ['GET', '/v1/models?limit=1e400', 400, 'invalid-request'],
    ['GET', `/v1/leaderboard?limit=${'1'.repeat(400)}`, 400, 'invalid-request'],
    ['GET', '/v1/leaderboard?offset=1e999', 400, 'invalid-request'],
    ['GET', '/v1/models?offset=3', 400, 'invalid-request'],
    ['GET', '/v1/models?cursor=bm9wZQ', 400, 'invalid-request'],
    ['GET', '/v1/models?limit=1&limit=2', 400, 'invalid-request'],
    ['GET', '/v1/scores?state=done', 400, 'invalid-request'],
    ['GET', '/v1/models/%ff', 400, 'invalid-request'],
    ['GET', '/v1/models/%00', 400, 'invalid-request'],
    ['GET', '/v1/scores?model=%00', 400, 'invalid-request'],
    ['GET', '/v1/scores/job_nope', 404, 'not-found'],
    ['DELETE', '/v1/scores/job_nope', 404, 'not-found'],
    ['GET', '/v1/benchmarks/No.such', 404, 'not-found'],
  ])('%s %s is %i', async (method, path, status, code) => {
    const answer = await service.call(method, path);
    expect(answer).toMatchObject({
      status,
      body: {
        type: `/problems/${code}`,
        status,
        title: expect.any(String),
        detail: expect.any(String),
      },
    });
    expect(answer.headers['content-type']).toMatch('application/problem+json');
  });

  it('of a method that is not there says which are', async () => {
    const answer = await service.call('PUT', '/v1/models');
    expect(answer.headers.allow?.split(', ').toSorted()).toEqual(['GET', 'HEAD', 'POST']);
  });

  it.each<[string, string, Record<string, string>, number]>([
    ['half an object', '{', json, 400],
    ['a text', '"text"', json, 400],
    ['null', 'null', json, 400],
    ['a NUL in a name', JSON.stringify({ model: '\u0000', benchmarks: ['x'] }), json, 400],
    ['half a pair in a name', '{"model":"\\ud800","benchmarks":["x"]}', json, 400],
    ['a NUL in a key', JSON.stringify({ '\u0000': 1 }), json, 400],
    ['text', '{}', { 'Content-Type': 'text/plain' }, 415],
    ['a form', 'a=b', { 'Content-Type': 'application/x-www-form-urlencoded' }, 415],
    ['nothing said', '{}', {}, 415],
    ['an unknown charset', '{}', { 'Content-Type': 'application/json; charset=klingon' }, 415],
    ['an unknown encoding', '{}', { ...json, 'Content-Encoding': 'nothing' }, 415],
    ['no gzip', '{}', { ...json, 'Content-Encoding': 'gzip' }, 400],
    ['too large', `{"model":"${'x'.repeat(2_000_000)}"}`, json, 413],
  ])('whose body is %s is refused', async (_what, body, headers, status) => {
    const answer = await service.call('POST', '/v1/scores', {
      body,
      headers,
    });
    expect(answer).toMatchObject({ status, body: { status } });
  });

  it('that is no HTTP is told so', async () => {
    for (const [words, status] of [
      ['GET /v1/health HTTP/1.0\r\n\r\n', 421],
      ['hello\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nHost: ${authority}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ] as const) {
      const socket = connect(Number(authority.split(':')[1]), '127.0.0.1');
      socket.write(words);
      const answer = await text(socket);
      expect(answer).toMatch(`HTTP/1.1 ${status} `);
      expect(answer).toMatch('application/problem+json');
    }
  });

  it('with any JSON never breaks the service', async () => {
    const value = fc.oneof(
      fc.json(),
      fc
        .record({
          model: fc.oneof(fc.string(), fc.jsonValue()),
          benchmarks: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
        })
        .map((body) => JSON.stringify(body)),
      fc
        .record({
          model: fc.constantFrom('pixels', '__proto__', '..', '\u0000'),
          benchmarks: fc.array(fc.constantFrom('__proto__', 'constructor', 'x\u0000')),
        })
        .map((body) => JSON.stringify(body)),
    );
    const path = fc.constantFrom(
      '/v1/scores',
      '/v1/layer-maps',
      '/v1/trainings',
      '/v1/activations',
      '/v1/models/mdl_x',
    );
    await fc.assert(
      fc.asyncProperty(path, value, async (where, body) => {
        const answer = await service.call(where.endsWith('_x') ? 'PATCH' : 'POST', where, {
          headers: json,
          body,
        });
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
  });

  it('with any path or query never breaks the service', async () => {
    const where = fc.tuple(
      fc.constantFrom('models', 'scores', 'layer-maps', 'trainings', 'benchmarks', ''),
      fc.string(),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(where, async ([kind, id, query]) => {
        const answer = await service.get(
          `/v1/${kind}/${encodeURIComponent(id)}?cursor=${encodeURIComponent(query)}`,
        );
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the service', () => {
  it('says that it is alive and ready', async () => {
    expect((await service.get('/v1/health')).body).toEqual({ status: 'ok' });
    expect(await service.get('/v1/ready')).toMatchObject({
      status: 200,
      body: { status: 'ready', checks: { database: 'ok', files: 'ok', worker: 'ok' } },
    });
    expect(await service.call('HEAD', '/v1/ready')).toMatchObject({ status: 200, text: '' });
  });

  it('lists its benchmarks', async () => {
    const all = (await service.get('/v1/benchmarks')).body.items;
    expect(all.length).toBeGreaterThan(10);
    const v4 = (await service.get('/v1/benchmarks?region=V4&simulated=false')).body.items;
    expect(v4.map(({ id }: { id: string }) => id)).toContain('MajajHong2015public.V4-pls');
    expect(
      v4.every(
        (item: { region: string; simulated: boolean }) => item.region === 'V4' && !item.simulated,
      ),
    ).toBe(true);
    expect((await service.get(v4[0].links.self)).body).toEqual(v4[0]);
  });

  it('describes itself, with a stricter policy everywhere else', async () => {
    const strict =
      "default-src 'self';object-src 'none';base-uri 'none';frame-ancestors 'none';form-action 'self'";
    for (const path of [
      '/',
      '/v1/health',
      '/v1/nothing',
      '/v1/openapi.yaml',
      '/v1/docs/swagger-ui.css',
      '/v1/docs/start.js',
    ]) {
      expect((await service.get(path)).headers['content-security-policy']).toBe(strict);
    }
    const docs = await service.get('/v1/docs');
    expect(docs.headers['content-security-policy']).toBe(
      `${strict};style-src 'self' 'unsafe-inline';img-src 'self' data:`,
    );
    for (const [, path] of docs.text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect((await service.get(path)).status).toBe(200);
    }
    expect(docs.text).not.toMatch(/<script>|https?:/);
    expect((await service.get('/v1/openapi.yaml')).text).toMatch(/^openapi: 3\.1/);
    expect((await service.get('/')).text).toContain('/v1/docs');
    expect(docs.headers).not.toHaveProperty('x-powered-by');
  });

  it('refuses every address but loopback', async () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.1', 'example.org']) {
      await expect(runningService({ host })).rejects.toMatchObject({
        code: 'bad-usage',
        exit: 2,
      });
    }
  });

  it('refuses a second one on its home, and takes the next port only where nobody asked', async () => {
    await expect(runningService({ home: service.home })).rejects.toMatchObject({
      code: 'home-owned',
      message: expect.stringMatching(new RegExp(`${process.pid}.*${service.url}`)),
    });
    const port = Number(authority.split(':')[1]);
    await expect(runningService({ port })).rejects.toMatchObject({ code: 'port-taken' });
    const next = await runningService({ port, orNext: true });
    expect(Number(new URL(next.url).port)).toBeGreaterThan(port);
    expect((await callUrl(`${next.url}/v1/health`, 'GET')).status).toBe(200);
    await next.stop();
  });
});
