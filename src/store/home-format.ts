import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';
import { EMBEDDED_POSTGRES } from './embedded-database.js';
import { SCHEMA } from './migrations.js';
import { writeWhole } from './write-whole.js';

/** What HOME/format.json says: the schema that wrote the home, and the PostgreSQL major of HOME/db. */
export interface HomeFormat {
  readonly schema: number;
  readonly postgres: number;
}

const file = (home: string) => join(home, 'format.json');

/**
 * Refuses a home that a newer schema or another PostgreSQL wrote, in one sentence (`home-format`).
 * A home without the file is new. An older schema is migrated after this check.
 */
export async function checkHomeFormat(home: string): Promise<void> {
  const format = await readFormat(home);
  if (!format) return;
  if (format.schema > SCHEMA || format.postgres !== EMBEDDED_POSTGRES) {
    throw new VentralError(
      'home-format',
      `${file(home)} says schema ${format.schema} on PostgreSQL ${format.postgres}, this ventral reads up to schema ${SCHEMA} on PostgreSQL ${EMBEDDED_POSTGRES}: use the ventral that wrote it, or another --home`,
      {
        file: file(home),
        expected: `schema ${SCHEMA}, PostgreSQL ${EMBEDDED_POSTGRES}`,
        found: `schema ${format.schema}, PostgreSQL ${format.postgres}`,
      },
    );
  }
}

/** Records the format after the database was migrated. */
export async function writeHomeFormat(home: string): Promise<void> {
  const format: HomeFormat = { schema: SCHEMA, postgres: EMBEDDED_POSTGRES };
  await writeWhole(file(home), `${JSON.stringify(format)}\n`);
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
    const { schema, postgres } = JSON.parse(text);
    if (Number.isInteger(schema) && Number.isInteger(postgres)) return { schema, postgres };
  } catch {
    // Told below, as any other content that is not ours.
  }
  throw new VentralError(
    'home-format',
    `${file(home)} is not a format file of ventral: expected {"schema", "postgres"}`,
    { file: file(home) },
  );
}
