import type { Queries } from '../database/database.js';
import { asking, JOB_SEEN, type Principal } from '../records/principal.js';
import type { JobKind, JobProgress } from './job.js';

/** A queued or running job, without its contents. */
export interface OpenJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly state: 'queued' | 'running';
  readonly owner: string;
  readonly model: string;
  readonly modelName: string;
  /** As the card says it. */
  readonly weights: string | null;
  readonly benchmarks: readonly string[];
  readonly progress: JobProgress | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  /** Place among the queued jobs, of whomever they are; null of a running one. */
  readonly position: number | null;
}

/** The open jobs that somebody sees. */
export interface OpenJobs {
  readonly running: number;
  readonly queued: number;
  /** Those asked for: running ones first, then in the order in which they start. */
  readonly items: readonly OpenJob[];
  /** Seconds from now until a queued job starts, by its position; null if there is no telling. */
  startsIn(position: number): number | null;
}

/** Columns that need no other name. */
const FIELDS = 'id, kind, state, owner, model, benchmarks, progress';

/** Every open job with its place; `open_jobs` stands in for `jobs` in the condition of who sees what. */
const OPEN = `
  with open_jobs as (
    select jobs.*, row_number() over (partition by jobs.state order by tickets.priority desc nulls last, tickets.seq, jobs.seq) as place
    from jobs left join tickets on tickets.id = jobs.entry where jobs.state in ('queued', 'running')
  )`;

/** Ended jobs whose time tells how long others take. */
const RECENT = 20;

interface Row extends Omit<OpenJob, 'position'> {
  readonly place: string | number;
}

/** Reads the open jobs that a principal sees. */
export async function openJobs(
  queries: Queries,
  principal: Principal,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<OpenJobs> {
  const who = asking(principal);
  const [counts] = await queries.query<{ running: number; queued: number }>(
    `${OPEN} select count(*) filter (where state = 'running')::int as running,
       count(*) filter (where state = 'queued')::int as queued from open_jobs as jobs where ${JOB_SEEN}`,
    [...who],
  );
  const rows = await queries.query<Row>(
    `${OPEN} select ${FIELDS}, model_name as "modelName", card ->> 'weights' as weights,
       created_at as "createdAt", started_at as "startedAt", place
     from open_jobs as jobs where ${JOB_SEEN} order by state = 'running' desc, place offset $4 limit $5`,
    [...who, offset, limit],
  );
  const startsIn = await estimate(queries);
  return {
    ...counts,
    items: rows.map(({ place, ...job }) => ({
      ...job,
      position: job.state === 'queued' ? Number(place) : null,
    })),
    startsIn,
  };
}

/**
 * When queued jobs start, as far as can be told: the work that is left of the running jobs and that of the queued ones
 * ahead, each as long as recent jobs took, shared by as many jobs as run.
 */
async function estimate(queries: Queries): Promise<OpenJobs['startsIn']> {
  const [{ mean }] = await queries.query<{ mean: number | null }>(
    `select avg(seconds)::float8 as mean from (
       select extract(epoch from finished_at - started_at) as seconds from jobs
       where state = 'succeeded' and started_at is not null order by finished_at desc limit ${RECENT}
     ) as recent`,
  );
  const running = await queries.query<{ eta: number | null }>(
    `select (progress ->> 'etaSeconds')::float8 as eta from jobs where state = 'running'`,
  );
  const left = running.map(({ eta }) => eta ?? mean);
  return (position) => {
    if (left.length === 0 || left.includes(null)) return null;
    if (position > 1 && mean === null) return null;
    const first = Math.min(...left.map(Number));
    return Math.round(first + ((position - 1) * Number(mean ?? 0)) / left.length);
  };
}
