import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate, SCHEMA } from '../../src/store/database/migrations.js';
import { openPostgresDatabase } from '../../src/store/database/postgres-database.js';
import { openHomeStore } from '../../src/store/home-store.js';
import { localPrincipal } from '../../src/store/records/principal.js';
import {
  emptyPlace,
  engines,
  madePlace,
  openDatabase,
  removePlace,
  type StorePlace,
} from './engines.js';

const hex = (digit: string) => digit.repeat(64);
const model = (digit: string) => ({
  digest: `sha256:${hex(digit)}`,
  name: digit,
  visibility: 'private' as const,
  size: 1,
  owner: 'local',
  group: null,
  card: { a: [1, null] },
  graph: {},
});

describe.each(engines)('the store of a home, its tables in the %s database', (engine) => {
  let place: StorePlace;
  let home: string;
  beforeAll(async () => {
    place = await emptyPlace(engine, 'ventral-home-');
    home = place.home;
  });
  afterAll(() => removePlace(place));
  const open = () => openHomeStore(home, place);

  it('is there again after it was closed, and sweeps what nothing needs', async () => {
    // What a killed process leaves: a database half-made, an upload, a file without a registration.
    await mkdir(join(home, 'db.new', 'base'), { recursive: true });
    await mkdir(join(home, 'tmp', 'service', 'child-x'), { recursive: true });
    await mkdir(join(home, 'models', hex('b')), { recursive: true });
    await writeFile(join(home, '.old.tmp'), '');
    await utimes(join(home, '.old.tmp'), 0, 0);
    for (const folder of ['models', 'benchmarks']) {
      await mkdir(join(home, folder), { recursive: true });
      await writeFile(join(home, folder, `.${randomUUID()}.tmp`), '{"half":');
    }
    let store = await open();
    const { model: first, created } = await store.models.register(localPrincipal, model('a'));
    expect(created).toBe(true);
    expect(await store.models.register(localPrincipal, { ...model('a'), name: 'again' })).toEqual({
      model: first,
      created: false,
    });
    const temporary = join(store.temporary, 'x');
    await writeFile(temporary, 'bytes');
    await store.files.place(temporary, first.digest);
    await store.close();
    store = await open();
    expect(await readdir(join(home, 'benchmarks'))).toEqual([]);
    expect(await store.models.find(localPrincipal, first.id)).toEqual(first);
    expect(await readFile(store.files.path(first.digest), 'utf8')).toBe('bytes');
    expect(await readdir(join(home, 'models'))).toEqual([hex('a')]);
    const database = engine === 'embedded' ? ['db'] : ['db.new'];
    expect((await readdir(home)).toSorted()).toEqual(
      ['benchmarks', ...database, 'format.json', 'models', 'tmp', 'uploads'].toSorted(),
    );
    expect(await readdir(store.temporary)).toEqual([]);
    await store.close();
  });

  it('keeps the bytes that an open job needs', async () => {
    let store = await open();
    await mkdir(join(home, 'models', hex('c')), { recursive: true });
    const request = {
      kind: 'score' as const,
      model: 'c',
      digest: `sha256:${hex('c')}`,
      modelName: 'c',
      card: {},
      owner: 'local',
      registration: null,
      benchmarks: ['x'],
      sources: ['x'],
      keys: ['k'],
    };
    const job = await store.jobs.create(localPrincipal, request);
    expect((await store.jobs.attempts.claim())?.job.id).toBe(job.id);
    await store.close();
    store = await open();
    expect(await readdir(join(home, 'models'))).toContain(hex('c'));
    // In a PostgreSQL another process may be at it.
    await store.jobs.attempts.recover(engine === 'embedded');
    const state = engine === 'embedded' ? 'queued' : 'running';
    expect(await store.jobs.find(job.id)).toMatchObject({ state, attempt: 1 });
    await store.close();
  });

  it('migrates once, several at a time', async () => {
    const store = await open();
    await Promise.all([migrate(store.database), migrate(store.database)]);
    expect(await store.database.query('select version from schema_version')).toEqual([
      { version: SCHEMA },
    ]);
    await store.database.query('update schema_version set version = 99');
    await expect(migrate(store.database)).rejects.toMatchObject({ code: 'home-format' });
    await store.database.query('update schema_version set version = $1', [SCHEMA]);
    await store.close();
  });

  it('takes over the queue of a home that kept it by pg-boss', async () => {
    const older = await emptyPlace(engine);
    const before = await openDatabase(older);
    // The schema before the table of tickets.
    await migrate(before, 8);
    const entry = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
    for (const statement of [
      'create schema pgboss',
      `create type pgboss.job_state as enum ('created', 'retry', 'active', 'completed')`,
      `create table pgboss.job (id uuid, name text, priority integer, data jsonb, state pgboss.job_state,
         created_on timestamptz default now())`,
      `insert into jobs (id, kind, owner, state, model, digest, model_name, card, benchmarks, sources, keys, entry)
       select 'job_' || n, 'score', 'local', state, 'x', 'sha256:x', 'x', '{}', '["y"]', '["y"]', '["k"]', entry::uuid
       from (values (1, 'running', '${entry(1)}'), (2, 'queued', '${entry(2)}'), (3, 'queued', '${entry(3)}'))
       as open (n, state, entry)`,
      `insert into pgboss.job values ('${entry(1)}', 'jobs', 0, '{"job": "job_1"}', 'active'),
         ('${entry(2)}', 'jobs', 5, '{"job": "job_2"}', 'created'), ('${entry(3)}', 'jobs', 0, '{"job": "job_3"}', 'completed'),
         ('${entry(4)}', 'mail', 9, '{"to": "somebody"}', 'created')`,
    ]) {
      await before.query(statement);
    }
    await before.close();
    if (engine === 'embedded')
      await writeFile(join(older.home, 'format.json'), '{"schema":8,"postgres":18}');
    const store = await openHomeStore(older.home, older);
    const { attempts } = store.jobs;
    expect((await attempts.claim())?.job).toMatchObject({ id: 'job_2', attempt: 1 });
    expect((await attempts.claim())?.job).toMatchObject({ id: 'job_1', faults: 1 });
    expect(await attempts.claim()).toBeUndefined();
    await attempts.recover(false);
    expect((await attempts.claim())?.job).toMatchObject({ id: 'job_3' });
    // The queue of another program in the same database is left alone.
    expect(await store.database.query('select name from pgboss.job where priority = 9')).toEqual([
      { name: 'mail' },
    ]);
    await store.close();
    await removePlace(older);
  });

  it('takes over the jobs of a home that knew scores alone', async () => {
    const older = await emptyPlace(engine);
    const before = await openDatabase(older);
    await migrate(before, 2);
    for (const statement of [
      `insert into models (id, digest, name, visibility, size, graph) values ('mdl_old', 'sha256:old', 'old', 'private', 1, '{}')`,
      `insert into jobs (id, state, model, digest, model_name, card, benchmarks, sources, keys)
       values ('job_old', 'succeeded', 'old', 'sha256:old', 'old', '{}', '["x"]', '["x"]', '["k-old"]'),
              ('job_open', 'running', 'old', 'sha256:old', 'old', '{}', '["y"]', '["y"]', '["l-old"]')`,
      `insert into results (job, benchmark, key, score) values ('job_old', 'x', 'k-old', '{"benchmark":"x","value":0.5}')`,
    ]) {
      await before.query(statement);
    }
    await before.close();
    if (engine === 'embedded')
      await writeFile(join(older.home, 'format.json'), '{"schema":2,"postgres":18}');
    const store = await openHomeStore(older.home, older);
    expect(JSON.parse(await readFile(join(older.home, 'format.json'), 'utf8'))).toMatchObject({
      schema: SCHEMA,
    });
    expect(await store.jobs.find('job_old')).toMatchObject({
      kind: 'score',
      owner: 'local',
      registration: 'mdl_old',
      state: 'succeeded',
      results: [{ benchmark: 'x', value: 0.5 }],
    });
    const whose = { owner: 'local', registration: null };
    const asked = { ...whose, model: 'new', digest: 'sha256:old', modelName: 'new', card: {} };
    const again = { ...asked, benchmarks: ['x'], sources: ['x'] };
    expect(
      await store.jobs.create(localPrincipal, { ...again, kind: 'score', keys: ['k-old'] }),
    ).toMatchObject({
      state: 'succeeded',
      results: [{ name: 'new', value: 0.5 }],
    });
    expect(
      await store.jobs.create(localPrincipal, {
        ...again,
        kind: 'layer-map',
        keys: ['k-old'],
        holdout: false,
      }),
    ).toMatchObject({ state: 'queued', result: null });
    await store.jobs.attempts.recover(engine === 'embedded');
    const claimed = [];
    for (
      let claim = await store.jobs.attempts.claim();
      claim;
      claim = await store.jobs.attempts.claim()
    )
      claimed.push({ id: claim.job.id, kind: claim.job.kind });
    if (engine === 'embedded') expect(claimed).toContainEqual({ id: 'job_open', kind: 'score' });
    expect(claimed.at(-1)).toMatchObject({ kind: 'layer-map' });
    await store.close();
    await removePlace(older);
  });

  it('rolls a transaction back, and keeps others out of it', async () => {
    const store = await open();
    const names = async () =>
      (await store.database.query<{ name: string }>('select name from models order by seq')).map(
        (row) => row.name,
      );
    const failed = store.database.transaction(async (queries) => {
      await queries.query(`update models set name = 'inside'`);
      throw new Error('on purpose');
    });
    const beside = store.models.register(localPrincipal, model('d'));
    await expect(failed).rejects.toThrow('on purpose');
    await beside;
    expect(await names()).toEqual(['a', 'd']);
    await store.close();
  });
});

