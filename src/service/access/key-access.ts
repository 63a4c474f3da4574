import type { Writable } from 'node:stream';
import type { components } from '../../api/schema.js';
import type { Database } from '../../store/database/database.js';
import { migrate } from '../../store/database/migrations.js';
import { openPostgresDatabase } from '../../store/database/postgres-database.js';
import { lockHome } from '../../store/home/owner-lock.js';
import { openHomeStore } from '../../store/home-store.js';
import { KeyStore, type NewKey } from '../../store/records/key-store.js';
import { localPrincipal } from '../../store/records/principal.js';
import { keyResource } from '../routes/key-routes.js';
import { everyPage } from './every-page.js';
import { throughOwner } from './home-access.js';
import { callService, type ServicePlace } from './service-client.js';

/** A key as HTTP shows it. */
export type KeyResource = components['schemas']['Key'];

/** The keys of a home or of a database, whoever owns it. */
export interface KeyAccess {
  list(): Promise<KeyResource[]>;
  /** `key` of the answer is the text, which is said once. */
  create(key: NewKey): Promise<components['schemas']['NewKey']>;
  revoke(id: string): Promise<KeyResource>;
  /** Releases the home or the connection. */
  close(): Promise<void>;
}

/**
 * Opens the keys: of a PostgreSQL where one is named, else of a home as {@link throughOwner} says.
 * @throws VentralError `home-owned`, `home-format`, `database-unavailable`
 */
export async function openKeyAccess(home: string, databaseUrl?: string): Promise<KeyAccess> {
  if (databaseUrl === undefined)
    return throughOwner(home, serviceKeys, (patience) => homeKeys(home, patience));
  const database = await openPostgresDatabase(databaseUrl);
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return databaseKeys(database, () => database.close());
}

async function homeKeys(home: string, patience: number): Promise<KeyAccess> {
  const lock = await lockHome(home, { kind: 'command', patience });
  try {
    const store = await openHomeStore(home, { guard: lock });
    return databaseKeys(store.database, () => store.close().finally(() => lock.release()));
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function databaseKeys(database: Database, close: () => Promise<void>): KeyAccess {
  const keys = new KeyStore(database);
  return {
    list: () =>
      everyPage(async (cursor) => {
        const page = await keys.list({ limit: 200, ...(cursor ? { cursor } : {}) });
        return { items: page.items.map(keyResource), next: page.next };
      }),
    async create(asked) {
      const { key, text } = await keys.create(localPrincipal, asked);
      return { ...keyResource(key), key: text };
    },
    revoke: async (id) => keyResource(await keys.revoke(localPrincipal, id)),
    close,
  };
}

function serviceKeys(place: ServicePlace): KeyAccess {
  const call = async (method: string, path: string, content?: unknown) => {
    const sending =
      content === undefined
        ? {}
        : {
            headers: { 'Content-Type': 'application/json' },
            write: async (sink: Writable) => void sink.end(JSON.stringify(content)),
          };
    return (await callService(place, method, `/v1/keys${path}`, sending)).body;
  };
  return {
    list: () =>
      everyPage(async (cursor) => {
        const page = await call('GET', `?limit=200${cursor ? `&cursor=${cursor}` : ''}`);
        return page as components['schemas']['KeyPage'];
      }),
    create: async (key) => (await call('POST', '', key)) as components['schemas']['NewKey'],
    revoke: async (id) => (await call('DELETE', `/${encodeURIComponent(id)}`)) as KeyResource,
    close: () => Promise.resolve(),
  };
}
