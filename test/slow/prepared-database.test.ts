import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Database } from '../../src/store/database/database.js';
import { openEmbeddedDatabase } from '../../src/store/database/embedded-database.js';
import { migrate, SCHEMA } from '../../src/store/database/migrations.js';
import {
  packDatabase,
  preparedDatabase,
  unpackDatabase,
} from '../../src/store/database/prepared-database.js';
import { openHomeStore } from '../../src/store/home-store.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-prepared-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** All that migrations make, as text, and what they leave in the tables. */
async function contentOf(database: Database): Promise<object> {
  const [content] = await database.query(
    `select
       (select json_agg(c order by c.table_name, c.ordinal_position) from information_schema.columns c where table_schema = 'public') as columns,
       (select json_agg(indexdef order by indexdef) from pg_indexes where schemaname = 'public') as indexes,
       (select json_agg(pg_get_functiondef(oid) order by proname) from pg_proc where pronamespace = 'public'::regnamespace) as functions,
       (select json_agg(pg_get_triggerdef(oid) order by tgname) from pg_trigger where not tgisinternal) as triggers,
       (select json_agg(pg_get_constraintdef(oid) order by conrelid::regclass::text, conname) from pg_constraint where connamespace = 'public'::regnamespace) as constraints,
       (select json_agg(s order by sequencename) from (select sequencename, start_value, increment_by, last_value from pg_sequences) s) as sequences,
       (select json_agg(version) from schema_version) as versions,
       (select count(*) from installation) as installations`,
  );
  const tables = await database.query(
    `select relname, reltuples from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by relname`,
  );
  return { ...content, tables };
}

it('a new home has the prepared database, equal to one that was made and migrated, with an id of its own', async () => {
  expect(existsSync(preparedDatabase()), 'npm run build').toBe(true);
  const made = await openEmbeddedDatabase(join(folder, 'made'));
  await migrate(made);
  const expected = await contentOf(made);
  await made.close();
  expect(JSON.stringify(expected)).toContain('record_scores');
  const ids: string[] = [];
  for (const name of ['first', 'second']) {
    const store = await openHomeStore(join(folder, name));
    const [{ id }] = await store.database.query<{ id: string }>('select id from installation');
    ids.push(id);
    expect(await contentOf(store.database)).toEqual(expected);
    await store.close();
    // Nobody else may read it, and a second start finds it as any other.
    expect((await stat(join(folder, name, 'db'))).mode & 0o077).toBe(0);
    const again = await openHomeStore(join(folder, name));
    expect(await again.database.query('select id from installation')).toEqual([{ id }]);
    await again.close();
  }
  expect(new Set(ids).size).toBe(2);
});

it('an earlier schema is made by migrations, whatever is prepared', async () => {
  const database = await openEmbeddedDatabase(join(folder, 'earlier'));
  await migrate(database, SCHEMA - 1);
  expect(await database.query('select version from schema_version')).toEqual([
    { version: SCHEMA - 1 },
  ]);
  await database.close();
});

it('where none was prepared, or it is damaged, nothing is unpacked', async () => {
  const packed = await readFile(preparedDatabase());
  const cut = join(folder, 'cut.gz');
  await writeFile(cut, packed.subarray(0, packed.length >> 1));
  const flipped = join(folder, 'flipped.gz');
  await writeFile(flipped, packed.with(packed.length >> 1, packed[packed.length >> 1] ^ 1));
  for (const from of [join(folder, 'none.gz'), cut, flipped])
    expect([basename(from), await unpackDatabase(join(folder, 'nowhere'), from)]).toEqual([
      basename(from),
      false,
    ]);
  expect(existsSync(join(folder, 'nowhere'))).toBe(false);
});

it('a folder comes back as it was packed: zeros, empty files and folders, equal files', async () => {
  const source = join(folder, 'source');
  expect(await unpackDatabase(source)).toBe(true);
  await writeFile(join(source, 'zeros'), Buffer.alloc(3_000_001));
  await writeFile(join(source, 'empty'), '');
  await writeFile(join(source, 'tail'), Buffer.from([0, 1, 0, 0]));
  await writeFile(join(source, 'tail-again'), Buffer.from([0, 1, 0, 0, 0]));
  const packed = join(folder, 'packed', 'one.gz');
  await packDatabase(source, packed);
  const copy = join(folder, 'copy');
  expect(await unpackDatabase(copy, packed)).toBe(true);
  expect(await bytesIn(copy)).toEqual(await bytesIn(source));
  await expect(unpackDatabase(copy, packed)).rejects.toMatchObject({ code: 'EEXIST' });
});

/** Every file with its bytes, by its path. */
async function bytesIn(place: string): Promise<Map<string, string>> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  const found = new Map<string, string>();
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(place.length + 1);
    found.set(name, entry.isDirectory() ? 'folder' : (await readFile(path)).toString('base64'));
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