describe('the format of a home', () => {
  it.each([
    ['{"schema":99,"postgres":18}', /says schema 99 on PostgreSQL 18/],
    ['{"schema":1,"postgres":16}', /says schema 1 on PostgreSQL 16/],
    ['{"schema":1,"database":"x"}', /belongs to a PostgreSQL database: set DATABASE_URL/],
    ['{}', /not a format file/],
    ['{', /not a format file/],
  ])('is refused in one sentence: %s', async (format, sentence) => {
    const home = await mkdtemp(join(tmpdir(), 'ventral-format-'));
    await writeFile(join(home, 'format.json'), format);
    const message = expect.stringMatching(sentence);
    await expect(openHomeStore(home)).rejects.toMatchObject({ code: 'home-format', message });
    await rm(home, { recursive: true });
  });

  it('keeps a home to its own database', async () => {
    const [one, other] = [await madePlace('postgresql'), await emptyPlace('postgresql')];
    await (await openHomeStore(one.home, one)).close();
    await mkdir(join(one.home, 'models', hex('a')));
    const message = expect.stringMatching(
      /belongs to another database than the one in DATABASE_URL/,
    );
    await expect(openHomeStore(one.home, other)).rejects.toMatchObject({ message });
    expect(await readdir(join(one.home, 'models'))).toEqual([hex('a')]);
    await (await openHomeStore(one.home, one)).close();
    expect(await readdir(join(one.home, 'models'))).toEqual([]);
    const embedded = await madePlace('embedded');
    await expect(openHomeStore(embedded.home, { databaseUrl: one.databaseUrl! })).rejects.toThrow(
      /has an embedded database, which DATABASE_URL would hide/,
    );
    await Promise.all([one, other, embedded].map(removePlace));
  });

  it('lets several processes open one empty PostgreSQL at once', async () => {
    const { home, databaseUrl } = await emptyPlace('postgresql');
    const databases = await Promise.all(
      Array.from({ length: 4 }, () => openPostgresDatabase(databaseUrl!)),
    );
    await Promise.all(databases.map((database) => migrate(database)));
    expect(await databases[0].query('select version from schema_version')).toEqual([
      { version: SCHEMA },
    ]);
    await Promise.all(databases.map((database) => database.close()));
    await rm(home, { recursive: true });
  });
});
