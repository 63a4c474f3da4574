import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedDatabase } from './embedded-database.js';
import { migrate } from './migrations.js';
import { packDatabase, preparedDatabase } from './prepared-database.js';

/**
 * Makes the prepared database that new homes unpack, unless it is there already: what `npm run build` calls.
 * @param to the file, as {@link preparedDatabase} names it
 */
export async function prepareDatabase(to = preparedDatabase()): Promise<void> {
  if (existsSync(to)) return;
  const temporary = await mkdtemp(join(tmpdir(), 'ventral-prepared-'));
  try {
    const folder = join(temporary, 'db');
    const database = await openEmbeddedDatabase(folder);
    await migrate(database);
    // Each database has an id of its own, which its first migration gives it.
    await database.query('delete from installation');
    await database.query('checkpoint');
    await database.close();
    await packDatabase(folder, to);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
