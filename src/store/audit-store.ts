import type { Database, Queries } from './database.js';
import { jsonText } from './json-text.js';
import { newId } from './new-id.js';
import { behind, type Page, type PageRequest, pageOf, placeOf } from './page.js';
import type { Principal } from './principal.js';

/** What is written down of a change. */
export interface Change {
  readonly action:
    | 'model.create'
    | 'model.change'
    | 'model.delete'
    | 'benchmark.create'
    | 'benchmark.delete'
    | 'job.cancel'
    | 'key.create'
    | 'key.revoke';
  /** Id of what changed. */
  readonly target: string;
  /** A few words on it; never a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** A change that somebody made. */
export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  /** Id of the key; null for the one user of a service without keys, and for its commands. */
  readonly key: string | null;
  readonly owner: string;
  readonly action: string;
  readonly target: string | null;
  readonly detail: unknown;
}

/** Writes down who changed what, in the transaction that changes it. */
export async function audit(queries: Queries, by: Principal, change: Change): Promise<void> {
  await queries.query(
    'insert into audit (id, key, owner, action, target, detail) values ($1, $2, $3, $4, $5, $6)',
    [newId('aud'), by.key, by.owner, change.action, change.target, jsonText(change.detail)],
  );
}

/** The table of changes; nothing is ever removed from it. */
export class AuditStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Newest first. */
  async list(page: PageRequest): Promise<Page<AuditEntry>> {
    const rows = await this.#database.query<Omit<AuditEntry, 'at'> & { created_at: Date }>(
      `select * from audit where ${behind('audit', 1)} order by seq desc limit $3`,
      [...placeOf(page), page.limit + 1],
    );
    return pageOf(rows, page.limit, ({ created_at: at, ...entry }) => ({ ...entry, at }));
  }
}
