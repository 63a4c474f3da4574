import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { cardForm, form } from '../event-loop/hostile-bodies.js';
import { hostileYaml } from '../event-loop/hostile-yaml.js';
import { type WatchedService, watchedService } from '../event-loop/watched-service.js';
import { zipOf } from '../fuzz/zip-cases.js';
import { ventral } from '../service/process.js';

/** Milliseconds of the processor that a file may take; a quiet machine takes a third of it at most. */
const MOST_MS = 2000;
/** What a process that has read them all may hold at most. */
const MOST_MEGABYTES = 1024;
const LOOP_MS = 50;

const names = Object.keys(hostileYaml);
const codes = ['read', 'card-invalid', 'recipe-invalid', 'benchmark-invalid'];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-yaml-'));
  for (const [name, text] of Object.entries(hostileYaml)) await writeFile(join(folder, name), text);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('has sixty files', () => expect(names.length).toBeGreaterThanOrEqual(60));

it('hostile YAML is refused or read in bounded time and memory, whatever it is read as', async () => {
  const script = join(packageRoot, 'test', 'event-loop', 'read-files.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [script, folder], {
    maxBuffer: 2 ** 26,
  });
  const found = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(found).toHaveLength(4 * names.length);
  expect(found.filter(({ code }) => !codes.includes(code))).toEqual([]);
  expect(found.filter(({ ms }) => ms > MOST_MS)).toEqual([]);
  expect(found.filter(({ message }) => message.length > 10_000)).toEqual([]);
  expect(found.filter(({ polluted }) => polluted)).toEqual([]);
  expect(found.at(-1).megabytes).toBeLessThan(MOST_MEGABYTES);
});

it('the command line says in one line what is wrong with a hostile card and a hostile benchmark', async () => {
  for (const name of ['a billion laughs', 'thousands of anchors', 'deep maps']) {
    const said = await ventral('benchmarks', 'check', join(folder, name));
    expect(said).toMatchObject({ status: 2, out: '' });
    expect(said.err.trim().split('\n')).toHaveLength(1);
  }
});

describe('sent to a service', () => {
  let service: WatchedService;
  beforeAll(async () => {
    service = await watchedService();
    // The first card starts the thread.
    await service.ask({ name: 'first', method: 'POST', path: '/v1/models', ...cardForm('{') });
  });
  afterAll(() => service.stop());

  it.each(names)('a card of %s is refused and holds nobody', async (name) => {
    const attack = { name, method: 'POST', path: '/v1/models', ...cardForm(hostileYaml[name]) };
    const { status, ms, text } = await service.held(attack, LOOP_MS);
    expect([413, 422]).toContain(status);
    expect(text.length).toBeLessThan(20_000);
    expect(ms).toBeLessThan(LOOP_MS);
  });

  it.each(['a billion laughs', 'deep maps', 'as many keys as are read', 'many documents'])(
    'a benchmark of %s is refused and holds nobody',
    async (name) => {
      const content = zipOf([{ name: 'b.yaml', data: Buffer.from(hostileYaml[name]) }], true);
      const body = form([{ name: 'file', filename: 'b.zip', content }]);
      const attack = { name, method: 'POST', path: '/v1/benchmarks', ...body };
      const { status, ms } = await service.held(attack, LOOP_MS);
      expect(status).toBe(422);
      expect(ms).toBeLessThan(LOOP_MS);
    },
  );
});
