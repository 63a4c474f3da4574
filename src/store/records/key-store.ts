import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { VentralError } from '../../errors/ventral-error.js';
import type { Database } from '../database/database.js';
import { newId } from '../database/new-id.js';
import { behind, type Page, type PageRequest, pageOf, placeOf } from '../database/page.js';
import { audit } from './audit-store.js';
import { type Principal, type Role, SERVICE_OWNER } from './principal.js';

/** A stored key: its rights, without its text. */
export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly owner: string;
  readonly groups: readonly string[];
  readonly createdAt: Date;
  /** null if it does not expire. */
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** Fields of a new key. */
export interface NewKey {
  readonly name: string;
  readonly role: Role;
  /** Default: the key's name. */
  readonly owner?: string;
  readonly groups?: readonly string[];
  readonly expiresAt?: Date;
}

interface KeyRow {
  id: string;
  seq: number;
  name: string;
  role: Role;
  owner: string;
  groups: string[];
  hash: string;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
}

const record = (row: KeyRow): KeyRecord => ({
  id: row.id,
  name: row.name,
  role: row.role,
  owner: row.owner,
  groups: row.groups,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at,
});

/** SQL condition on `keys`: neither revoked nor expired. */
export const HOLDS = 'revoked_at is null and (expires_at is null or expires_at > now())';

/** The table of keys; {@link Credentials} knows whom they let in. */
export class KeyStore {
  readonly #database: Database;
  readonly #changes = new EventEmitter().setMaxListeners(0);

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Makes a key. Its text is given here alone.
   * @throws VentralError `invalid-request` for the service's own owner, and for a time that is over
   */
  async create(by: Principal, key: NewKey): Promise<{ key: KeyRecord; text: string }> {
    const { name, role, owner = name, groups = [], expiresAt } = key;
    if (owner === SERVICE_OWNER) {
      throw new VentralError(
        'invalid-request',
        `The owner ${SERVICE_OWNER} is reserved for the service: choose another one`,
        { field: '/owner' },
      );
    }
    if (expiresAt && !(expiresAt.getTime() > Date.now())) {
      throw new VentralError('invalid-request', 'expiresAt is in the past', {
        field: '/expiresAt',
      });
    }
    const id = newId('key');
    const text = `vk_${id.slice(4)}_${randomBytes(32).toString('base64url')}`;
    const made = await this.#database.transaction(async (queries) => {
      const [row] = await queries.query<KeyRow>(
        `insert into keys (id, name, role, owner, groups, hash, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7) returning *`,
        [id, name, role, owner, [...new Set(groups)], hashOf(text), expiresAt ?? null],
      );
      const detail = { name, role, owner };
      await audit(queries, by, { action: 'key.create', target: id, detail });
      return record(row);
    });
    this.#changes.emit('change');
    return { key: made, text };
  }

  /** Newest first, the revoked and expired ones too. */
  async list(page: PageRequest): Promise<Page<KeyRecord>> {
    const rows = await this.#database.query<KeyRow>(
      `select * from keys where ${behind('keys', 1)} order by seq desc limit $3`,
      [...placeOf(page), page.limit + 1],
    );
    return pageOf(rows, page.limit, record);
  }

  /** @throws VentralError `not-found` */
  async get(id: string): Promise<KeyRecord> {
    const [row] = await this.#database.query<KeyRow>('select * from keys where id = $1', [id]);
    if (!row) throw new VentralError('not-found', `There is no key "${id}"`);
    return record(row);
  }

  /**
   * Revokes a key permanently and immediately; a revoked key is unchanged.
   * @throws VentralError `not-found`
   */
  async revoke(by: Principal, id: string): Promise<KeyRecord> {
    const revoked = await this.#database.transaction(async (queries) => {
      const rows = await queries.query(
        'update keys set revoked_at = now() where id = $1 and revoked_at is null returning id',
        [id],
      );
      if (rows.length > 0) await audit(queries, by, { action: 'key.revoke', target: id });
      return rows.length > 0;
    });
    if (revoked) this.#changes.emit('change');
    return this.get(id);
  }

  /** Whether any key could be used now. */
  async any(): Promise<boolean> {
    const rows = await this.#database.query(`select from keys where ${HOLDS} limit 1`);
    return rows.length > 0;
  }

  /** Those of some keys that still hold. */
  async holding(ids: readonly string[]): Promise<Set<string>> {
    const rows = await this.#database.query<{ id: string }>(
      `select id from keys where id = any($1::text[]) and ${HOLDS}`,
      [ids],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Calls back after each key that this process makes or revokes; others' changes are found by asking. */
  onChange(listener: () => void): () => void {
    this.#changes.on('change', listener);
    return () => this.#changes.off('change', listener);
  }
}

/**
 * The stored hash of a key or a session. SHA-256 suffices and slow hashes are not needed: unlike a password, the
 * text has 256 random bits, which cannot be guessed.
 */
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
