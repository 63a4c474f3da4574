import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  BOUNDARY,
  card,
  multipart,
  network,
  type Part,
  type RunningService,
  runningService,
} from '../running-service.js';

let service: RunningService;
let authority: string;
let form: Buffer;

beforeAll(async () => {
  service = await runningService({ patience: { headers: 1000, idle: 1000 } });
  authority = new URL(service.url).host;
  const file = { name: 'file', filename: 'net.onnx', content: await network() };
  form = multipart([{ name: 'card', content: await card() }, file]).body as Buffer;
});
afterAll(() => service.stop());
afterEach(async () => {
  await vi.waitFor(async () => expect(await service.leftovers()).toEqual([]), 20_000);
  expect((await service.get('/v1/models')).body.items).toEqual([]);
});

/** A connection to the service, with what it was answered once it is closed. */
function connection() {
  const { port, hostname } = new URL(service.url);
  const socket: Socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  return { socket, answer: text(socket).catch(() => '') };
}

const head = (length: number | string, more = '') =>
  `POST /v1/models HTTP/1.1\r\nHost: ${authority}\r\nContent-Type: multipart/form-data; boundary=${BOUNDARY}\r\n${more}Content-Length: ${length}\r\n\r\n`;

describe('a client that is slow', () => {
  it('to send its headers is told so and cut off, while others are served', async () => {
    const slow = Array.from({ length: 50 }, () => {
      const { socket, answer } = connection();
      socket.write(`GET /v1/models HTTP/1.1\r\nHost: ${authority}\r\nX-Slow: `);
      const drip = setInterval(() => socket.write('x'), 50);
      return answer.finally(() => clearInterval(drip));
    });
    for (let n = 0; n < 20; n++) expect((await service.get('/v1/models')).status).toBe(200);
    for (const answer of await Promise.all(slow)) {
      expect(answer).toMatch(/^HTTP\/1.1 408 /);
      expect(answer).toContain('application/problem+json');
    }
  });

  it('to connect and says nothing is cut off', async () => {
    const { answer } = connection();
    expect(await answer).toMatch(/^(?:HTTP\/1.1 408 .*)?$/s);
  });

  it.each([
    ['before the file', 300],
    ['within the file', 9000],
    ['before the last boundary', undefined],
  ])('and stops %s is cut off and leaves nothing', async (_what, length) => {
    const { socket, answer } = connection();
    socket.write(head(form.length));
    socket.write(form.subarray(0, length ?? form.length - 10));
    expect(await answer).not.toMatch(/^HTTP\/1.1 2/);
  });

  it('but goes on is served', async () => {
    const { socket, answer } = connection();
    const wrong = multipart([{ name: 'file', content: 'not a model' }]).body as Buffer;
    socket.write(head(wrong.length, 'Connection: close\r\n'));
    for (let at = 0; at < wrong.length; at += 20) {
      socket.write(wrong.subarray(at, at + 20));
      await sleep(100);
    }
    expect(await answer).toMatch(/^HTTP\/1.1 422 /);
  });

  it('in sending JSON is cut off when it stops', async () => {
    const { socket, answer } = connection();
    socket.write(
      `POST /v1/scores HTTP/1.1\r\nHost: ${authority}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"model"`,
    );
    expect(await answer).not.toMatch(/^HTTP\/1.1 2/);
  });

  it('but waits for the service may wait', async () => {
    const answer = await service.post(
      '/v1/scores',
      { model: 'pixels', benchmarks: ['Simulated.V1-pls'], layers: { V1: 'sleep=2000' } },
      { Prefer: 'wait=60' },
    );
    expect(answer).toMatchObject({ status: 200, body: { state: 'succeeded' } });
  });
});

describe('an upload whose Content-Length', () => {
  it('is too small is refused', async () => {
    const { socket, answer } = connection();
    socket.write(head(form.length - 2000, 'Connection: close\r\n'));
    socket.end(form);
    expect(await answer).toMatch(/^HTTP\/1.1 400 /);
  });

  it('is too large is refused when the client closes', async () => {
    const { socket, answer } = connection();
    socket.write(head(form.length + 100));
    socket.end(form);
    expect(await answer).not.toMatch(/^HTTP\/1.1 2/);
  });

  it.each(['-1', '1e3', '99999999999999999999', 'x'])('is "%s" is no request', async (length) => {
    const { socket, answer } = connection();
    socket.end(head(length));
    expect(await answer).toMatch(/^(?:HTTP\/1.1 400 .*)?$/s);
  });

  it('stands beside chunks is no request', async () => {
    const { socket, answer } = connection();
    socket.end(head(10, 'Transfer-Encoding: chunked\r\n'));
    expect(await answer).toMatch(/^HTTP\/1.1 400 /);
  });
});

describe('a form with', () => {
  const part = (name: string, content = 'x'): Part => ({ name, content });
  const upload = (parts: readonly Part[]) => service.upload(parts);

  it.each([
    ['a long name of a part', [part('n'.repeat(5000))]],
    ['many parts', Array.from({ length: 2000 }, (_, n) => part(`p${n}`))],
    ['many headers in a part', [part(`x"\r\n${'X-A: b\r\n'.repeat(500)}X-B: "`)]],
    ['a large header in a part', [part(`x"\r\nX-A: ${'b'.repeat(100_000)}\r\nX-B: "`)]],
    ['a large field', [part('name', 'x'.repeat(3_000_000))]],
    ['an empty name', [part('')]],
    ['a name of the prototype', [part('__proto__'), part('constructor')]],
  ] as [string, Part[]][])('%s is refused', async (_what, parts) => {
    const answer = await upload(parts);
    expect([400, 413]).toContain(answer.status);
    expect(answer.body.type).toMatch(/^\/problems\/(invalid-request|too-large)$/);
  });
});
