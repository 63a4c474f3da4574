import type { Database, Queries } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import { newId } from '../database/new-id.js';
import {
  behind,
  type Page,
  type PagedRow,
  type PageRequest,
  placeOf,
  type Weight,
  weighed,
  weighedPage,
  weightOf,
} from '../database/page.js';
import { asking, JOB_SEEN, type Principal, SERVICE_OWNER } from '../records/principal.js';
import { generousQuotas, type Quotas, requireJobQuota, requireStorage } from '../records/quota.js';
import { appendEvent, EventStore } from './event-store.js';
import { findJob, LEAN_RESULTS, readJob } from './find-job.js';
import { insertJob } from './insert-job.js';
import type { Job, JobKind, JobOf, JobRequest, JobState, TrainingJobRequest } from './job.js';
import { enqueue, JobAttempts } from './job-attempts.js';
import { endJob } from './job-end.js';
import { JobQueue } from './job-queue.js';
import { type JobRow, jobOf } from './job-rows.js';
import { PartStore } from './part-store.js';
import { TrainingStore } from './training-store.js';

export interface JobFilter {
  readonly state?: JobState;
  /** Model as requested, or digest. */
  readonly model?: string;
  readonly benchmark?: string;
  /** Without one, those of everybody but the service itself. */
  readonly owner?: string;
}

/** Bytes of a job with its results, at most. */
const JOB_WEIGHT = `${['card', 'recipe', 'failures'].map(weightOf).join(' + ')} + coalesce(
    (select sum(${weightOf('score')}) from results where results.job = jobs.id), 0)`;

/** The tables of jobs and their results (design §8). */
export class JobStore {
  readonly events: EventStore;
  /** What workers do with jobs. */
  readonly attempts: JobAttempts;
  readonly parts: PartStore;
  readonly trainings: TrainingStore;
  readonly #database: Database;
  readonly #quotas: Quotas;
  readonly #queue: JobQueue;

  constructor(database: Database, quotas = generousQuotas) {
    this.#database = database;
    this.#quotas = quotas;
    this.events = new EventStore(database);
    this.#queue = new JobQueue(database);
    this.attempts = new JobAttempts(database, this.#queue, this.events);
    this.parts = new PartStore(database, this.#queue, this.events);
    this.trainings = new TrainingStore(database);
  }

  /**
   * Writes a job. Results of equal inputs that the principal may see become its own at once, under the
   * model's present name; a job that lacks nothing then is born `succeeded`.
   * @throws VentralError `quota-exceeded`, `storage-exceeded`
   * @param also what else is written in the same transaction
   */
  async create<R extends JobRequest>(
    principal: Principal,
    request: R,
    also: (queries: Queries, id: string) => Promise<void> = async () => {},
  ): Promise<JobOf<R['kind']>> {
    return this.#database.transaction(async (queries) => {
      const id = newId('job');
      const priority = await insertJob(queries, id, request);
      if (request.kind === 'training') await this.#addRecipe(queries, principal, id, request);
      await also(queries, id);
      await appendEvent(queries, id, 'state', { state: 'queued', attempt: 0 });
      if (await reuse(queries, principal, id, request))
        await endJob(queries, id, { state: 'succeeded' });
      else {
        await requireJobQuota(queries, principal, this.#quotas);
        const { provider } = request.kind === 'training' ? {} : request;
        await enqueue(queries, this.#queue, { id, priority, provider });
      }
      const { role, owner } = principal;
      await requireStorage(queries, owner, role === 'admin' ? null : this.#quotas.storage);
      return (await findJob(queries, id)) as JobOf<R['kind']>;
    });
  }

  #addRecipe(
    queries: Queries,
    { role }: Principal,
    id: string,
    { recipe }: TrainingJobRequest,
  ): Promise<unknown> {
    const storage = role === 'admin' ? null : this.#quotas.storage;
    return queries.query(
      'update jobs set recipe = $2::text::json, storage = $3, bytes = bytes + octet_length($2::text) where id = $1',
      [id, jsonText(recipe), storage],
    );
  }

  /** Any job, for the service itself. */
  find(id: string): Promise<Job | undefined> {
    return findJob(this.#database, id);
  }

  /** The state of any job, without its contents. */
  async state(id: string): Promise<Pick<Job, 'state'> | undefined> {
    const [row] = await this.#database.query<Pick<JobRow, 'state'>>(
      'select state from jobs where id = $1',
      [id],
    );
    return row;
  }

  /** A job that the principal may see. */
  findSeen(principal: Principal, id: string): Promise<Job | undefined> {
    return readJob(this.#database, `id = $4 and ${JOB_SEEN}`, [...asking(principal), id]);
  }

  /** Kind and state of a job that the principal may see, without its contents. */
  async stateSeen(
    principal: Principal,
    id: string,
  ): Promise<Pick<Job, 'id' | 'kind' | 'state'> | undefined> {
    const [row] = await this.#database.query<Pick<JobRow, 'id' | 'kind' | 'state'>>(
      `select id, kind, state from jobs where id = $4 and ${JOB_SEEN}`,
      [...asking(principal), id],
    );
    return row;
  }

  /** Newest first; layer maps without their result, scores without details. */
  async list<K extends JobKind>(
    principal: Principal,
    kind: K,
    filter: JobFilter,
    page: PageRequest,
  ): Promise<Page<JobOf<K>>> {
    const placed = await this.#database.query<PagedRow>(
      `select id, created_at from jobs
       where kind = $4 and ${behind('jobs', 5)} and ($7::text is null or state = $7)
       and ($8::text is null or model = $8 or digest = $8)
       and ($9::text is null or benchmarks ? $9)
       and case when $10::text is null then owner <> '${SERVICE_OWNER}' else owner = $10 end
       and ${JOB_SEEN} order by seq desc limit $11`,
      [
        ...asking(principal),
        kind,
        ...placeOf(page),
        filter.state ?? null,
        filter.model ?? null,
        filter.benchmark ?? null,
        filter.owner ?? null,
        page.limit + 1,
      ],
    );
    const rows = await weighed(placed, (ids) =>
      this.#database.query<Weight>(
        `select id, ${JOB_WEIGHT} as weight from jobs where id = any($1)`,
        [ids],
      ),
    );
    const read = (ids: readonly string[]) =>
      this.#database.query<JobRow>(
        `select jobs.*, ${LEAN_RESULTS} from jobs where id = any($4) and ${JOB_SEEN}`,
        [...asking(principal), ids],
      );
    return weighedPage(rows, page.limit, read, (row) => jobOf(row) as JobOf<K>);
  }

  /** Cancels an open job; undefined if it is not open. */
  async cancel(
    id: string,
    also: (queries: Queries) => Promise<void> = async () => {},
  ): Promise<Job | undefined> {
    const cancelled = await this.#database.transaction(async (queries) => {
      const [job] = await queries.query<{ entry: string }>(
        `select entry from jobs where id = $1 and state in ('queued', 'running') for update`,
        [id],
      );
      if (!job) return false;
      await endJob(queries, id, { state: 'cancelled' });
      if (job.entry) await this.#queue.done(queries, job.entry);
      await also(queries);
      return true;
    });
    if (!cancelled) return undefined;
    this.events.announce(id);
    return this.find(id);
  }

  /** Whether a job of another owner is queued or running. */
  async othersWait({ owner }: Principal): Promise<boolean> {
    const rows = await this.#database.query(
      `select 1 from jobs where owner <> $1 and state in ('queued', 'running') limit 1`,
      [owner],
    );
    return rows.length > 0;
  }

  /** The open jobs of an owner, oldest first. */
  async openOf({ owner }: Principal): Promise<string[]> {
    const rows = await this.#database.query<{ id: string }>(
      `select id from jobs where owner = $1 and state in ('queued', 'running') order by seq`,
      [owner],
    );
    return rows.map(({ id }) => id);
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

