import type { Database, Queries } from './database.js';
import type { Job, JobEnd, JobKind, JobOf, JobProgress, JobRequest, JobState } from './job.js';
import { type JobRow, jobOf } from './job-rows.js';
import { jsonText } from './json-text.js';
import { newId } from './new-id.js';
import { type Page, type PageRequest, pageOf, startOf } from './page.js';
import { asking, JOB_SEEN, type Principal } from './principal.js';

export interface JobFilter {
  readonly state?: JobState;
  /** Model as asked, or digest. */
  readonly model?: string;
  readonly benchmark?: string;
}

/** Scores of a job in the order of its benchmarks. */
const RESULTS = `(
    select jsonb_agg(results.score order by position)
    from jsonb_array_elements_text(jobs.benchmarks) with ordinality as asked (benchmark, position)
    join results on results.job = jobs.id and results.benchmark = asked.benchmark
  ) as results`;

/** A map is about a megabyte, so that lists go without. */
const MAP = '(select map from layer_maps where layer_maps.job = jobs.map_of) as map';

/** The tables of jobs and their results (design §8). */
export class JobStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Writes a job. Results of equal inputs that the principal may see become its own at once, under the
   * model's present name; a job that lacks nothing then is born `succeeded`.
   * @param also what else is written in the same transaction
   */
  create<R extends JobRequest>(
    principal: Principal,
    request: R,
    also: (queries: Queries, id: string) => Promise<void> = async () => {},
  ): Promise<JobOf<R['kind']>> {
    return this.#database.transaction(async (queries) => {
      const id = newId('job');
      await insert(queries, id, request);
      await also(queries, id);
      const whole =
        request.kind === 'score'
          ? await reuseScores(queries, principal, id, request)
          : await reuseMap(queries, principal, id, request.keys[0]);
      if (whole) {
        await queries.query(
          `update jobs set state = 'succeeded', started_at = now(), finished_at = now() where id = $1`,
          [id],
        );
      }
      return (await find(queries, id)) as JobOf<R['kind']>;
    });
  }

  /** Any job, for the service itself. */
  find(id: string): Promise<Job | undefined> {
    return find(this.#database, id);
  }

  /** A job that the principal may see. */
  async findSeen(principal: Principal, id: string): Promise<Job | undefined> {
    const [row] = await this.#database.query<JobRow>(
      `select jobs.*, ${RESULTS}, ${MAP} from jobs where id = $4 and ${JOB_SEEN}`,
      [...asking(principal), id],
    );
    return row && jobOf(row);
  }

  /** Newest first; layer maps without their result. */
  async list<K extends JobKind>(
    principal: Principal,
    kind: K,
    filter: JobFilter,
    page: PageRequest,
  ): Promise<Page<JobOf<K>>> {
    const rows = await this.#database.query<JobRow>(
      `select jobs.*, ${RESULTS} from jobs
       where kind = $9 and seq < $4 and ($6::text is null or state = $6)
       and ($7::text is null or model = $7 or digest = $7)
       and ($8::text is null or benchmarks ? $8) and ${JOB_SEEN} order by seq desc limit $5`,
      [
        ...asking(principal),
        startOf(page),
        page.limit + 1,
        filter.state ?? null,
        filter.model ?? null,
        filter.benchmark ?? null,
        kind,
      ],
    );
    return pageOf(rows, page.limit, (row) => jobOf(row) as JobOf<K>);
  }

  /** Takes the oldest queued job of any kind, and counts the attempt; undefined where none waits. */
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
      const whole =
        end.kind === 'score'
          ? await writeScores(queries, job, end.scores)
          : await writeMap(queries, job, end.map);
      const state = whole && end.failures.length === 0 ? 'succeeded' : 'failed';
      await queries.query(
        'update jobs set state = $2, failures = $3, finished_at = now() where id = $1',
        [id, state, jsonText(end.failures)],
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

  /** Whether a queued or running job needs a registered model or an uploaded benchmark. */
  async isNeeded(id: string): Promise<boolean> {
    const rows = await this.#database.query(
      `select 1 from jobs where (registration = $1 or sources ? $1) and state in ('queued', 'running') limit 1`,
      [id],
    );
    return rows.length > 0;
  }
}

async function insert(queries: Queries, id: string, request: JobRequest): Promise<void> {
  const { card, benchmarks, sources, keys, layers, input } = request;
  await queries.query(
    `insert into jobs (id, kind, state, owner, registration, model, digest, model_name, holdout, card, benchmarks, sources, keys, layers, input)
     values ($1, $2, 'queued', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      id,
      request.kind,
      request.owner,
      request.registration,
      request.model,
      request.digest,
      request.modelName,
      request.kind === 'layer-map' ? request.holdout : null,
      ...[card, benchmarks, sources, keys, layers, input].map(jsonText),
    ],
  );
}

/** @returns whether every benchmark has a score then */
async function reuseScores(
  queries: Queries,
  principal: Principal,
  id: string,
  request: JobRequest,
): Promise<boolean> {
  const reused = await queries.query(
    `insert into results (job, benchmark, key, score)
     select distinct on (asked.benchmark) $4, asked.benchmark, results.key, jsonb_set(results.score, '{name}', to_jsonb($7::text))
     from unnest($5::text[], $6::text[]) as asked (benchmark, key)
     join results on results.key = asked.key
     join jobs on jobs.id = results.job and ${JOB_SEEN}
     order by asked.benchmark, results.created_at
     returning benchmark`,
    [...asking(principal), id, request.benchmarks, request.keys, request.modelName],
  );
  return reused.length === request.benchmarks.length;
}

/** @returns whether there is a map; one of a job that failed in part is made anew */
async function reuseMap(
  queries: Queries,
  principal: Principal,
  id: string,
  key: string,
): Promise<boolean> {
  const rows = await queries.query(
    `update jobs set map_of = made.job
     from (
       select layer_maps.job from layer_maps join jobs on jobs.id = layer_maps.job
       where layer_maps.key = $5 and jobs.state = 'succeeded' and ${JOB_SEEN} order by jobs.seq limit 1
     ) as made
     where jobs.id = $4 returning jobs.id`,
    [...asking(principal), id, key],
  );
  return rows.length > 0;
}

/** @returns whether every benchmark has a score then */
async function writeScores(
  queries: Queries,
  job: JobRow,
  scores: (JobEnd & { kind: 'score' })['scores'],
): Promise<boolean> {
  for (const score of scores) {
    await queries.query(
      'insert into results (job, benchmark, key, score) values ($1, $2, $3, $4)',
      [job.id, score.benchmark, job.keys[job.benchmarks.indexOf(score.benchmark)], jsonText(score)],
    );
  }
  const [{ n }] = await queries.query<{ n: number }>(
    'select count(*)::int as n from results where job = $1',
    [job.id],
  );
  return n === job.benchmarks.length;
}

/** @returns whether there is a map */
async function writeMap(
  queries: Queries,
  { id, keys }: JobRow,
  map: (JobEnd & { kind: 'layer-map' })['map'],
): Promise<boolean> {
  if (!map) return false;
  await queries.query('insert into layer_maps (job, key, map) values ($1, $2, $3)', [
    id,
    keys[0],
    jsonText(map),
  ]);
  await queries.query('update jobs set map_of = $1 where id = $1', [id]);
  return true;
}

async function find(queries: Queries, id: string): Promise<Job | undefined> {
  const [row] = await queries.query<JobRow>(
    `select jobs.*, ${RESULTS}, ${MAP} from jobs where id = $1`,
    [id],
  );
  return row && jobOf(row);
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
