import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Database } from '../../../src/store/database/database.js';
import { openEmbeddedDatabase } from '../../../src/store/database/embedded-database.js';
import {
  databasePlace,
  openPostgresDatabase,
} from '../../../src/store/database/postgres-database.js';
import { copyTemplate, databaseUrl, onServer } from '../../postgres.js';
import { type Engine, engines } from '../engines.js';

async function opened(engine: Engine): Promise<{ database: Database; end(): Promise<void> }> {
  if (engine === 'postgresql') {
    const database = await openPostgresDatabase(await copyTemplate(inject('postgres')));
    return { database, end: () => database.close() };
  }
  const folder = await mkdtemp(join(tmpdir(), 'ventral-database-'));
  const database = await openEmbeddedDatabase(join(folder, 'db'));
  const end = () => database.close().then(() => rm(folder, { recursive: true }));
  return { database, end };
}

describe.each(engines)('the %s database', (engine) => {
  let database: Database;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ database, end } = await opened(engine));
    await database.query('create table numbers (n integer primary key)');
  });
  afterAll(() => end());

  it('gives rows with plain values of JavaScript', async () => {
    const [row] = await database.query(
      `select 12::bigint as size, count(*) as n, true as yes, null::text as nothing, 0.1::double precision as value,
              'NaN'::double precision as nan, '{"a": [1, null]}'::jsonb as b, '{"b": 1}'::json as j,
              array['x', 'y'] as names, '2026-01-02T03:04:05.678Z'::timestamptz as at`,
    );
    expect(row).toEqual({
      size: 12,
      n: 1,
      yes: true,
      nothing: null,
      value: 0.1,
      nan: Number.NaN,
      b: { a: [1, null] },
      j: { b: 1 },
      names: ['x', 'y'],
      at: new Date('2026-01-02T03:04:05.678Z'),
    });
  });

  it('takes parameters of every kind that the stores send', async () => {
    const sent = ['text', 7, 2 ** 40, 0.5, true, null, '{"a": "é"}', ['a', 'b"c'], new Date(1)];
    const [row] = await database.query(
      `select $1::text as a, $2::integer as b, $3::bigint as c, $4::double precision as d, $5::boolean as e,
              $6::text as f, $7::jsonb as g, $8::text[] as h, $9::timestamptz as i`,
      sent,
    );
    expect(Object.values(row)).toEqual([...sent.slice(0, 6), { a: 'é' }, ...sent.slice(7)]);
  });

  it('asks the same statement again with other parameters, after a refusal and after a change of columns', async () => {
    await database.query('create table changing (n integer)');
    const ask = (n: unknown) => database.query('select * from changing where n < $1', [n]);
    await database.query('insert into changing values (1), (2)');
    expect(await ask(2)).toEqual([{ n: 1 }]);
    await expect(ask('no number')).rejects.toMatchObject({ code: '22P02' });
    expect(await ask(3)).toHaveLength(2);
    await expect(database.query('select * from nowhere')).rejects.toMatchObject({ code: '42P01' });
    await database.query("alter table changing add column named text default 'a'");
    expect(await ask(2)).toEqual([{ n: 1, named: 'a' }]);
    expect(await ask(null)).toEqual([]);
  });

  it('answers hundreds of different statements, and the first of them again', async () => {
    const ask = (n: number) => database.query(`select ${n}::integer as n, $1::text as t`, ['x']);
    for (let n = 0; n < 250; n++) expect(await ask(n)).toEqual([{ n, t: 'x' }]);
    expect(await ask(0)).toEqual([{ n: 0, t: 'x' }]);
  });

  it('shows others nothing of a transaction that is open, asked before or not', async () => {
    const count = () => database.query('select count(*) as n from numbers where n > 100');
    expect(await count()).toEqual([{ n: 0 }]);
    let asked: Promise<object[]>[] = [];
    const made = database.transaction(async (queries) => {
      await queries.query('insert into numbers values (101)');
      asked = [count(), database.query('select max(n) as most from numbers where n > 100')];
      await new Promise((resolve) => setTimeout(resolve, 20));
      await queries.query('insert into numbers values (102)');
      throw new Error('taken back');
    });
    await expect(made).rejects.toThrow('taken back');
    expect(await Promise.all(asked)).toEqual([[{ n: 0 }], [{ most: null }]]);
  });

  it('writes a transaction whole or not at all, and is as good as new after a failed one', async () => {
    const failed = database.transaction(async (queries) => {
      await queries.query('insert into numbers values (1)');
      await queries.query('insert into numbers values (1)');
    });
    await expect(failed).rejects.toMatchObject({ code: '23505' });
    const thrown = database.transaction(async (queries) => {
      await queries.query('insert into numbers values (2)');
      throw new Error('on purpose');
    });
    await expect(thrown).rejects.toThrow('on purpose');
    const made = database.transaction(async (queries) => {
      await queries.query('insert into numbers values (3)');
      return queries.query('select n from numbers');
    });
    expect(await made).toEqual([{ n: 3 }]);
    expect(await database.query('select n from numbers')).toEqual([{ n: 3 }]);
  });

  it('keeps transactions that run at once apart', async () => {
    const add = (n: number) =>
      database.transaction(async (queries) => {
        await queries.query('insert into numbers values ($1)', [n]);
        const [{ seen }] = await queries.query(
          'select count(*) as seen from numbers where n >= 100',
        );
        if (n % 2) throw new Error('odd');
        return seen;
      });
    const ended = await Promise.allSettled(Array.from({ length: 30 }, (_, i) => add(100 + i)));
    expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(15);
    expect(await database.query('select count(*) as n from numbers where n >= 100')).toEqual([
      { n: 15 },
    ]);
  });
});

