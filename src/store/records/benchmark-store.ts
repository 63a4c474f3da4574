import type { Database } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import { newId } from '../database/new-id.js';
import { audit } from './audit-store.js';
import type { Visibility } from './model-store.js';
import { asking, type Principal, seen } from './principal.js';
import { generousQuotas, type Quotas, requireRegistration, requireUploadQuota } from './quota.js';

/** Summary of an uploaded benchmark file. */
export interface BenchmarkSummary {
  /** As written; contains `{region}` if there is one benchmark a region. */
  readonly identifier: string;
  readonly version: number;
  readonly simulated: boolean;
  readonly metric: string;
  readonly visualDegrees: number | null;
  readonly reference: Readonly<Record<string, string>> | null;
  /** The benchmarks that it holds. */
  readonly benchmarks: readonly { readonly id: string; readonly region: string | null }[];
}

/** A registration of an uploaded benchmark; its files are stored by the digest of its archive. */
export interface BenchmarkRecord {
  readonly id: string;
  readonly owner: string;
  /** Where it is seen with visibility `group`. */
  readonly group: string | null;
  /** `sha256:…` of the ZIP archive. */
  readonly digest: string;
  /** Name of the YAML file in its folder. */
  readonly file: string;
  readonly visibility: Visibility;
  /** Bytes of the archive. */
  readonly size: number;
  /** Bytes of its unpacked files; null if not measured yet. */
  readonly unpacked: number | null;
  readonly summary: BenchmarkSummary;
  readonly createdAt: Date;
}

/** Fields of a new registration, except its owner. */
export type NewBenchmark = Omit<BenchmarkRecord, 'id' | 'owner' | 'createdAt'>;

interface BenchmarkRow extends Omit<BenchmarkRecord, 'createdAt' | 'group'> {
  group_name: string | null;
  created_at: Date;
}

const record = (row: BenchmarkRow): BenchmarkRecord => ({
  id: row.id,
  owner: row.owner,
  group: row.group_name,
  digest: row.digest,
  file: row.file,
  visibility: row.visibility,
  size: Number(row.size),
  unpacked: row.unpacked === null ? null : Number(row.unpacked),
  summary: row.summary,
  createdAt: row.created_at,
});

/** The table of uploaded benchmarks. */
export class BenchmarkStore {
  readonly #database: Database;
  readonly #quotas: Quotas;

  constructor(database: Database, quotas = generousQuotas) {
    this.#database = database;
    this.#quotas = quotas;
  }

  /**
   * Registers an archive; `created` is false if its owner has it already (that registration is given).
   * @throws VentralError `quota-exceeded`, `storage-exceeded`
   * @param reservation that the archive and its files were written under
   */
  async register(
    by: Principal,
    benchmark: NewBenchmark,
    reservation?: string,
  ): Promise<{ benchmark: BenchmarkRecord; created: boolean }> {
    const { digest, file, visibility, group, size, unpacked, summary } = benchmark;
    const made = await this.#database.transaction(async (queries) => {
      const [row] = await queries.query<BenchmarkRow>(
        `insert into benchmarks (id, owner, digest, file, visibility, group_name, size, unpacked, summary)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (digest, owner) do nothing returning *`,
        [
          ...[newId('bmk'), by.owner, digest, file, visibility, group, size, unpacked],
          jsonText(summary),
        ],
      );
      if (row) {
        await requireRegistration(queries, by, this.#quotas, reservation);
        const detail = { digest, identifier: summary.identifier, visibility };
        await audit(queries, by, { action: 'benchmark.create', target: row.id, detail });
      }
      return row;
    });
    if (made) return { benchmark: record(made), created: true };
    const found = await this.findOwn(by.owner, digest);
    return found ? { benchmark: found, created: false } : this.register(by, benchmark, reservation);
  }

  /** @throws what {@link register} would of another archive, so that it need not be unpacked */
  requireQuota(by: Principal, size: number, reservation?: string): Promise<void> {
    return this.#database.transaction((queries) =>
      requireUploadQuota(queries, by, this.#quotas, size, reservation),
    );
  }

  /** The registration of an archive by an owner. */
  async findOwn(owner: string, digest: string): Promise<BenchmarkRecord | undefined> {
    const [row] = await this.#database.query<BenchmarkRow>(
      'select * from benchmarks where digest = $2 and owner = $1',
      [owner, digest],
    );
    return row && record(row);
  }

  /** By id, or by digest: of several that may be seen, one's own, else the oldest. */
  async find(principal: Principal, idOrDigest: string): Promise<BenchmarkRecord | undefined> {
    const column = idOrDigest.startsWith('sha256:') ? 'digest' : 'id';
    const [row] = await this.#database.query<BenchmarkRow>(
      `select * from benchmarks where ${column} = $4 and ${seen('benchmarks')} order by (owner = $2) desc, seq limit 1`,
      [...asking(principal), idOrDigest],
    );
    return row && record(row);
  }

  /** Oldest first. */
  async list(principal: Principal): Promise<BenchmarkRecord[]> {
    const rows = await this.#database.query<BenchmarkRow>(
      `select * from benchmarks where ${seen('benchmarks')} order by seq`,
      asking(principal),
    );
    return rows.map(record);
  }

  async remove(by: Principal, id: string): Promise<void> {
    await this.#database.transaction(async (queries) => {
      const [row] = await queries.query<BenchmarkRow>(
        'delete from benchmarks where id = $1 returning *',
        [id],
      );
      if (!row) return;
      const detail = { digest: row.digest, identifier: row.summary.identifier, owner: row.owner };
      await audit(queries, by, { action: 'benchmark.delete', target: id, detail });
    });
  }

  /** Digests of all registrations. */
  async digests(): Promise<Set<string>> {
    const rows = await this.#database.query<{ digest: string }>('select digest from benchmarks');
    return new Set(rows.map((row) => row.digest));
  }

  /**
   * Measures what archives were unpacked to that an earlier schema registered.
   * @param measure bytes of the files of an archive; undefined if they are not here
   */
  async measureUnpacked(measure: (digest: string) => Promise<number | undefined>): Promise<void> {
    const rows = await this.#database.query<{ digest: string }>(
      'select distinct digest from benchmarks where unpacked is null',
    );
    for (const { digest } of rows) {
      const bytes = await measure(digest);
      if (bytes === undefined) continue;
      const values = [digest, bytes];
      await this.#database.query('update benchmarks set unpacked = $2 where digest = $1', values);
    }
  }

  /** Whether any registration needs the files of an archive. */
  async needsFiles(digest: string): Promise<boolean> {
    const rows = await this.#database.query('select from benchmarks where digest = $1 limit 1', [
      digest,
    ]);
    return rows.length > 0;
  }
}
