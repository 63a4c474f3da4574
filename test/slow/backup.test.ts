import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openZip, writeZip, type ZipContent } from '../../src/formats/zip.js';
import { saveBackup, takeBackup } from '../../src/service/access/backup-access.js';
import type { BackupManifest } from '../../src/service/backup/backup-manifest.js';
import { SCHEMA } from '../../src/store/database/migrations.js';
import { backupTables, hasTables } from '../../src/store/database/table-rows.js';
import { openHomeStore } from '../../src/store/home-store.js';
import { localPrincipal } from '../../src/store/records/principal.js';
import { oraclePath } from '../oracle.js';
import { card, network, type RunningService, runningService } from '../service/running-service.js';
import {
  emptyPlace,
  engines,
  madePlace,
  openDatabase,
  removePlace,
  type StorePlace,
} from '../store/engines.js';
import { answersOf, unpackedHome } from '../store/old-home.js';

/**
 * What a backup leaves out: the database's own name and version, what lives while jobs run, what a
 * trigger makes of the results, and who is signed in.
 */
const passingTables = [
  'schema_version',
  'installation',
  'workers',
  'parts',
  'cells',
  'reservations',
  'scoreboards',
  'sessions',
  'tickets',
];

const MEMORY = 2 ** 30;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-backup-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Fills a service with a model, a benchmark, jobs of both kinds and a key; gives the key's header. */
async function fill(service: RunningService) {
  const model = await service.upload([
    { name: 'file', filename: 'resnet.onnx', content: await network() },
    { name: 'card', content: await card() },
  ]);
  const source = oraclePath('09-end-to-end/neural-csv');
  const archive = join(folder, 'benchmark.zip');
  const names = await readdir(source);
  const data = await Promise.all(names.map((name) => readFile(join(source, name))));
  await writeZip(
    archive,
    names.map((name, i) => ({ name, data: data[i], compress: true })),
  );
  const benchmark = await service.call('POST', '/v1/benchmarks', {
    headers: { 'Content-Type': 'application/zip' },
    body: await readFile(archive),
  });
  expect([model.status, benchmark.status]).toEqual([201, 201]);
  const wait = { Prefer: 'wait=30' };
  const asked = { model: model.body.id, benchmarks: ['Simulated.V1-pls'] };
  const score = await service.post('/v1/scores', asked, wait);
  const failed = await service.post('/v1/scores', { ...asked, layers: { V1: 'throw' } }, wait);
  const { model: asks } = asked;
  const map = await service.post('/v1/layer-maps', { model: asks, regions: ['V1'] }, wait);
  expect([score, failed, map].map(({ body }) => body.state)).toEqual([
    'succeeded',
    'failed',
    'succeeded',
  ]);
  const key = await service.post('/v1/keys', { name: 'root', role: 'admin' });
  expect(key.status).toBe(201);
  return { Authorization: `Bearer ${key.body.key}` };
}

/** All that a service tells of what it holds. */
async function told(service: RunningService, headers: Record<string, string>) {
  const get = (path: string) => service.call('GET', `/v1${path}`, { headers });
  const lists = ['/models', '/benchmarks', '/scores', '/layer-maps', '/keys', '/audit'];
  const answers = await Promise.all(lists.map(get));
  expect(answers.map(({ status }) => status)).toEqual(lists.map(() => 200));
  const [models, , scores, maps] = answers.map(({ body }) => body.items);
  const paths = [
    ...models.map(({ links }: { links: { content: string } }) => links.content.slice(3)),
    ...scores.map(({ id }: { id: string }) => `/scores/${id}`),
    ...maps.map(({ id }: { id: string }) => `/layer-maps/${id}`),
  ];
  const single = await Promise.all(paths.map(get));
  return [...answers, ...single].map(({ status, text }) => ({ status, text }));
}

const eventsOf = async (place: StorePlace) => {
  const database = await openDatabase(place);
  const rows = await database.query('select * from events order by job, id');
  await database.close();
  return rows;
};

