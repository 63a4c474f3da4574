import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ContentCache } from '../../../src/activations/cache/content-cache.js';
import { packageRoot } from '../../../src/formats/package-root.js';
import { confinement } from '../../../src/service/child/confinement.js';
import { card, network, type RunningService, runningService } from '../running-service.js';
import { makeKey } from '../with-key.js';

let service: RunningService;
beforeAll(async () => {
  const scoreScript = join(packageRoot, 'test', 'service', 'hijacked-score-child.mjs');
  service = await runningService({ scoreScript });
});
afterAll(() => service.stop());

it('a hijacked process writes no number that others measure with, and sees none of theirs', async () => {
  const { home } = service;
  const { namespaces, privileges } = await confinement(join(home, 'tmp', 'service'));
  if (!namespaces?.root && !privileges?.landlock) return;
  const admin = await makeKey(service, { name: 'root', role: 'admin' });
  const file = { name: 'file', filename: 'a.onnx', content: await network() };
  const described = { name: 'card', content: await card() };
  const score = async (name: string): Promise<Record<string, unknown>> => {
    const key = await makeKey(service, { name, role: 'member' }, admin.key);
    const model = (await key.upload([file, described])).body.id;
    const { body } = await key.post('/v1/scores', { model, benchmarks: ['Simulated.V1-pls'] });
    const job = () => key.get(`/v1/scores/${body.id}`);
    await vi.waitFor(async () => expect((await job()).body.state).toBe('failed'), 20_000);
    return JSON.parse((await job()).body.failures[0].problem.detail);
  };
  // What somebody measured before, and what a generator made.
  const theirs = await ContentCache.open(home, { scope: 'owner somebody' });
  await theirs.put('gram:1', [Buffer.from('a number')]);
  const made = join(home, 'cache', 'simulated', 'objects-1-v1');
  await mkdir(made, { recursive: true });
  await writeFile(join(made, 'stimuli.csv'), 'x');

  const error = expect.stringMatching(/^E/);
  const alone = {
    ...{ found: [], own: 'done', link: 'done', shared: error, simulated: error },
    made: ['objects-1-v1'],
  };
  for (const name of ['ada', 'bob']) {
    const told = await score(name);
    expect(told).toEqual({ ...alone, others: told.others === 1 ? 1 : error });
  }
  expect(await theirs.get('gram:1')).toEqual(new Uint8Array(Buffer.from('a number')));

  // Whoever cleans up does not follow the link that was planted.
  const models = await readdir(join(home, 'models'), { recursive: true });
  const whole = await ContentCache.open(home);
  expect((await whole.entries()).map(({ kind }) => kind)).toContain('gram');
  await whole.clear();
  expect(existsSync(ContentCache.folderOf(home))).toBe(true);
  expect(await whole.entries()).toEqual([]);
  expect(await readdir(join(home, 'models'), { recursive: true })).toEqual(models);
});
