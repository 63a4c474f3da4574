import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { confinement, isOffline } from '../../../src/service/child/confinement.js';
import { lockHome } from '../../../src/store/home/owner-lock.js';
import { runningService } from '../../service/running-service.js';
import { madePlace, removePlace } from '../../store/engines.js';
import { runVentral } from '../run-ventral.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-doctor-'));
const environment = { ...process.env };
let home: string;
let made = 0;
beforeEach(() => {
  home = join(root, String(made++));
});
afterEach(() => {
  process.env = { ...environment };
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Finding {
  readonly check: string;
  readonly state: string;
  readonly detail: string;
}

/** Runs `ventral doctor --json`. */
async function examined(folder: string, ...more: string[]) {
  const { status, out, err } = await runVentral(folder, 'doctor', '--json', ...more);
  const { findings, configuration } = JSON.parse(out) as {
    findings: Finding[];
    configuration: Record<string, unknown>;
  };
  const of = (check: string) => findings.filter((finding) => finding.check === check);
  return { status, out, err, findings, configuration, of };
}

test('finds what a service needs, and makes nothing', async () => {
  const { status, findings, configuration, of } = await examined(home, '--max-memory', '64MiB');
  expect(status).toBe(0);
  expect(new Set(findings.map(({ check }) => check))).toEqual(
    new Set([
      'node',
      'runtime',
      'providers',
      'isolation',
      'memory',
      'home',
      'database',
      'clock',
      'threads',
    ]),
  );
  expect(of('runtime')[0]).toMatchObject({
    state: 'ok',
    detail: expect.stringMatching(/\d+\.\d+/),
  });
  expect(of('database')[0].detail).toBe('embedded, created at the first start');
  const found = await confinement();
  const { limiter, namespaces, privileges } = found;
  const { landlock, filter } = privileges ?? {};
  expect(of('isolation').map(({ state }) => state)).toEqual(
    [
      ...[limiter, isOffline(found), namespaces?.root || landlock, namespaces?.root],
      ...[privileges, filter, ...(process.getuid?.() === 0 ? [false] : [])],
    ].map((there) => (there ? 'ok' : 'warning')),
  );
  expect(configuration).toEqual({
    home,
    maxMemory: 64 * 2 ** 20,
    maxScratch: 10 * 2 ** 30,
    maxCache: 10 * 2 ** 30,
    threads: Math.max(1, availableParallelism() - 1),
    database: 'embedded',
  });
  expect(existsSync(home)).toBe(false);
});

test('prints a line a finding, and the configuration beside them', async () => {
  const { status, out, err } = await runVentral(home, 'doctor', '--threads', '3');
  expect(status).toBe(0);
  const [head, ...lines] = out.trimEnd().split('\n');
  expect(head).toBe('state\tcheck\tfound');
  for (const line of lines) expect(line).toMatch(/^(ok|warning)\t\w+\t./);
  expect(err).toBe(
    `--home ${home} --max-memory 2 GiB --max-scratch 10 GiB --max-cache 10 GiB --threads 3, database embedded\n`,
  );
});

test('says plainly what cannot be taken away from children', async () => {
  process.env.PATH = root;
  const { status, of } = await examined(home);
  expect(status).toBe(0);
  expect(of('isolation')).toEqual([
    expect.objectContaining({ state: 'warning', detail: expect.stringMatching(/prlimit is not/) }),
    expect.objectContaining({
      state: 'warning',
      detail: expect.stringMatching(/children can reach the network/),
    }),
    ...[
      /see every file/,
      /can signal other processes/,
      /may gain privileges/,
      /any system call/,
    ].map((detail) =>
      expect.objectContaining({ state: 'warning', detail: expect.stringMatching(detail) }),
    ),
    ...(process.getuid?.() === 0
      ? [expect.objectContaining({ state: 'warning', detail: expect.stringMatching(/is root/) })]
      : []),
  ]);
  expect(of('runtime')[0].state).toBe('ok');
});

test('warns of less memory and disk than may be taken, and of too many threads', async () => {
  const sizes = ['--max-memory', '900TiB', '--max-scratch', '900TiB', '--threads', '1000'];
  const { status, findings } = await examined(home, ...sizes);
  expect(status).toBe(0);
  const warned = findings.filter(
    ({ state, check }) => state === 'warning' && check !== 'isolation',
  );
  expect(warned.map(({ check }) => check)).toEqual(['memory', 'home', 'threads']);
});

test('a home that is a file, or of another version, is missing', async () => {
  writeFileSync(home, '');
  const file = await examined(home);
  expect(file.status).toBe(1);
  expect(file.of('home')).toMatchObject([
    { state: 'missing', detail: `${home} is a file, expected a folder` },
  ]);
  const place = await madePlace('embedded');
  writeFileSync(join(place.home, 'format.json'), '{"schema":1,"postgres":16}');
  const other = await examined(place.home);
  expect(other.status).toBe(1);
  expect(other.of('database')).toMatchObject([
    { state: 'missing', detail: expect.stringMatching(/PostgreSQL 16/) },
  ]);
  await removePlace(place);
});

test('an embedded database is opened where nobody has it, and given back', async () => {
  const place = await madePlace('embedded');
  const { status, of } = await examined(place.home);
  expect([status, of('database')[0].detail]).toEqual([0, 'embedded, answers']);
  expect(existsSync(join(place.home, 'owner.json'))).toBe(false);
  await removePlace(place);
});

test('an owned database is not opened: its owner is asked', async () => {
  const service = await runningService();
  const owner = readFileSync(join(service.home, 'owner.json'), 'utf8');
  const { status, of } = await examined(service.home);
  expect(status).toBe(0);
  expect(of('database')).toMatchObject([
    { state: 'ok', detail: expect.stringContaining(`the service at ${service.url}`) },
  ]);
  expect(of('database')[0].detail).toMatch(/says ready: .*database ok/);
  expect(readFileSync(join(service.home, 'owner.json'), 'utf8')).toBe(owner);
  await service.stop();
  const lock = await lockHome(home, { kind: 'command' });
  expect((await examined(home)).of('database')).toMatchObject([
    { state: 'warning', detail: expect.stringContaining(`process ${process.pid}`) },
  ]);
  await lock.publish('http://127.0.0.1:1', join(home, 'run', 'service.sock'));
  const silent = await examined(home);
  expect([silent.status, silent.of('database')[0].state]).toEqual([1, 'missing']);
  await lock.release();
});

test('a PostgreSQL is asked, and its password never printed', async () => {
  const place = await madePlace('postgresql');
  process.env.DATABASE_URL = place.databaseUrl;
  const there = await examined(place.home);
  expect(there.status).toBe(0);
  expect(there.of('database')[0].detail).toMatch(/^PostgreSQL \d+.* answers at 127\.0\.0\.1:\d+\//);
  expect(there.configuration.database).toMatch(/^127\.0\.0\.1:\d+\//);
  await removePlace(place);
  for (const url of ['postgres://me:a-secret@127.0.0.1:1/x', 'mysql://me:a-secret@x/y']) {
    process.env.DATABASE_URL = url;
    const { status, out, err, of } = await examined(home);
    expect([status, of('database')[0].state]).toEqual([1, 'missing']);
    expect(out + err).not.toContain('a-secret');
  }
});
