import { afterAll, beforeAll, expect, it } from 'vitest';
import { multipart, network, type RunningService, runningService } from './running-service.js';

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

it('passes over an expectation that it does not know', async () => {
  const answer = await service.call('GET', '/v1/health', { headers: { Expect: 'nonsense' } });
  expect(answer).toMatchObject({ status: 200, body: { status: 'ok' } });
});
