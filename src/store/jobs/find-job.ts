import type { Queries } from '../database/database.js';
import type { Job } from './job.js';
import { type JobRow, jobOf } from './job-rows.js';

/** Scores of a job in the order of its benchmarks. */
export const RESULTS = `(
    select jsonb_agg(results.score order by position)
    from jsonb_array_elements_text(jobs.benchmarks) with ordinality as asked (benchmark, position)
    join results on results.job = jobs.id and results.benchmark = asked.benchmark
  ) as results`;

/** A map is about a megabyte, so that lists go without. */
export const MAP = '(select map from layer_maps where layer_maps.job = jobs.map_of) as map';

/** Any job, with what it has so far. */
export async function findJob(queries: Queries, id: string): Promise<Job | undefined> {
  const [row] = await queries.query<JobRow>(
    `select jobs.*, ${RESULTS}, ${MAP} from jobs where id = $1`,
    [id],
  );
  return row && jobOf(row);
}

/** Lines of log that a job keeps. */
export const LOG_LINES = 50;

/** SQL expression: the log of a job with one line more, whose words are a parameter. */
export const logged = (words: string): string =>
  `(log || (to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z "') || ${words}::text))[greatest(cardinality(log) - ${LOG_LINES - 2}, 1):]`;
