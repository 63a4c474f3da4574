import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { PGlite, type Transaction } from '@electric-sql/pglite';
import { VentralError } from '../errors/ventral-error.js';
import type { Database, Queries, Row } from './database.js';

/** Major version of the PostgreSQL inside PGlite 0.5; a data folder of another one cannot be read. */
export const EMBEDDED_POSTGRES = 18;

/**
 * Opens the embedded PostgreSQL (PGlite) in a folder, and makes it where it is not there yet. The
 * caller owns the home: PGlite has no lock, and two processes on one folder lose rows silently.
 * A new database is made beside its place and renamed when it is whole, so that a kill in the first
 * seconds leaves nothing half-made. Throws `home-format` where the folder cannot be opened.
 */
export async function openEmbeddedDatabase(folder: string): Promise<Database> {
  if (!existsSync(folder)) await create(folder);
  let lite: PGlite;
  try {
    lite = await PGlite.create(folder);
  } catch (cause) {
    throw new VentralError(
      'home-format',
      `The database in ${folder} cannot be opened: ${(cause as Error).message}`,
      {
        file: folder,
        cause,
      },
    );
  }
  return new EmbeddedDatabase(lite);
}

async function create(folder: string): Promise<void> {
  const unfinished = `${folder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  const lite = await PGlite.create(unfinished);
  await lite.close();
  await rename(unfinished, folder);
}

const queriesOf = (target: PGlite | Transaction): Queries => ({
  query: async <T extends object>(sql: string, parameters: readonly unknown[] = []) =>
    (await target.query<T>(sql, [...parameters])).rows,
});

class EmbeddedDatabase implements Database {
  readonly shared = false;
  readonly #lite: PGlite;
  readonly query: Queries['query'];

  constructor(lite: PGlite) {
    this.#lite = lite;
    this.query = queriesOf(lite).query;
  }

  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#lite.transaction((transaction) => work(queriesOf(transaction)));
  }

  async script(sql: string): Promise<Row[]> {
    try {
      return (await this.#lite.exec(sql)).flatMap(({ rows }) => rows as Row[]);
    } catch (error) {
      // A transaction that the text began and that failed would poison what comes next.
      await this.#lite.exec('rollback').catch(() => {});
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#lite.close();
  }
}
