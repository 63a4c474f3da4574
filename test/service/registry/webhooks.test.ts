import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { isPublic } from '../../../src/service/webhooks/webhook-address.js';
import { type RunningService, runningService } from '../running-service.js';

// Made for hook.test, 127.0.0.1 and ::1 with `openssl req -x509 -newkey ec …`; it guards nothing.
const tls = (name: string) =>
  readFileSync(join(import.meta.dirname, '../..', 'fixtures', 'tls', name), 'utf8');
const certificate = tls('certificate.pem');

const secret = 'sixteen characters at least';

interface Told {
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
  readonly name: string | false | null | undefined;
}

let service: RunningService;
let receiver: Server;
let told: Told[];
let answer: (n: number) => { status: number; headers?: Record<string, string> };
let addresses: (call: number) => string[];
let lookups: string[];
let logged: string;

const listening = async (host: string) => {
  const server = createServer(
    { key: tls('key.pem'), cert: certificate },
    async (request, reply) => {
      const { servername: name } = request.socket as unknown as Told & { servername: Told['name'] };
      told.push({ headers: request.headers, body: await text(request), name });
      const { status, headers = {} } = answer(told.length);
      reply.writeHead(status, headers).end('thank you');
    },
  );
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return server;
};
const portOf = (server: Server) => (server.address() as AddressInfo).port;

beforeAll(async () => {
  receiver = await listening('127.0.0.1');
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logged += chunk;
      done();
    },
  });
  service = await runningService({
    log: pino({ level: 'debug' }, sink),
    webhooks: {
      allow: ['Hook.test', '127.0.0.1', 'wrong.test'],
      ca: certificate,
      backOff: [0.1, 0.1],
      look: 50,
      resolve: async (host) => {
        lookups.push(host);
        return addresses(lookups.length);
      },
    },
  });
});
afterAll(async () => {
  await service.stop();
  receiver.close();
});
beforeEach(() => {
  told = [];
  lookups = [];
  logged = '';
  answer = () => ({ status: 204 });
  addresses = () => ['127.0.0.1'];
});
afterEach(() => expect(logged).not.toContain(secret));

const urlOf = (host = 'hook.test', port = portOf(receiver)) => `https://${host}:${port}/told?by=1`;

let count = 0;
const ask = (url: string, more = {}) =>
  service.post('/v1/scores', {
    model: 'pixels',
    benchmarks: ['Simulated.V1-pls'],
    layers: { V1: `score ${count++}` },
    webhook: { url, secret },
    ...more,
  });

/** The job, once its webhook was told or dropped. */
async function ended(url: string) {
  const made = await ask(url);
  expect(made.status).toBe(202);
  for (;;) {
    const { body, text: words } = await service.get(made.body.links.self);
    expect(words).not.toContain(secret);
    if (body.webhook.state !== 'waiting') return body;
    await sleep(20);
  }
}

describe('a webhook', () => {
  it('is told when the job has ended, signed, and the job shows that it was', async () => {
    const job = await ended(urlOf());
    expect(job.webhook).toEqual({
      url: urlOf(),
      state: 'delivered',
      deliveries: [{ at: expect.any(String), status: 204, reason: null }],
    });
    expect(told).toHaveLength(1);
    const [{ headers, body, name }] = told;
    expect(name).toBe('hook.test');
    expect(headers.host).toBe(new URL(urlOf()).host);
    expect(JSON.parse(body)).toEqual({
      type: 'job.ended',
      delivery: headers['ventral-delivery'],
      job: {
        id: job.id,
        kind: 'score',
        state: 'succeeded',
        finishedAt: job.finishedAt,
        self: job.links.self,
      },
    });
    const [, seconds, code] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(
      String(headers['ventral-signature']),
    )!;
    const expected = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
    expect(code).toBe(expected);
    expect((await service.get(job.links.self)).body.webhook).not.toHaveProperty('secret');
  });

  it('is told of layer maps, and at an address that was allowed itself', async () => {
    const made = await service.post('/v1/layer-maps', {
      model: 'pixels',
      benchmarks: ['Simulatedpublic.V1-pls'],
      webhook: { url: urlOf('127.0.0.1'), secret },
    });
    while ((await service.get(made.body.links.self)).body.webhook.state === 'waiting') {
      await sleep(20);
    }
    expect(JSON.parse(told[0].body).job.self).toBe(made.body.links.self);
    expect(lookups).toEqual([]);
  });

  it('is told again until it takes it, as the same delivery', async () => {
    answer = (n) => ({ status: n < 3 ? 500 : 200 });
    const { webhook } = await ended(urlOf());
    expect(webhook.state).toBe('delivered');
    expect(webhook.deliveries.map(({ status }: { status: number }) => status)).toEqual([
      500, 500, 200,
    ]);
    expect(new Set(told.map(({ headers }) => headers['ventral-delivery'])).size).toBe(1);
  });

  it('is given up in the end, and at once where it is gone', async () => {
    answer = () => ({ status: 500 });
    expect((await ended(urlOf())).webhook).toMatchObject({ state: 'failed' });
    expect(told).toHaveLength(3);
    told = [];
    answer = () => ({ status: 410 });
    expect((await ended(urlOf())).webhook).toMatchObject({ state: 'failed' });
    expect(told).toHaveLength(1);
  });

  it('survives a restart', async () => {
    const first = await runningService({
      webhooks: {
        allow: ['hook.test', '127.0.0.1'],
        ca: certificate,
        resolve: async () => ['::1'],
      },
    });
    const made = await first.post('/v1/scores', {
      model: 'pixels',
      benchmarks: ['Simulated.V1-pls'],
      webhook: { url: urlOf(), secret },
      layers: { V1: 'sleep=3000' },
    });
    await first.close();
    const second = await runningService({
      ...first.place,
      webhooks: {
        allow: ['hook.test', '127.0.0.1'],
        ca: certificate,
        resolve: async () => ['127.0.0.1'],
      },
    });
    while (told.length === 0) await sleep(50);
    expect(JSON.parse(told[0].body).job.id).toBe(made.body.id);
    await second.stop();
    await first.stop();
  });
});

