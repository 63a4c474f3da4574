import { VentralError } from '../../errors/ventral-error.js';
import type { Database } from '../database/database.js';
import { newId } from '../database/new-id.js';
import type { Principal } from './principal.js';
import { generousQuotas, holdOwner, type Quotas, requireUploadQuota } from './quota.js';

/** An upload that comes in pieces: until it is registered or given up, its size is reserved for its owner. */
export interface UploadRecord {
  readonly id: string;
  readonly owner: string;
  /** `sha256:…` that its bytes must have. */
  readonly digest: string;
  readonly size: number;
  readonly expiresAt: Date;
}

interface UploadRow {
  id: string;
  owner: string;
  digest: string;
  bytes: number;
  lease: Date;
}

/** How long an upload waits for its next piece. */
const LEASE = `now() + interval '24 hours'`;
/** Unfinished uploads of one owner. */
const MOST_OPEN = 100;
const RETRY_SECONDS = 3600;

const record = ({ id, owner, digest, bytes, lease }: UploadRow): UploadRecord => ({
  ...{ id, owner, digest, size: Number(bytes), expiresAt: lease },
});

/** Uploads in pieces: the rows of `reservations` that have a digest. Their bytes are on the disk of one home. */
export class UploadStore {
  readonly #database: Database;
  readonly #holder: string;
  readonly #quotas: Quotas;

  /** @param holder names the home that has their bytes */
  constructor(database: Database, holder: string, quotas = generousQuotas) {
    this.#database = database;
    this.#holder = holder;
    this.#quotas = quotas;
  }

  /** @throws VentralError `quota-exceeded`, `storage-exceeded` */
  create(
    by: Principal,
    { digest, size }: Pick<UploadRecord, 'digest' | 'size'>,
  ): Promise<UploadRecord> {
    return this.#database.transaction(async (queries) => {
      await holdOwner(queries, by.owner);
      await requireUploadQuota(queries, by, this.#quotas, size);
      const [{ open }] = await queries.query<{ open: number }>(
        `select count(*)::int as open from reservations
         where owner = $1 and digest is not null and lease > now()`,
        [by.owner],
      );
      if (open >= MOST_OPEN) {
        const sentence = `${by.owner} has ${open} unfinished uploads, the maximum: finish or remove some`;
        throw new VentralError('quota-exceeded', sentence, { retryAfter: RETRY_SECONDS });
      }
      const [row] = await queries.query<UploadRow>(
        `insert into reservations (id, owner, holder, bytes, digest, lease)
         values ($1, $2, $3, $4, $5, ${LEASE}) returning *`,
        [newId('upl'), by.owner, this.#holder, size, digest],
      );
      return record(row);
    });
  }

  /** One of the principal's own uploads; of any owner for an admin. */
  async find({ role, owner }: Principal, id: string): Promise<UploadRecord | undefined> {
    const [row] = await this.#database.query<UploadRow>(
      `select * from reservations where id = $1 and holder = $2 and digest is not null
       and lease > now() and ($3 or owner = $4)`,
      [id, this.#holder, role === 'admin', owner],
    );
    return row && record(row);
  }

  /** Gives it another day. */
  async renew(id: string): Promise<void> {
    await this.#database.query(`update reservations set lease = ${LEASE} where id = $1`, [id]);
  }

  async remove(id: string): Promise<void> {
    await this.#database.query('delete from reservations where id = $1', [id]);
  }

  /** Ids of the uploads whose bytes this home keeps; expired ones are forgotten. */
  async kept(): Promise<Set<string>> {
    await this.#database.query(
      'delete from reservations where digest is not null and lease < now()',
    );
    const rows = await this.#database.query<{ id: string }>(
      'select id from reservations where holder = $1 and digest is not null',
      [this.#holder],
    );
    return new Set(rows.map(({ id }) => id));
  }
}
