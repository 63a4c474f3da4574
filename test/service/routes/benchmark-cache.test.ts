import { watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** An answer that is available says that somebody else has the same bytes: each owner's is made for them. */
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
  /** How many processes an image took. */
  const children = async (get: () => Promise<{ status: number }>) => {
    const seen = new Set<string>();
    const watcher = watch(join(service.home, 'tmp', 'service'), (_event, name) => {
      if (name?.startsWith('child-')) seen.add(name);
    });
    expect((await get()).status).toBe(200);
    // What the system has to tell of the folder comes after the answer.
    await sleep(100);
    watcher.close();
    return seen.size;
  };
  expect(await children(() => ada.get(pictures[0]))).toBe(1);
  expect(await children(() => ada.get(pictures[0]))).toBe(0);
  expect(await children(() => otto.get(pictures[1]))).toBe(1);
});
