import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveOf, CANARY, hostileFiles, plantCanaries } from '../../formats/hostile-netcdf.js';
import { type RunningService, runningService } from '../running-service.js';

let service: RunningService;
let folder: string;
let files: ReadonlyMap<string, Buffer>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-hostile-'));
  service = await runningService();
  await plantCanaries(folder);
  await plantCanaries(service.home);
  files = await hostileFiles(folder);
});
afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

/** What the service answers about a benchmark on this recording. */
async function answers(name: string) {
  const path = join(folder, `${name}.zip`);
  await archiveOf(path, files.get(`${name}.nc`) ?? Buffer.alloc(0));
  const headers = { 'Content-Type': 'application/zip' };
  const uploaded = await service.call('POST', '/v1/benchmarks', {
    headers,
    body: await readFile(path),
  });
  const data = await service.get(`/v1/benchmarks/${uploaded.body.id}/data`);
  return { uploaded, data };
}

describe('a benchmark whose recordings lead to another file', () => {
  it.each(['external-absolute', 'link-external-absolute'])(
    'is answered without a byte of it: %s',
    async (name) => {
      const { uploaded, data } = await answers(name);
      expect(uploaded.text + data.text).not.toContain(CANARY);
      expect(data.text).toMatch(/other file|another file/);
    },
  );

  it('has its own values in an answer bounded and without control characters', async () => {
    const { data } = await answers('text-with-escapes');
    expect(data.text).toContain('neuroids in \\"');
    for (const hidden of ['\\u001b', '\u202e']) expect(data.text).not.toContain(`"${hidden}`);
    expect(data.body.items[0].recordings?.reason ?? data.body.detail).not.toMatch(
      /[\p{Cc}\u202e]/u,
    );
    const long = await answers('text-of-a-megabyte');
    expect(long.data.text.length).toBeLessThan(4000);
  });
});