describe.each([
  ['embedded', 'postgresql'],
  ['postgresql', 'embedded'],
] as const)('a backup of a service on the %s database', (from, to) => {
  it(`gives the same answers on the ${to} database`, async () => {
    const [source, target] = [await madePlace(from), await emptyPlace(to)];
    const file = join(folder, `${from}.zip`);
    const before = await runningService({ ...source });
    const key = await fill(before);
    const answers = await told(before, key);
    await saveBackup(source, file);
    expect(await before.leftovers()).toEqual([]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const other = await before.call('GET', '/v1/backup', { headers: key });
    expect(other.headers['content-disposition']).toMatch(
      /^attachment; filename="?ventral-backup\.zip/,
    );
    await before.close();
    const events = await eventsOf(source);
    expect(events.length).toBeGreaterThan(3);

    await takeBackup(file, target, MEMORY);
    expect(await eventsOf(target)).toEqual(events);
    const after = await runningService({ ...target });
    expect(await told(after, key)).toEqual(answers);
    expect((await after.get('/v1/models')).status).toBe(401);
    // It continues behind what was restored.
    const made = await after.call('POST', '/v1/keys', {
      headers: { ...key, 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'later', role: 'reader' }),
    });
    expect(made.status).toBe(201);
    await after.close();

    // Without a service the command opens the home itself, and what it writes is the same.
    const again = join(folder, `${from}-again.zip`);
    await saveBackup(source, again);
    const [one, two] = await Promise.all([file, again].map(manifestOf));
    expect(two.models).toEqual(one.models);
    expect(two.tables.filter(({ table }) => table !== 'audit')).toEqual(
      one.tables.filter(({ table }) => table !== 'audit'),
    );
    await Promise.all([source, target].map(removePlace));
  });
});

async function manifestOf(file: string): Promise<BackupManifest> {
  const zip = await openZip(file);
  const manifest = JSON.parse((await zip.read('manifest.json')).toString());
  await zip.close();
  return manifest;
}