describe('a hostile webhook', () => {
  it('whose name changes its address is reached where it was checked', async () => {
    const trap = await listening('127.0.0.2');
    addresses = (call) => [call % 2 === 1 ? '127.0.0.1' : '127.0.0.2'];
    answer = (n) => ({ status: n < 2 ? 500 : 200 });
    const { webhook } = await ended(urlOf());
    // Looked up once a try: the first found the allowed address, the second the other one.
    expect(lookups).toEqual(['hook.test', 'hook.test']);
    expect(webhook.deliveries.map(({ status }: { status: number | null }) => status)).toEqual([
      500,
      null,
    ]);
    expect(webhook.deliveries[1].reason).toContain('127.0.0.2');
    expect(told).toHaveLength(1);
    trap.close();
  });

  it.each([
    ['::ffff:127.0.0.1'],
    ['::ffff:7f00:1'],
    ['::1'],
    ['127.0.0.2'],
    ['10.0.0.1'],
    ['169.254.169.254'],
    ['fe80::1'],
    ['fd00::1'],
    ['64:ff9b::7f00:1'],
    ['2002:7f00:1::'],
    ['0.0.0.0'],
  ])('whose name is %s is not reached', async (address) => {
    addresses = () => ['127.0.0.1', address];
    const { webhook } = await ended(urlOf());
    expect(webhook).toMatchObject({ state: 'failed', deliveries: [{ status: null }] });
    expect(webhook.deliveries[0].reason).toContain(address);
    expect(told).toEqual([]);
  });

  it('that redirects to a private address is not followed', async () => {
    answer = () => ({ status: 302, headers: { Location: 'https://127.0.0.1:1/inside' } });
    const { webhook } = await ended(urlOf());
    expect(webhook).toMatchObject({ state: 'failed', deliveries: [{ status: 302 }, {}, {}] });
    expect(told).toHaveLength(3);
  });

  it('with a certificate for another name is told nothing', async () => {
    const { webhook } = await ended(urlOf('wrong.test'));
    expect(webhook).toMatchObject({ state: 'failed', deliveries: [{ status: null }, {}, {}] });
    expect(told).toEqual([]);
  });

  it.each([
    ['http://hook.test/', 'https'],
    ['https://user:word@hook.test/', 'name, password'],
    ['https://other.test/', 'other.test'],
    ['https://hook.test.other.test/', 'hook.test.other.test'],
    ['https://[::ffff:127.0.0.1]/', '::ffff:7f00:1'],
    ['https://0x7f.1.1.1/', '127.1.1.1'],
    ['file:///etc/passwd', 'https'],
  ])('at %s is refused when it is asked for', async (url, words) => {
    const refused = await ask(url);
    expect(refused).toMatchObject({
      status: 422,
      body: { type: '/problems/webhook-refused', errors: [{ pointer: '/webhook/url' }] },
    });
    expect(refused.body.detail).toContain(words);
  });

  it('has a secret of some length, and nothing else', async () => {
    for (const webhook of [
      { url: urlOf(), secret: 'short' },
      { url: urlOf() },
      { url: 'no', secret },
    ]) {
      expect([400, 422]).toContain((await ask(urlOf(), { webhook })).status);
    }
  });
});

describe('a service that allows no host', () => {
  it('has no webhooks', async () => {
    const other = await runningService();
    const refused = await other.post('/v1/scores', {
      model: 'pixels',
      benchmarks: ['Simulated.V1-pls'],
      webhook: { url: urlOf(), secret },
    });
    expect(refused).toMatchObject({ status: 422, body: { type: '/problems/webhook-refused' } });
    expect((await other.get('/v1/scores')).body.items).toEqual([]);
    await other.stop();
  });
});

describe('an address', () => {
  it('that is mapped, translated or private is not public', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a, b] = address.split('.').map(Number);
        const open = isPublic(address);
        if (a === 0 || a === 10 || a === 127 || a >= 224) expect(open).toBe(false);
        if ((a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)) expect(open).toBe(false);
        for (const prefix of ['::ffff:', '::', '64:ff9b::']) {
          expect(isPublic(`${prefix}${address}`)).toBe(false);
        }
      }),
      { numRuns: 1000 },
    );
    for (const address of ['8.8.8.8', '93.184.216.34', '2606:4700::1111']) {
      expect(isPublic(address)).toBe(true);
    }
  });
});

// Its tries continue after it: it comes last.
describe('a silent webhook', () => {
  it('that never answers delays none of another receiver', async () => {
    const held: Socket[] = [];
    const silent = createTcpServer((socket) => {
      held.push(socket.on('error', () => {}));
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const asked = [];
    for (let i = 0; i < 6; i++) asked.push(await ask(urlOf('hook.test', port)));
    await vi.waitFor(() => expect(held.length).toBeGreaterThan(0), 10_000);
    const { webhook } = await ended(urlOf());
    expect(webhook.state).toBe('delivered');
    const tries = await Promise.all(
      asked.map(async ({ body }) => (await service.get(body.links.self)).body.webhook.deliveries),
    );
    // One after the other they would all have had theirs before, five seconds each.
    expect(tries.flat().length).toBeLessThan(6);
    for (const socket of held) socket.destroy();
    silent.close();
  });
});
