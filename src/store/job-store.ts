import type { Score } from '../scoring/score.js';
import type { Database, Queries } from './database.js';
import { jsonText } from './json-text.js';
import { newId } from './new-id.js';
import { type Page, type PageRequest, pageOf, startOf } from './page.js';

/** Where a job stands. The last three are final. */
export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

/** How far a running job is. */
export interface JobProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly etaSeconds: number | null;
}

/** A benchmark without a result, and why. */
export interface JobFailure {
  readonly benchmark: string;
  /** A problem document. */
  readonly problem: unknown;
}

/** What a score job is asked to do; model and card are as they were when it was asked. */
export interface JobRequest {
  /** The model as it was named: id, digest or shipped name. */
  readonly model: string;
  readonly digest: string;
  readonly modelName: string;
  /** A model card, as JSON. */
  readonly card: unknown;
  readonly benchmarks: readonly string[];
  /** Where they come from: a shipped identifier, or the id of an uploaded file that may hold several. */
  readonly sources: readonly string[];
  /** For each benchmark, the digest of all inputs of its score: equal keys, equal scores. */
  readonly keys: readonly string[];
  readonly layers?: Readonly<Record<string, string>>;
  readonly input?: Readonly<Record<string, number>>;
}

/** A score job with what it has so far. */
export interface Job extends JobRequest {
  readonly id: string;
  readonly state: JobState;
  /** Counts the workers that took it; results of an earlier attempt are refused. */
  readonly attempt: number;
  readonly progress: JobProgress | null;
  readonly results: readonly Score[];
  readonly failures: readonly JobFailure[];
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export interface JobFilter {
  readonly state?: JobState;
  /** Model as asked, or digest. */
  readonly model?: string;
  readonly benchmark?: string;
}

/** What a worker found, in one piece. */
export interface JobEnd {
  readonly scores: readonly Score[];
  readonly failures: readonly JobFailure[];
}

interface JobRow {
  id: string;
  seq: number;
  state: JobState;
  model: string;
  digest: string;
  model_name: string;
  card: unknown;
  benchmarks: string[];
  keys: string[];
  sources: string[];
  layers: Record<string, string> | null;
  input: Record<string, number> | null;
  attempt: number;
  progress: JobProgress | null;
  failures: JobFailure[];
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
  results: Score[] | null;
}

/** A job with its results in the order of its benchmarks. */
const SELECT = `select jobs.*, (
    select jsonb_agg(results.score order by position)
    from jsonb_array_elements_text(jobs.benchmarks) with ordinality as asked (benchmark, position)
    join results on results.job = jobs.id and results.benchmark = asked.benchmark
  ) as results from jobs`;

const record = (row: JobRow): Job => ({
  id: row.id,
  state: row.state,
  model: row.model,
  digest: row.digest,
  modelName: row.model_name,
  card: row.card,
  benchmarks: row.benchmarks,
  keys: row.keys,
  sources: row.sources,
  ...(row.layers ? { layers: row.layers } : {}),
  ...(row.input ? { input: row.input } : {}),
  attempt: row.attempt,
  progress: row.progress,
  results: row.results ?? [],
  failures: row.failures,
  createdAt: row.created_at,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
});

/** The tables of score jobs and their results (design §8). */
export class JobStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Writes a job. Results of equal inputs that are in the store become its own at once, under the
   * model's present name; a job whose every benchmark has one is born `succeeded`.
   */
  create(request: JobRequest): Promise<Job> {
    return this.#database.transaction(async (queries) => {
      const id = newId('job');
      await queries.query(
        `insert into jobs (id, state, model, digest, model_name, card, benchmarks, sources, keys, layers, input)
         values ($1, 'queued', $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        [
          id,
          request.model,
          request.digest,
          request.modelName,
          ...[
            request.card,
            request.benchmarks,
            request.sources,
            request.keys,
            request.layers,
            request.input,
          ].map(jsonText),
        ],
      );
      const reused = await queries.query(
        `insert into results (job, benchmark, key, score)
         select distinct on (asked.benchmark) $1, asked.benchmark, results.key, jsonb_set(results.score, '{name}', to_jsonb($4::text))
         from unnest($2::text[], $3::text[]) as asked (benchmark, key)
         join results on results.key = asked.key
         order by asked.benchmark, results.created_at
         returning benchmark`,
        [id, request.benchmarks, request.keys, request.modelName],
      );
      if (reused.length === request.benchmarks.length) {
        await queries.query(
          `update jobs set state = 'succeeded', started_at = now(), finished_at = now() where id = $1`,
          [id],
        );
      }
      return (await find(queries, id))!;
    });
  }

  find(id: string): Promise<Job | undefined> {
    return find(this.#database, id);
  }

  /** Newest first. */
  async list(filter: JobFilter, page: PageRequest): Promise<Page<Job>> {
    const rows = await this.#database.query<JobRow>(
      `${SELECT} where seq < $1 and ($3::text is null or state = $3) and ($4::text is null or model = $4 or digest = $4)
       and ($5::text is null or benchmarks ? $5) order by seq desc limit $2`,
      [
        startOf(page),
        page.limit + 1,
        filter.state ?? null,
        filter.model ?? null,
        filter.benchmark ?? null,
      ],
    );
    return pageOf(rows, page.limit, record);
  }

  /** Takes the oldest queued job, and counts the attempt; undefined where none waits. */
  async claim(): Promise<Job | undefined> {
    const [row] = await this.#database.query<{ id: string }>(
      `update jobs set state = 'running', attempt = attempt + 1, started_at = coalesce(started_at, now()), progress = null
       where id = (select id from jobs where state = 'queued' order by seq limit 1 for update skip locked) returning id`,
    );
    return row && this.find(row.id);
  }

  /** False where the attempt is over: cancelled, ended, or taken by another worker. */
  async setProgress(id: string, attempt: number, progress: JobProgress): Promise<boolean> {
    const rows = await this.#database.query(
      `update jobs set progress = $3 where id = $1 and attempt = $2 and state = 'running' returning id`,
      [id, attempt, jsonText(progress)],
    );
    return rows.length > 0;
  }

  /**
   * Writes results and the job's end in one transaction, if the attempt still holds.
   * @returns the ended job, or undefined where the results came too late and nothing was written
   */
  finish(id: string, attempt: number, end: JobEnd): Promise<Job | undefined> {
    return this.#database.transaction(async (queries) => {
      const job = await lockRunning(queries, id, attempt);
      if (!job) return undefined;
      for (const score of end.scores) {
        await queries.query(
          'insert into results (job, benchmark, key, score) values ($1, $2, $3, $4)',
          [id, score.benchmark, job.keys[job.benchmarks.indexOf(score.benchmark)], jsonText(score)],
        );
      }
      const [{ n }] = await queries.query<{ n: number }>(
        'select count(*)::int as n from results where job = $1',
        [id],
      );
      await queries.query(
        'update jobs set state = $2, failures = $3, finished_at = now() where id = $1',
        [id, n === job.benchmarks.length ? 'succeeded' : 'failed', jsonText(end.failures)],
      );
      return find(queries, id);
    });
  }

  /** Ends an open job as cancelled; undefined where it is not open. */
  async cancel(id: string): Promise<Job | undefined> {
    const rows = await this.#database.query(
      `update jobs set state = 'cancelled', finished_at = now() where id = $1 and state in ('queued', 'running') returning id`,
      [id],
    );
    return rows.length > 0 ? this.find(id) : undefined;
  }

  /** Puts one attempt back into the queue, as a service does that stops. */
  async requeue(id: string, attempt: number): Promise<void> {
    await this.#database.query(
      `update jobs set state = 'queued', progress = null where id = $1 and attempt = $2 and state = 'running'`,
      [id, attempt],
    );
  }

  /** Puts back what a dead service left running. The caller owns the home, so nobody else runs it. */
  async requeueAll(): Promise<number> {
    const rows = await this.#database.query(
      `update jobs set state = 'queued', progress = null where state = 'running' returning id`,
    );
    return rows.length;
  }

  /** Whether a queued or running job needs a model (by digest) or an uploaded benchmark (by id). */
  async isNeeded(digestOrId: string): Promise<boolean> {
    const rows = await this.#database.query(
      `select 1 from jobs where (digest = $1 or sources ? $1) and state in ('queued', 'running') limit 1`,
      [digestOrId],
    );
    return rows.length > 0;
  }
}

async function find(queries: Queries, id: string): Promise<Job | undefined> {
  const [row] = await queries.query<JobRow>(`${SELECT} where id = $1`, [id]);
  return row && record(row);
}

async function lockRunning(
  queries: Queries,
  id: string,
  attempt: number,
): Promise<JobRow | undefined> {
  const [row] = await queries.query<JobRow>(
    `select * from jobs where id = $1 and attempt = $2 and state = 'running' for update`,
    [id, attempt],
  );
  return row;
}