describe('a backup', () => {
  it('lets what ran wait again', async () => {
    const [source, target] = [await madePlace('embedded'), await emptyPlace('postgresql')];
    const file = join(folder, 'running.zip');
    const before = await runningService({ ...source });
    const asked = {
      model: 'pixels',
      benchmarks: ['Simulated.V1-pls'],
      layers: { V1: 'sleep=60000' },
    };
    const { body: job } = await before.post('/v1/scores', asked);
    await expect
      .poll(async () => (await before.get(`/v1/scores/${job.id}`)).body.state, { timeout: 120_000 })
      .toBe('running');
    await saveBackup(source, file);
    await before.close();
    await takeBackup(file, target, MEMORY);
    const store = await openHomeStore(target.home, target);
    expect(await store.jobs.find(job.id)).toMatchObject({ state: 'queued', progress: null });
    await store.close();
    const after = await runningService({ ...target });
    await expect
      .poll(async () => (await after.get(`/v1/scores/${job.id}`)).body.state, { timeout: 120_000 })
      .toBe('running');
    await after.close();
    await Promise.all([source, target].map(removePlace));
  });

  it.each(engines)('of an earlier schema is migrated, on the %s database', async (engine) => {
    const target = await emptyPlace(engine);
    const file = join(folder, `old-${engine}.zip`);
    const home = await unpackedHome('first-issue');
    await writeZip(file, await oldBackup(home));
    await rm(home, { recursive: true });
    const then = answersOf('first-issue');
    await takeBackup(file, target, MEMORY);
    const store = await openHomeStore(target.home, target);
    const [model] = then.models;
    expect(await store.models.find(localPrincipal, model.id)).toMatchObject({
      digest: model.digest,
      card: model.card,
      owner: 'local',
    });
    for (const job of then.scores) {
      const found = await store.jobs.find(job.id);
      expect(found).toMatchObject({ state: 'succeeded', owner: 'local' });
      expect(found?.kind === 'score' && found.results).toEqual(job.results);
    }
    expect(await store.jobs.find(then.open)).toMatchObject({ state: 'queued' });
    expect(sha256(await readFile(store.files.path(model.digest)))).toBe(model.digest);
    const [benchmark] = then.benchmarks;
    expect(await readdir(store.benchmarkFiles.folder(benchmark.upload.digest))).toHaveLength(5);
    await store.close();
    await removePlace(target);
  });

  it('holds every table, but for those that pass', async () => {
    const place = await madePlace('postgresql');
    const database = await openDatabase(place);
    const rows = await database.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = current_schema()`,
    );
    const known = [...backupTables.map(({ name }) => name), ...passingTables];
    expect(rows.map(({ name }) => name).toSorted()).toEqual(known.toSorted());
    await database.close();
    await removePlace(place);
  });

  it('is not written over a file, nor restored over anything', async () => {
    const [source, other] = [await madePlace('postgresql'), await emptyPlace('postgresql')];
    const file = join(folder, 'over.zip');
    await saveBackup(source, file);
    await expect(saveBackup(source, file)).rejects.toMatchObject({ code: 'file-exists' });
    await expect(takeBackup(file, source, MEMORY)).rejects.toMatchObject({
      code: 'home-not-empty',
    });
    await expect(takeBackup(file, { ...source, home: other.home }, MEMORY)).rejects.toMatchObject({
      code: 'home-not-empty',
    });
    const embedded = await madePlace('embedded');
    await expect(takeBackup(file, embedded, MEMORY)).rejects.toMatchObject({
      code: 'home-not-empty',
    });
    expect(await readdir(other.home)).not.toContain('format.json');
    await Promise.all([source, other, embedded].map(removePlace));
  });
});

describe('a damaged backup', () => {
  let file: string;
  let contents: readonly (ZipContent & { data: Buffer })[];
  let target: StorePlace;
  beforeAll(async () => {
    const source = await madePlace('postgresql');
    file = join(folder, 'whole.zip');
    const service = await runningService({ ...source });
    await fill(service);
    await saveBackup(source, file);
    await service.close();
    await removePlace(source);
    const zip = await openZip(file);
    contents = await Promise.all(
      zip.entries.map(async ({ name }) => ({ name, data: await zip.read(name), compress: true })),
    );
    await zip.close();
    target = await emptyPlace('postgresql');
  });
  afterAll(() => removePlace(target));

  const isUntouched = async () => {
    const database = await openDatabase(target);
    const tables = await hasTables(database);
    await database.close();
    const files = await Promise.all(
      ['models', 'benchmarks', 'tmp'].map((name) =>
        readdir(join(target.home, name)).catch(() => []),
      ),
    );
    expect({ tables, files: files.flat() }).toEqual({ tables: false, files: [] });
    expect(await readdir(target.home)).not.toContain('format.json');
  };
  const changed = (change: (name: string, data: Buffer) => Buffer | undefined) =>
    contents.flatMap(({ name, data }) => {
      const kept = change(name, Buffer.from(data));
      return kept ? [{ name, data: kept, compress: true }] : [];
    });
  const manifestWith = (part: object) =>
    changed((name, data) =>
      name === 'manifest.json'
        ? Buffer.from(JSON.stringify({ ...JSON.parse(data.toString()), ...part }))
        : data,
    );
  const flip = (pattern: RegExp) =>
    changed((name, data) => {
      if (pattern.test(name)) data[data.length >> 1] ^= 1;
      return data;
    });
  const without = (pattern: RegExp) =>
    changed((name, data) => (pattern.test(name) ? undefined : data));

  it.each([
    ['without a manifest', () => without(/manifest/), 'backup-invalid'],
    ['without a table', () => without(/jobs/), 'backup-invalid'],
    ['without a model', () => without(/onnx/), 'backup-invalid'],
    ['with a changed row', () => flip(/results/), 'backup-invalid'],
    ['with a changed model', () => flip(/onnx/), 'backup-invalid'],
    ['with a changed benchmark', () => flip(/\.zip$/), 'backup-invalid'],
    [
      'with another file',
      () => [...contents, { name: 'x', data: Buffer.from('x'), compress: true }],
      'backup-invalid',
    ],
    ['of a newer schema', () => manifestWith({ schema: SCHEMA + 1 }), 'home-format'],
    ['of a newer format', () => manifestWith({ format: 2 }), 'home-format'],
    [
      'that names a table of somebody else',
      () =>
        manifestWith({
          tables: [
            {
              table: 'pg_authid',
              rows: 0,
              name: 'tables/models.ndjson',
              size: 0,
              digest: sha256(''),
            },
          ],
        }),
      'backup-invalid',
    ],
  ])('%s is refused, and nothing is left', async (_what, parts, code) => {
    const broken = join(folder, 'broken.zip');
    await writeZip(broken, parts());
    await expect(takeBackup(broken, target, MEMORY)).rejects.toMatchObject({ code });
    await isUntouched();
    await rm(broken);
  });

  it('cut or changed at any byte is refused, or whole all the same', async () => {
    const bytes = await readFile(file);
    const broken = join(folder, 'bytes.zip');
    let refused = 0;
    for (let i = 0; i < 24; i++) {
      const at = Math.floor(((i + 0.37) / 24) * bytes.length);
      const copy = Buffer.from(bytes);
      copy[at] ^= 1 << (i % 8);
      await writeFile(broken, i % 3 === 0 ? bytes.subarray(0, at) : copy);
      const ended = await takeBackup(broken, target, MEMORY).catch((error) => error);
      if (!(ended instanceof Error)) continue;
      refused++;
      expect(ended).toMatchObject({ code: 'backup-invalid' });
      await isUntouched();
    }
    expect(refused).toBe(24);
  });

  it('does not keep the whole one out', async () => {
    await takeBackup(file, target, MEMORY);
    const store = await openHomeStore(target.home, target);
    expect((await store.models.list(localPrincipal, { limit: 9 })).items).toHaveLength(1);
    await store.close();
  });
});

const sha256 = (data: Uint8Array | string) =>
  `sha256:${createHash('sha256').update(data).digest('hex')}`;

/** A backup of a home of schema 2, as its ventral would have written one. */
async function oldBackup(home: string): Promise<ZipContent[]> {
  const contents: (ZipContent & { data: Buffer })[] = [];
  const add = (name: string, data: Buffer) => {
    contents.push({ name, data, compress: true });
    return { name, size: data.length, digest: sha256(data) };
  };
  const tables = [];
  const database = await openDatabase({ home });
  for (const table of ['models', 'benchmarks', 'jobs', 'results']) {
    const rows = await database.query<{ row: string }>(
      `select row_to_json(${table})::text as row from ${table}`,
    );
    const lines = Buffer.from(rows.map(({ row }) => `${row}\n`).join(''));
    tables.push({ table, rows: rows.length, ...add(`tables/${table}.ndjson`, lines) });
  }
  await database.close();
  const models = [];
  for (const hex of await readdir(join(home, 'models')))
    models.push(add(`models/${hex}.onnx`, await readFile(join(home, 'models', hex, 'model.onnx'))));
  const benchmarks = [];
  for (const hex of await readdir(join(home, 'benchmarks'))) {
    const files = [];
    for (const name of await readdir(join(home, 'benchmarks', hex)))
      files.push(
        add(`benchmarks/${hex}/${name}`, await readFile(join(home, 'benchmarks', hex, name))),
      );
    benchmarks.push({ digest: `sha256:${hex}`, files });
  }
  const createdAt = new Date().toISOString();
  const manifest = { format: 1, ventral: '0', schema: 2, createdAt, tables, models, benchmarks };
  add('manifest.json', Buffer.from(JSON.stringify(manifest)));
  return contents;
}
