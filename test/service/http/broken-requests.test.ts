import { afterAll, beforeAll, expect, it } from 'vitest';
import { requestBytes, send } from '../../fuzz/raw-request.js';
import { zipOf } from '../../fuzz/zip-cases.js';
import { multipart, network, type RunningService, runningService } from '../running-service.js';

/** What hostile requests found, each once more. */

let service: RunningService;
beforeAll(async () => {
  service = await runningService();
});
afterAll(() => service.stop());

it.each([
  ['without a disposition', /Content-Disposition[^\r]*/, 'X: y'],
  ['of another disposition', 'form-data', 'attachment'],
  [
    'behind more headers than are read',
    'Content-Disposition',
    `${'X: y\r\n'.repeat(30)}Content-Disposition`,
  ],
])('answers a form whose file is large and %s', async (_what, from, to) => {
  const { headers, body } = multipart([{ name: 'file', filename: 'a', content: await network() }]);
  const text = Buffer.from(body as Uint8Array)
    .toString('latin1')
    .replace(from, to);
  const form = { headers: headers ?? {}, body: Buffer.from(text, 'latin1') };
  const answer = await service.call('POST', '/v1/models', form);
  expect(answer).toMatchObject({ status: 400, body: { type: '/problems/invalid-request' } });
  expect(await service.leftovers()).toEqual([]);
});

it('refuses HTTP/1.1 without a Host', async () => {
  const port = Number(new URL(service.url).port);
  expect(
    await send(port, requestBytes('GET /v1/health HTTP/1.1', [['Connection', 'close']])),
  ).toMatchObject({ status: 400, body: { type: '/problems/invalid-request' } });
});

it('passes over an expectation that it does not know', async () => {
  const answer = await service.call('GET', '/v1/health', { headers: { Expect: 'nonsense' } });
  expect(answer).toMatchObject({ status: 200, body: { status: 'ok' } });
});

it('refuses a card by PATCH that is larger than one in an upload may be', async () => {
  const uploaded = await service.upload([
    { name: 'file', filename: 'a.onnx', content: await network() },
  ]);
  const body = JSON.stringify({ card: { name: 'x'.repeat(300_000) } });
  const headers = { 'Content-Type': 'application/json' };
  const answer = await service.call('PATCH', `/v1/models/${uploaded.body.id}`, { headers, body });
  expect(answer).toMatchObject({ status: 413, body: { errors: [{ pointer: '/card' }] } });
});

it.each([
  ['the first wrong places of a body', 900, 400, 20],
  ['the first wrong place of thousands', 20_000, 400, 1],
  ['none of a hundred thousand, which it does not look at', 100_000, 413, 0],
])('names %s', async (_what, length, status, told) => {
  const benchmarks = Array.from({ length }, () => 1);
  const answer = await service.post('/v1/scores', { model: 'pixels', benchmarks });
  expect(answer.status).toBe(status);
  expect(answer.body.errors ?? []).toHaveLength(told);
  expect(answer.text.length).toBeLessThan(10_000);
});

it.each([
  ['a broken entry', 'a.csv', (zip: Buffer) => zip.fill(0xff, 36, 50)],
  ['an entry that is the folder', '.', (zip: Buffer) => zip],
  ['a name that no file can bear', `${'a'.repeat(300)}.csv`, (zip: Buffer) => zip],
])('refuses an archive with %s', async (_what, name, change) => {
  const parts = [
    { name: 'b.yaml', data: Buffer.from('version: 1\n'.repeat(50)) },
    { name, data: Buffer.from('x') },
  ];
  const answer = await service.call('POST', '/v1/benchmarks', {
    headers: { 'Content-Type': 'application/zip' },
    body: change(Buffer.from(zipOf(parts))),
  });
  expect(answer).toMatchObject({ status: 422, body: { type: '/problems/zip-invalid' } });
  expect(await service.leftovers()).toEqual([]);
});

it('refuses text that begins with a byte order mark, which a database gives back without it', async () => {
  const key = await service.post('/v1/keys', { name: '\ufeff', role: 'reader' });
  expect(key).toMatchObject({ status: 400, body: { type: '/problems/invalid-request' } });
  const model = await service.upload([
    { name: 'name', content: '\ufeff\ufeff' },
    { name: 'file', filename: 'a.onnx', content: await network() },
  ]);
  expect(model).toMatchObject({ status: 400, body: { errors: [{ pointer: '/name' }] } });
});
