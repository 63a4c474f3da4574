import type { Database } from './database.js';
import { jsonText } from './json-text.js';
import type { Visibility } from './model-store.js';
import { newId } from './new-id.js';

/** What an uploaded benchmark file says of itself. */
export interface BenchmarkSummary {
  /** As written; holds `{region}` where it is one benchmark a region. */
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
  /** `sha256:…` of the ZIP archive. */
  readonly digest: string;
  /** Name of the YAML file in its folder. */
  readonly file: string;
  readonly visibility: Visibility;
  /** Bytes of the archive. */
  readonly size: number;
  readonly summary: BenchmarkSummary;
  readonly createdAt: Date;
}

/** What a registration is made of. */
export type NewBenchmark = Omit<BenchmarkRecord, 'id' | 'createdAt'>;

interface BenchmarkRow extends Omit<BenchmarkRecord, 'createdAt'> {
  created_at: Date;
}

const record = ({
  id,
  digest,
  file,
  visibility,
  size,
  summary,
  created_at,
}: BenchmarkRow): BenchmarkRecord => ({
  id,
  digest,
  file,
  visibility,
  size: Number(size),
  summary,
  createdAt: created_at,
});

/** The table of uploaded benchmarks. */
export class BenchmarkStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async register({
    digest,
    file,
    visibility,
    size,
    summary,
  }: NewBenchmark): Promise<BenchmarkRecord> {
    const [row] = await this.#database.query<BenchmarkRow>(
      'insert into benchmarks (id, digest, file, visibility, size, summary) values ($1, $2, $3, $4, $5, $6) returning *',
      [newId('bmk'), digest, file, visibility, size, jsonText(summary)],
    );
    return record(row);
  }

  /** By id or by digest. */
  async find(idOrDigest: string): Promise<BenchmarkRecord | undefined> {
    const column = idOrDigest.startsWith('sha256:') ? 'digest' : 'id';
    const [row] = await this.#database.query<BenchmarkRow>(
      `select * from benchmarks where ${column} = $1`,
      [idOrDigest],
    );
    return row && record(row);
  }

  /** Oldest first. */
  async list(): Promise<BenchmarkRecord[]> {
    return (await this.#database.query<BenchmarkRow>('select * from benchmarks order by seq')).map(
      record,
    );
  }

  async remove(id: string): Promise<void> {
    await this.#database.query('delete from benchmarks where id = $1', [id]);
  }

  /** Digests of all registrations. */
  async digests(): Promise<Set<string>> {
    const rows = await this.#database.query<{ digest: string }>('select digest from benchmarks');
    return new Set(rows.map((row) => row.digest));
  }
}
