import { readSliced } from '../../formats/sliced-json.js';
import type { Queries } from '../database/database.js';
import { readLargeJson } from '../database/large-json.js';
import { weightOf } from '../database/page.js';
import type { Job } from './job.js';
import { type JobRow, jobOf } from './job-rows.js';

/** Bytes that results or a map may have to be read with the row of their job. */
const WITH_ROW = 2 ** 18;

/** @param what an aggregate over the results of a job */
const ofResults = (what: string) => `(
    select ${what}
    from jsonb_array_elements_text(jobs.benchmarks) with ordinality as asked (benchmark, position)
    join results on results.job = jobs.id and results.benchmark = asked.benchmark)`;
const RESULTS_WEIGHT = ofResults(`sum(${weightOf('score')})`);
const MAP_WEIGHT = `(select ${weightOf('map')} from layer_maps where layer_maps.job = jobs.map_of)`;

/** Fields of the parts of a detailed score. */
const leanPart = (part: string) =>
  `(select jsonb_object_agg(key, value) from jsonb_each(${part}) where key in ('value', 'error', 'splits'))`;

/** Scores of a job as a list shows them, in the order of its benchmarks: without what was asked for in detail. */
export const LEAN_RESULTS = `${ofResults(`jsonb_agg(case when jobs.detail then (score - 'splits' - 'raw' - 'ceiling') || coalesce((
      select jsonb_object_agg(part.key, case when jsonb_typeof(part.value) = 'object' then ${leanPart('part.value')} else part.value end)
      from jsonb_each(score) as part where part.key in ('raw', 'ceiling')), '{}') else score end order by position)`)} as results`;

/** Results and map of a job; for those that are large, where they are. A map is about a megabyte, so that lists go without. */
const CONTENT = `case when ${RESULTS_WEIGHT} <= ${WITH_ROW} then ${ofResults('jsonb_agg(score order by position)')} end as results,
  case when ${RESULTS_WEIGHT} > ${WITH_ROW} then ${ofResults('array_agg(results.benchmark order by position)')} end as large_results,
  case when ${MAP_WEIGHT} <= ${WITH_ROW} then (select map from layer_maps where layer_maps.job = jobs.map_of) end as map,
  case when ${MAP_WEIGHT} > ${WITH_ROW} then map_of end as large_map`;

/** A row with its {@link CONTENT}. */
type JobContentRow = JobRow & {
  readonly large_results: readonly string[] | null;
  readonly large_map: string | null;
};

/** The job of the one row that a condition finds, if any, with all that it holds. */
export async function readJob(
  queries: Queries,
  condition: string,
  parameters: readonly unknown[],
): Promise<Job | undefined> {
  const [row] = await queries.query<JobContentRow>(
    `select jobs.*, ${CONTENT} from jobs where ${condition}`,
    parameters,
  );
  if (!row) return undefined;
  const { id, large_results: benchmarks, large_map: map } = row;
  const results: unknown[] = [];
  for (const benchmark of benchmarks ?? []) {
    const source = 'score from results where job = $1 and benchmark = $2';
    const score = await readLargeJson(queries, { source, parameters: [id, benchmark] });
    if (score !== undefined) results.push(score);
  }
  if (benchmarks) row.results = results as JobRow['results'];
  if (map !== null) {
    const [made] = await queries.query<{ text: string }>(
      'select map::text as text from layer_maps where job = $1',
      [map],
    );
    row.map = made ? ((await readSliced(made.text)) as JobRow['map']) : null;
  }
  return jobOf(row);
}

/** Any job, with its results so far. */
export function findJob(queries: Queries, id: string): Promise<Job | undefined> {
  return readJob(queries, 'id = $1', [id]);
}

/** Lines of log that a job keeps. */
const LOG_LINES = 50;

/** SQL expression: the log of a job with one line more, whose words are a parameter. */
export const logged = (words: string): string =>
  `(log || (to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z "') || ${words}::text))[greatest(cardinality(log) - ${LOG_LINES - 2}, 1):]`;
