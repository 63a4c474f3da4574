import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Asked,
  multipart,
  network,
  type RunningService,
  runningService,
} from '../running-service.js';
import { locally, makeKey } from '../with-key.js';

/** What a page of another site that a browser here has open can make the browser send. */
const pages: readonly (readonly [string, Record<string, string>])[] = [
  ['another site', { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }],
  ['another site in an old browser', { Origin: 'https://evil.example' }],
  ['another site without Origin', { 'Sec-Fetch-Site': 'cross-site' }],
  ['a sandboxed frame or a file', { Origin: 'null' }],
  ['another port of this machine', { Origin: 'http://localhost:1', 'Sec-Fetch-Site': 'same-site' }],
  ['this port by https', { Origin: 'https://127.0.0.1' }],
  ['a name that looks like loopback', { Origin: 'http://127.0.0.1.evil.example' }],
];
/** Names that a page can let resolve to loopback, and ways of a proxy. */
const ways: readonly (readonly [string, number, Record<string, string>])[] = [
  ['a name of its own', 421, { Host: 'evil.example' }],
  ['a name of its own with our port', 421, { Host: 'evil.example:8080' }],
  ['a name that ends in a dot', 421, { Host: 'localhost.' }],
  ['the address that means this machine', 421, { Host: '0.0.0.0' }],
  ['a number for an address', 421, { Host: '2130706433' }],
  ['a proxy', 403, { Forwarded: 'for=192.0.2.7' }],
  ['an old proxy', 403, { 'X-Forwarded-For': '192.0.2.7' }],
  ['a proxy that names the host', 403, { 'X-Forwarded-Host': 'evil.example' }],
];

let service: RunningService;
let requests: readonly (readonly [string, string, Asked])[];

beforeAll(async () => {
  service = await runningService({ concurrency: 0 });
  const json = { 'Content-Type': 'application/json' };
  const file = [{ name: 'file', filename: 'net.onnx', content: await network() }];
  const score = JSON.stringify({ model: 'pixels', benchmarks: ['Simulated.V1-pls'] });
  requests = [
    ['POST', '/v1/models', multipart(file)],
    ['POST', '/v1/scores', { headers: json, body: score }],
    // What a form can send without asking first.
    ['POST', '/v1/scores', { headers: { 'Content-Type': 'text/plain' }, body: score }],
    ['POST', '/v1/benchmarks', multipart(file)],
    ['POST', '/v1/keys', { headers: json, body: '{"name":"evil","role":"admin"}' }],
    ['PATCH', '/v1/models/mdl_x', { headers: json, body: '{"visibility":"public"}' }],
    ['DELETE', '/v1/models/mdl_x', {}],
  ];
});
afterAll(() => service.stop());

const attack = (method: string, path: string, asked: Asked, headers: Record<string, string>) =>
  service.call(method, path, { ...asked, headers: { ...asked.headers, ...headers } });

/** Nothing that a page may read the answer by. */
const noSharing = (headers: object) =>
  expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);

async function nothingHappened(): Promise<void> {
  const owner = locally(service);
  for (const path of ['/v1/models', '/v1/scores', '/v1/audit']) {
    const { items } = (await owner.get(path)).body;
    const others = items.filter(({ action }: { action?: string }) => !action?.startsWith('key.'));
    expect(others).toEqual([]);
  }
  expect(await service.leftovers()).toEqual([]);
}

describe('without keys', () => {
  it.each(pages)('a page of %s changes nothing', async (_name, headers) => {
    for (const [method, path, asked] of requests) {
      const answer = await attack(method, path, asked, headers);
      expect(answer, `${method} ${path}`).toMatchObject({
        status: 403,
        body: { type: '/problems/forbidden' },
      });
      noSharing(answer.headers);
    }
    await nothingHappened();
  });

  it.each(ways)('a request by %s reads and changes nothing', async (_name, status, headers) => {
    for (const [method, path, asked] of [
      ...requests,
      ['GET', '/v1/models', {}] as const,
      ['GET', '/', {}] as const,
    ]) {
      expect((await attack(method, path, asked, headers)).status).toBe(status);
    }
    await nothingHappened();
  });

  it('no page is told that it may ask', async () => {
    for (const [, headers] of pages) {
      const asks = {
        'Access-Control-Request-Method': 'DELETE',
        'Access-Control-Request-Headers': 'authorization,content-type',
        'Access-Control-Request-Private-Network': 'true',
      };
      const answer = await attack('OPTIONS', '/v1/models', {}, { ...headers, ...asks });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      noSharing(answer.headers);
      const read = await attack('GET', '/v1/models', {}, headers);
      noSharing(read.headers);
      expect(read.headers['cross-origin-resource-policy']).toBe('same-origin');
    }
  });
});

describe('with keys', () => {
  let root: Awaited<ReturnType<typeof makeKey>>;

  beforeAll(async () => {
    root = await makeKey(service, { name: 'root', role: 'admin' });
  });

  it('no page has one, wherever it comes from', async () => {
    for (const headers of [...pages.map(([, page]) => page), ...ways.map(([, , way]) => way), {}]) {
      for (const [method, path, asked] of requests) {
        const answer = await attack(method, path, asked, headers);
        expect(answer.status, `${method} ${path}`).toBe(401);
        noSharing(answer.headers);
      }
      expect((await attack('GET', '/v1/models', {}, headers)).status).toBe(401);
    }
    await nothingHappened();
  });

  it('who has one may come by any name and through a proxy, and no cookie stands for it', async () => {
    for (const [, , headers] of ways) {
      const asked = { headers: { ...headers, Authorization: `Bearer ${root.key}` } };
      const answer = await service.call('GET', '/v1/models', asked);
      expect(answer.status).toBe(200);
      expect(answer.headers).not.toHaveProperty('set-cookie');
      const cookie = { headers: { ...headers, Cookie: `key=${root.key}; Bearer ${root.key}` } };
      expect((await service.call('GET', '/v1/models', cookie)).status).toBe(401);
    }
    expect((await service.get(`/v1/models?key=${root.key}`)).status).toBe(401);
  });

  it('the guard is back with the last key gone', async () => {
    await root.remove(`/v1/keys/${root.id}`);
    expect((await attack('GET', '/v1/models', {}, { Host: 'evil.example' })).status).toBe(421);
    expect((await service.get('/v1/models')).status).toBe(200);
    await nothingHappened();
  });
});
