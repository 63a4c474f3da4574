import type { Database, Queries } from './database.js';
import { jsonText } from './json-text.js';
import { type Page, type PageRequest, pageOf, startOf } from './page.js';
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
    'insert into audit (key, owner, action, target, detail) values ($1, $2, $3, $4, $5)',
    [by.key, by.owner, change.action, change.target, jsonText(change.detail)],
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
    const rows = await this.#database.query<AuditEntry & { seq: number }>(
      'select * from audit where seq < $1 order by seq desc limit $2',
      [startOf(page), page.limit + 1],
    );
    return pageOf(rows, page.limit, ({ seq: _seq, ...entry }) => entry);
  }
}
