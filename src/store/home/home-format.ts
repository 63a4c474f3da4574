import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import type { Database } from '../database/database.js';
import { EMBEDDED_POSTGRES } from '../database/embedded-database.js';
import { SCHEMA } from '../database/migrations.js';
import { writeWhole } from '../files/write-whole.js';

/**
 * What HOME/format.json says: the schema that wrote the home, and either the PostgreSQL major of
 * HOME/db, or the id of the database elsewhere whose files the home keeps.
 */
export type HomeFormat =
  | { readonly schema: number; readonly postgres: number }
  | { readonly schema: number; readonly database: string };

/** Where the database of a home is. */
export type DatabaseKind = 'embedded' | 'postgresql';

const file = (home: string) => join(home, 'format.json');

/** Whether anything was ever kept in the home. */
export const isFreshHome = (home: string): boolean =>
  !existsSync(file(home)) && !existsSync(join(home, 'db'));

/**
 * Refuses, in one sentence (`home-format`), a home that a newer schema or another PostgreSQL wrote, and
 * one whose database is of the other kind: its rows would be missing. A home without the file is new.
 * An older schema is migrated after this check.
 */
export async function checkHomeFormat(home: string, kind: DatabaseKind): Promise<void> {
  const format = await readFormat(home);
  if (!format) return;
  if ('database' in format !== (kind === 'postgresql')) throw otherKind(home, kind);
  const postgres = 'postgres' in format ? format.postgres : EMBEDDED_POSTGRES;
  if (format.schema > SCHEMA || postgres !== EMBEDDED_POSTGRES) {
    throw new VentralError(
      'home-format',
      `${file(home)} says schema ${format.schema} on PostgreSQL ${postgres}, this ventral supports up to schema ${SCHEMA} on PostgreSQL ${EMBEDDED_POSTGRES}: use the ventral that wrote it, or another --home`,
      {
        file: file(home),
        expected: `schema ${SCHEMA}, PostgreSQL ${EMBEDDED_POSTGRES}`,
        found: `schema ${format.schema}, PostgreSQL ${postgres}`,
      },
    );
  }
}

/**
 * Records the format after the database was migrated.
 * @throws VentralError `home-format` where the files of the home belong to another database than this one:
 *   nothing in it would need them, and they would be swept
 */
export async function writeHomeFormat(
  home: string,
  kind: DatabaseKind,
  database: Database,
): Promise<void> {
  if (kind === 'embedded') return write(home, { schema: SCHEMA, postgres: EMBEDDED_POSTGRES });
  const [{ id }] = await database.query<{ id: string }>('select id from installation');
  const format = await readFormat(home);
  if (format && 'database' in format && format.database !== id) {
    throw new VentralError(
      'home-format',
      `${home} belongs to another database than the one in DATABASE_URL: use that database, or another --home`,
      { file: file(home), expected: `database ${format.database}`, found: `database ${id}` },
    );
  }
  return write(home, { schema: SCHEMA, database: id });
}

const write = (home: string, format: HomeFormat) =>
  writeWhole(file(home), `${JSON.stringify(format)}\n`);

function otherKind(home: string, kind: DatabaseKind): VentralError {
  const sentence =
    kind === 'postgresql'
      ? `${home} has an embedded database, which DATABASE_URL would hide: use another --home, and move the data with ventral backup and ventral restore`
      : `${home} belongs to a PostgreSQL database: set DATABASE_URL, or use another --home`;
  return new VentralError('home-format', sentence, { file: file(home) });
}

async function readFormat(home: string): Promise<HomeFormat | undefined> {
  let text: string;
  try {
    text = await readFile(file(home), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { schema, postgres, database } = JSON.parse(text);
    if (Number.isInteger(schema) && Number.isInteger(postgres)) return { schema, postgres };
    if (Number.isInteger(schema) && typeof database === 'string') return { schema, database };
  } catch {
    // Told below, as any other content that is not ours.
  }
  throw new VentralError(
    'home-format',
    `${file(home)} is not a format file of ventral: expected {"schema", "postgres"}`,
    { file: file(home) },
  );
}
