import type { Database, Queries } from '../database/database.js';

/** Draws of scores of one job, by benchmark. */
export type StoredDraws = ReadonlyMap<string, Uint8Array>;

/** A score whose draws are looked for. */
export interface DrawnRow {
  readonly job: string;
  readonly benchmark: string;
  /** Digest of what was drawn, as the score says it; null of a score of an earlier version. */
  readonly digest: string | null;
  /** null where none are kept. */
  readonly bytes: Uint8Array | null;
}

/** Rows that one statement reads: a dozen kilobytes each. */
const CHUNK = 100;

/** The draws behind intervals, beside the scores that they belong to. */
export class DrawStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The draws of scores. The caller has to know that they may be seen. */
  async read(scores: readonly (readonly [job: string, benchmark: string])[]): Promise<DrawnRow[]> {
    const rows: DrawnRow[] = [];
    for (let from = 0; from < scores.length; from += CHUNK) {
      const chunk = scores.slice(from, from + CHUNK);
      rows.push(
        ...(await this.#database.query<DrawnRow>(
          `select results.job, results.benchmark, results.score #>> '{provenance,draws}' as digest, bytes
           from unnest($1::text[], $2::text[]) as asked (job, benchmark)
           join results on results.job = asked.job and results.benchmark = asked.benchmark
           left join score_draws on score_draws.job = results.job and score_draws.benchmark = results.benchmark`,
          [chunk.map(([job]) => job), chunk.map(([, benchmark]) => benchmark)],
        )),
      );
    }
    return rows;
  }
}

/** Keeps the draws of a score that was just written; they count as its owner's. */
export async function writeDraws(
  queries: Queries,
  job: string,
  benchmark: string,
  bytes: Uint8Array,
): Promise<void> {
  await queries.query('insert into score_draws (job, benchmark, bytes) values ($1, $2, $3)', [
    job,
    benchmark,
    bytes,
  ]);
  await queries.query('update jobs set bytes = bytes + $2 where id = $1', [job, bytes.byteLength]);
}
