import { setImmediate as turn } from 'node:timers/promises';
import type { Score } from '../../scoring/measure/score.js';
import type { Database } from '../database/database.js';
import { weightOf } from '../database/page.js';

/** A number with its error, without the splits that it is of. */
interface Part {
  readonly value: number | null;
  readonly error: number | null;
}

/** What of a score is shown beside its value; without what it holds of each split and neuroid. */
export interface ScoreSummary {
  readonly job: string;
  readonly benchmark: string;
  readonly layer: string;
  readonly raw: Part;
  readonly ceiling: Part | null;
  readonly distribution?: Score['distribution'];
  readonly generalises?: Score['generalises'];
}

/** Bytes of scores that one statement unpacks: the embedded database works in the thread of the service. */
const READ_WEIGHT = 2 ** 21;
/** Scores of one statement. */
const CHUNK = 50;

const OF_ASKED = `from unnest($1::text[], $2::text[]) as asked (job, benchmark)
  join results on results.job = asked.job and results.benchmark = asked.benchmark`;

const SUMMARY = `select results.job, results.benchmark, (
    select jsonb_object_agg(key, case when key in ('raw', 'ceiling') and jsonb_typeof(value) = 'object'
      then jsonb_build_object('value', value -> 'value', 'error', value -> 'error') else value end)
    from jsonb_each(score) where key in ('layer', 'raw', 'ceiling', 'distribution', 'generalises')
  ) as score ${OF_ASKED}`;

/** The summaries of scores. The caller has to know that they may be seen. */
export async function scoreSummaries(
  database: Database,
  scores: readonly (readonly [job: string, benchmark: string])[],
): Promise<ScoreSummary[]> {
  const found: ScoreSummary[] = [];
  const weights = await database.query<{ job: string; benchmark: string; weight: number }>(
    `select results.job, results.benchmark, ${weightOf('score')} as weight ${OF_ASKED}`,
    columnsOf(scores),
  );
  for (let from = 0; from < weights.length; ) {
    let [to, sum] = [from, 0];
    while (to < weights.length && to - from < CHUNK && (to === from || sum < READ_WEIGHT))
      sum += Number(weights[to++].weight);
    const part = weights.slice(from, to).map(({ job, benchmark }) => [job, benchmark] as const);
    // The embedded database answers without a turn of the event loop.
    await turn();
    const rows = await database.query<{ job: string; benchmark: string; score: object }>(
      SUMMARY,
      columnsOf(part),
    );
    for (const { job, benchmark, score } of rows)
      found.push({ ...(score as Omit<ScoreSummary, 'job' | 'benchmark'>), job, benchmark });
    from = to;
  }
  return found;
}

const columnsOf = (scores: readonly (readonly [string, string])[]) => [
  scores.map(([job]) => job),
  scores.map(([, benchmark]) => benchmark),
];
