import type { Database, Queries } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import { newId } from '../database/new-id.js';
import { behind, type Page, type PageRequest, pageOf, placeOf } from '../database/page.js';
import type { Principal } from './principal.js';

/** An audit entry to write. */
export interface AuditChange {
  readonly action:
    | 'model.create'
    | 'model.change'
    | 'model.delete'
    | 'features.create'
    | 'features.change'
    | 'features.delete'
    | 'benchmark.create'
    | 'benchmark.delete'
    | 'job.cancel'
    | 'receipt.create'
    | 'receipt.delete'
    | 'key.create'
    | 'key.revoke'
    | 'backup.download'
    | 'files.check';
  /** Id of the changed or read resource. */
  readonly target: string;
  /** A few words on it; never a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** An audit entry. */
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
export async function audit(queries: Queries, by: Principal, change: AuditChange): Promise<void> {
  await queries.query(
    'insert into audit (id, key, owner, action, target, detail) values ($1, $2, $3, $4, $5, $6)',
    [newId('aud'), by.key, by.owner, change.action, change.target, jsonText(change.detail)],
  );
}

/**
 * Refused credentials of one address are written once per this many milliseconds, with their count.
 */
const REFUSALS_MS = 10 * 60_000;
/** Addresses distinguished in that time; all others are counted together. */
const MOST_ADDRESSES = 50;
const OTHERS = 'other addresses';

interface Refusals {
  count: number;
  readonly since: number;
}

/** The table of changes; nothing is ever removed from it. */
export class AuditStore {
  readonly #database: Database;
  readonly #refusals = new Map<string, Refusals>();
  #writing: Promise<unknown> = Promise.resolve();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Records a read or a request. */
  note(by: Principal, change: AuditChange): Promise<void> {
    return audit(this.#database, by, change);
  }

  /**
   * Counts credentials that were refused. The first of an address is written at once, those that follow within
   * ten minutes as one row with their count: at most some hundred rows in ten minutes. It never throws, and is not
   * awaited.
   */
  refused(address = 'unknown'): void {
    this.#closeRefusals(Date.now() - REFUSALS_MS);
    const known = this.#refusals.has(address) || this.#refusals.size < MOST_ADDRESSES;
    const name = known ? address : OTHERS;
    const refusals = this.#refusals.get(name);
    if (refusals) refusals.count++;
    else {
      this.#refusals.set(name, { count: 0, since: Date.now() });
      this.#writeRefusals(name, 1);
    }
  }

  /** Writes pending counts. */
  async close(): Promise<void> {
    this.#closeRefusals(Number.POSITIVE_INFINITY);
    await this.#writing;
  }

  /** Ends the count of addresses whose first refusal is older than that; they are in the order of it. */
  #closeRefusals(before: number): void {
    for (const [address, { count, since }] of this.#refusals) {
      if (since > before) return;
      this.#refusals.delete(address);
      if (count > 0) this.#writeRefusals(address, count);
    }
  }

  #writeRefusals(address: string, count: number): void {
    const row = [newId('aud'), 'nobody', 'login.refuse', address, jsonText({ count })];
    this.#writing = this.#writing.then(() =>
      this.#database
        .query(
          'insert into audit (id, owner, action, target, detail) values ($1, $2, $3, $4, $5)',
          row,
        )
        .catch(() => {}),
    );
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
