import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeZip } from '../../../src/formats/zip.js';
import { oraclePath } from '../../oracle.js';
import { type RunningService, runningService } from '../running-service.js';
import { makeKey } from '../with-key.js';

const folder = oraclePath('09-end-to-end/neural-csv');

let service: RunningService;
beforeAll(async () => {
  service = await runningService();
});
afterAll(() => service.stop());

/** An answer that is at hand says that somebody else has the same bytes: each owner's is made for them. */
it('what was looked up for one owner is not at hand for another', async () => {
  const path = join(service.home, 'benchmark.zip');
  const names = await readdir(folder);
  const entry = async (name: string) => ({
    name,
    data: await readFile(join(folder, name)),
    compress: true,
  });
  await writeZip(path, await Promise.all(names.map(entry)));
  const body = await readFile(path);
  const root = await makeKey(service, { name: 'root', role: 'admin' });
  const ada = await makeKey(service, { name: 'ada', role: 'member' }, root.key);
  const otto = await makeKey(service, { name: 'otto', role: 'member' }, root.key);
  const pictures: string[] = [];
  for (const { call, get } of [ada, otto]) {
    const headers = { 'Content-Type': 'application/zip' };
    const { id } = (await call('POST', '/v1/benchmarks', { headers, body })).body;
    const { items } = (await get(`/v1/benchmarks/${id}/stimuli?limit=1`)).body;
    pictures.push(items[0].links.picture);
  }
  expect((await ada.get(pictures[0])).status).toBe(200);
  // Whoever has the picture at hand does not miss the file.
  const stored = join(service.home, 'benchmarks');
  const [digest] = (await readdir(stored)).filter((name) => !name.includes('.'));
  await rm(join(stored, digest, 'stimuli.zip'));
  expect((await ada.get(pictures[0])).status).toBe(200);
  expect((await otto.get(pictures[1])).status).not.toBe(200);
});