/** Gives a job what equal inputs have given before. @returns whether it lacks nothing then */
function reuse(
  queries: Queries,
  principal: Principal,
  id: string,
  request: JobRequest,
): Promise<boolean> {
  if (request.kind === 'score') return reuseScores(queries, principal, id, request);
  if (request.kind === 'layer-map') return reuseMap(queries, principal, id, request.keys[0]);
  return Promise.resolve(false);
}

/** @returns whether every benchmark has a score then */
async function reuseScores(
  queries: Queries,
  principal: Principal,
  id: string,
  request: JobRequest,
): Promise<boolean> {
  const reused = await queries.query<{ score: unknown }>(
    `insert into results (job, benchmark, key, score)
     select distinct on (asked.benchmark) $4, asked.benchmark, results.key, jsonb_set(results.score, '{name}', to_jsonb($7::text))
     from unnest($5::text[], $6::text[]) as asked (benchmark, key)
     join results on results.key = asked.key
     join jobs on jobs.id = results.job and ${JOB_SEEN}
     order by asked.benchmark, results.created_at
     returning benchmark, score`,
    [...asking(principal), id, request.benchmarks, request.keys, request.modelName],
  );
  for (const { score } of reused) await appendEvent(queries, id, 'result', score);
  await reuseDraws(queries, principal, id);
  return reused.length === request.benchmarks.length;
}

/** Equal keys mean equal draws; those of jobs that the principal may not see may be forged. */
async function reuseDraws(queries: Queries, principal: Principal, id: string): Promise<void> {
  await queries.query(
    `with kept as (
       insert into score_draws (job, benchmark, bytes)
       select distinct on (own.benchmark) own.job, own.benchmark, score_draws.bytes
       from results as own
       join results as made on made.key = own.key and made.benchmark = own.benchmark
       join score_draws on score_draws.job = made.job and score_draws.benchmark = made.benchmark
       join jobs on jobs.id = made.job and ${JOB_SEEN}
       where own.job = $4
       order by own.benchmark, made.created_at
       returning octet_length(bytes) as size
     )
     update jobs set bytes = bytes + coalesce((select sum(size) from kept), 0) where id = $4`,
    [...asking(principal), id],
  );
}

/** @returns whether there is a map; the map of a partly failed job is recomputed */
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