describe('a PostgreSQL', () => {
  it('that breaks off is told as not ready, and used again once it is back', async () => {
    const url = await copyTemplate(inject('postgres'));
    const database = await openPostgresDatabase(url);
    const cut = () =>
      onServer(
        inject('postgres'),
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${new URL(url).pathname.slice(1)}'`,
      );
    const sleeping = expect(database.query('select pg_sleep(20)')).rejects.toMatchObject({
      code: 'not-ready',
    });
    const within = database.transaction(async (queries) => {
      await queries.query('select 1');
      await cut();
      await queries.query('select 1');
    });
    await expect(within).rejects.toMatchObject({ code: 'not-ready', status: 503 });
    await sleeping;
    for (let i = 0; i < 20; i++) {
      expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
    }
    await cut();
    await database.close();
  });

  it('that goes away and comes back is used again', async () => {
    const forward = await forwarder(await copyTemplate(inject('postgres')));
    const database = await openPostgresDatabase(forward.url);
    await database.query('select 1');
    forward.drop();
    await expect(database.query('select 1')).rejects.toMatchObject({ code: 'not-ready' });
    await expect(database.transaction(async () => 1)).rejects.toMatchObject({ code: 'not-ready' });
    forward.pass();
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
    await database.close();
    await forward.close();
  });

  it.each([
    ['mysql://user:secret@host/db', 'bad-usage'],
    ['secret', 'bad-usage'],
    ['postgresql://user:secret@127.0.0.1:1/db', 'database-unavailable'],
  ])('that cannot be used is refused without its password: %s', async (url, code) => {
    const error = await openPostgresDatabase(url).catch((thrown) => thrown);
    expect(error).toMatchObject({ code });
    expect(error.message).not.toMatch(/secret/);
  });

  it('that lacks the database or the user is told in the server’s words', async () => {
    await expect(openPostgresDatabase(databaseUrl(inject('postgres'), 'nowhere'))).rejects.toThrow(
      /127\.0\.0\.1:\d+\/nowhere cannot be used: database "nowhere" does not exist/,
    );
    const url = inject('postgres').replace('ventral@', 'nobody:secret@');
    await expect(openPostgresDatabase(url)).rejects.toThrow(/role "nobody" does not exist/);
  });

  it('is named without user, password and options', () => {
    expect(databasePlace('postgresql://u:p@host:1/name?sslmode=require')).toBe('host:1/name');
    expect(databasePlace('postgres:///name?host=/run')).toBe('/run/name');
  });
});

/** A server before a server, whose connections a test can cut and refuse. */
async function forwarder(target: string) {
  const sockets = new Set<Socket>();
  let refuses = false;
  const server = createServer((from) => {
    if (refuses) return void from.destroy();
    const to = connect(Number(new URL(target).port), '127.0.0.1');
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => [from, to].map((one) => one.destroy()));
    }
    from.pipe(to).pipe(from);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    drop() {
      refuses = true;
      for (const socket of sockets) socket.destroy();
    },
    pass() {
      refuses = false;
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
