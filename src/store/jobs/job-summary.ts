import type { Queries } from '../database/database.js';
import { asking, JOB_SEEN, type Principal } from '../records/principal.js';
import type { JobKind, JobState } from './job.js';

/** What a job is, and its scores so far, without what makes a job large. */
export interface JobSummary {
  readonly kind: JobKind;
  readonly state: JobState;
  readonly modelName: string;
  /** As the card says it. */
  readonly weights: string | null;
  readonly benchmarks: readonly string[];
  readonly scores: readonly {
    readonly benchmark: string;
    readonly value: number | null;
    readonly raw: number | null;
    readonly ceiling: number | null;
  }[];
}

/** Reads a job that a principal may see; undefined if there is none. */
export async function jobSummary(
  queries: Queries,
  principal: Principal,
  id: string,
): Promise<JobSummary | undefined> {
  const [row] = await queries.query<Omit<JobSummary, 'scores'>>(
    `select kind, state, model_name as "modelName", card ->> 'weights' as weights, benchmarks
     from jobs where id = $4 and ${JOB_SEEN}`,
    [...asking(principal), id],
  );
  if (!row) return undefined;
  const scores = await queries.query<JobSummary['scores'][number]>(
    `select benchmark, (score ->> 'value')::float8 as value, (score #>> '{raw,value}')::float8 as raw,
       (score #>> '{ceiling,value}')::float8 as ceiling
     from results where job = $1 order by benchmark`,
    [id],
  );
  return { ...row, scores };
}
