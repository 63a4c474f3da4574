import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openZip } from '../../../src/formats/zip.js';
import { zipOf } from '../../fuzz/zip-cases.js';
import { callUrl, card, network, type RunningService, runningService } from '../running-service.js';

let service: RunningService;
beforeAll(async () => {
  service = await runningService({ uploadSize: 2 ** 20 });
});
afterAll(() => service.stop());
afterEach(async () => {
  // An answer that was streamed may be read before its file is taken away.
  await vi.waitFor(async () => expect(await service.leftovers()).toEqual([]));
});

const uploaded = async (text: string | undefined): Promise<string> => {
  const parts = [{ name: 'file', filename: 'net.onnx', content: await network() }];
  const cards = text === undefined ? [] : [{ name: 'card', content: text }];
  return (await service.upload([...parts, ...cards])).body.id;
};
/** POST `/packages` with an archive as the answer. */
async function built(body: object): Promise<{ headers: Headers; bytes: Buffer; names: string[] }> {
  const answer = await fetch(`${service.url}/v1/packages`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
  const bytes = Buffer.from(await answer.arrayBuffer());
  const path = join(service.home, 'got.zip');
  writeFileSync(path, bytes);
  const zip = await openZip(path);
  await zip.close();
  return { headers: answer.headers, bytes, names: zip.entries.map(({ name }) => name) };
}
const check = (body: Uint8Array | string, type = 'application/zip') =>
  service.call('POST', '/v1/packages/check', { headers: { 'Content-Type': type }, body });

describe('a package over HTTP', () => {
  it('of a shipped model is a download that the check finds nothing wrong with', async () => {
    const { headers, bytes, names } = await built({ model: 'gabor-v1', format: 'brainscore' });
    expect(headers.get('content-type')).toBe('application/zip');
    expect(headers.get('content-disposition')).toBe('attachment; filename=gabor_v1.zip');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(names).toContain('gabor_v1/models/gabor_v1/network.py');
    const checked = await check(bytes);
    expect(checked).toMatchObject({ status: 200, body: { format: 'brainscore', findings: [] } });
  });

  it('of a registered model has its card and the identifier asked for', async () => {
    const model = await uploaded(await card());
    const { names } = await built({ model, format: 'brainscore-2022', identifier: 'my_net' });
    expect(names).toContain('my_net/models/brain_models.py');
    const plain = await built({ model, format: 'brainscore' });
    expect(plain.names).toContain('e2e_resnet/models/e2e_resnet/region_layer_map/e2e_resnet.json');
  });

  it('is refused for what cannot be one', async () => {
    const model = await uploaded((await card()).replace(/, IT: [^}]*/, ''));
    const cases: readonly (readonly [object, number, string])[] = [
      [{ model: 'mdl_none', format: 'brainscore' }, 404, 'not-found'],
      [{ model: '../../etc/passwd', format: 'brainscore' }, 404, 'not-found'],
      [{ model: 'gabor-v1', format: 'zip' }, 400, 'invalid-request'],
      [{ model: 'gabor-v1', format: 'brainscore', identifier: 'a-b' }, 422, 'package-invalid'],
      [{ model, format: 'brainscore' }, 422, 'package-invalid'],
    ];
    for (const [body, status, code] of cases) {
      const answer = await service.post('/v1/packages', body);
      expect([answer.status, answer.body.type]).toEqual([status, `/problems/${code}`]);
      expect(answer.text).not.toContain(service.home);
    }
  });
});

describe('a check over HTTP', () => {
  it('gives findings, whatever comes', async () => {
    const escaping = zipOf([{ name: '../../evil.py', data: Buffer.from('x') }]);
    const found = (await check(escaping)).body.findings.map(({ rule }: { rule: string }) => rule);
    expect(found).toContain('path-escape');
    for (const body of ['no archive', '', await readFile('package.json')]) {
      const { status, body: answer } = await check(body);
      expect(status).toBe(200);
      expect(answer).toMatchObject({
        format: null,
        findings: [{ rule: 'zip-invalid', where: '' }],
      });
    }
  });

  it('refuses another type, and what is too large', async () => {
    expect((await check('{}', 'application/json')).status).toBe(415);
    expect((await check(new Uint8Array(2 ** 20 + 1))).status).toBe(413);
    const bare = await callUrl(`${service.url}/v1/packages/check`, 'POST', {});
    expect(bare.status).toBe(415);
  });
});
