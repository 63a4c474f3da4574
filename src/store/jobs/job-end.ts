import type { Score } from '../../scoring/measure/score.js';
import type { Queries } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import { type StoredDraws, writeDraws } from '../records/draw-store.js';
import { appendEvent } from './event-store.js';
import { logged } from './find-job.js';
import type { JobEnd } from './job.js';
import type { JobRow } from './job-rows.js';

/** Fields of a locked job. */
export type Held = Pick<JobRow, 'id' | 'benchmarks' | 'keys' | 'entry'>;

/** The last thing that happens to a job. */
export async function endJob(
  queries: Queries,
  id: string,
  end: {
    readonly state: 'succeeded' | 'failed' | 'cancelled';
    readonly failures?: JobEnd['failures'];
    readonly usage?: unknown;
  },
): Promise<void> {
  const { state, failures = [], usage } = end;
  await queries.query(
    `update jobs set state = $2, failures = $3, usage = $4, finished_at = now(),
     started_at = case when $2 = 'cancelled' then started_at else coalesce(started_at, now()) end,
     log = ${logged('$5')} where id = $1`,
    [
      id,
      state,
      jsonText(failures),
      jsonText(usage),
      `The job has ${state === 'cancelled' ? 'been cancelled' : state}`,
    ],
  );
  await queries.query('delete from parts where job = $1', [id]);
  await queries.query('delete from cells where job = $1', [id]);
  if (state === 'cancelled') await queries.query('delete from checkpoints where job = $1', [id]);
  await appendEvent(queries, id, 'end', { state, failures });
}

/** A result that is there already, from an earlier attempt or from this one, stays. */
export async function writeScores(
  queries: Queries,
  job: Held,
  scores: readonly Score[],
  draws?: StoredDraws,
): Promise<void> {
  for (const score of scores) {
    const written = await queries.query(
      `insert into results (job, benchmark, key, score) values ($1, $2, $3, $4)
       on conflict (job, benchmark) do nothing returning 1`,
      [job.id, score.benchmark, job.keys[job.benchmarks.indexOf(score.benchmark)], jsonText(score)],
    );
    if (written.length === 0) continue;
    const bytes = draws?.get(score.benchmark);
    if (bytes) await writeDraws(queries, job.id, score.benchmark, bytes);
    await appendEvent(queries, job.id, 'result', score);
  }
}

export async function hasAllScores(queries: Queries, job: Held): Promise<boolean> {
  const [{ n }] = await queries.query<{ n: number }>(
    'select count(*)::int as n from results where job = $1',
    [job.id],
  );
  return n === job.benchmarks.length;
}

export async function writeMap(
  queries: Queries,
  { id, keys }: Held,
  map: (JobEnd & { kind: 'layer-map' })['map'],
): Promise<void> {
  if (!map) return;
  await queries.query('insert into layer_maps (job, key, map) values ($1, $2, $3)', [
    id,
    keys[0],
    jsonText(map),
  ]);
  await queries.query(
    `update jobs set map_of = $1, bytes = bytes + (select octet_length(map::text) from layer_maps where job = $1)
     where id = $1`,
    [id],
  );
  await appendEvent(queries, id, 'result', { benchmarks: map.benchmarks, chosen: map.chosen });
}
