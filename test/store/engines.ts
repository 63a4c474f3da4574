import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { Database } from '../../src/store/database/database.js';
import { openEmbeddedDatabase } from '../../src/store/database/embedded-database.js';
import { openPostgresDatabase } from '../../src/store/database/postgres-database.js';
import { copyTemplate, emptyDatabase } from '../postgres.js';
import { madeHome } from './made-home.js';

/** The two databases that everything of the store and the service runs on. */
export const engines = ['embedded', 'postgresql'] as const;
export type Engine = (typeof engines)[number];

/** Where a store is; spread it into the options of a service. */
export interface StorePlace {
  readonly home: string;
  readonly databaseUrl?: string;
}

/** A temporary home with an empty database of the engine, its tables made. */
export async function madePlace(engine: Engine, prefix = 'ventral-store-'): Promise<StorePlace> {
  if (engine === 'embedded') return { home: await madeHome(prefix) };
  return {
    home: await mkdtemp(join(tmpdir(), prefix)),
    databaseUrl: await copyTemplate(inject('postgres')),
  };
}

/** A temporary empty folder as home, and a database without a table where the engine needs one. */
export async function emptyPlace(engine: Engine, prefix = 'ventral-empty-'): Promise<StorePlace> {
  const home = await mkdtemp(join(tmpdir(), prefix));
  if (engine === 'embedded') return { home };
  return { home, databaseUrl: await emptyDatabase(inject('postgres')) };
}

/** The bare database of a place, without a table where it is new. */
export const openDatabase = ({ home, databaseUrl }: StorePlace): Promise<Database> =>
  databaseUrl === undefined
    ? openEmbeddedDatabase(join(home, 'db'))
    : openPostgresDatabase(databaseUrl);

/** Removes a temporary home; databases go with their server. */
export const removePlace = ({ home }: StorePlace) => rm(home, { recursive: true, force: true });
