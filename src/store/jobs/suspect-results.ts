import type { Logger } from 'pino';
import type { Database, Queries } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import type { DamageWatch, FileDamage } from '../files/damaged-file.js';

/** Prefix of the key of a suspect result: no request of equal inputs finds it. */
const SUSPECT = 'suspect:';
/**
 * Tolerance for clock differences in seconds: results from shortly before the damage are suspect too.
 */
const CLOCKS_SECONDS = 5;

/** SQL condition on `jobs`: the job uses the bytes of `$1`. */
const USES = {
  model: 'jobs.digest = $1',
  benchmark: `exists (select from benchmarks where benchmarks.digest = $1 and jobs.sources ? benchmarks.id)`,
};

/**
 * Withdraws results that may have been computed from damaged bytes: they lose their value, which a warning keeps,
 * and are not reused for equal inputs.
 * @returns ids of the jobs that have such results
 */
function withdrawResults(
  database: Database,
  { kind, digest, since }: FileDamage,
): Promise<readonly string[]> {
  const words = `The stored ${kind} ${digest} was damaged, possibly before this result was computed: compute it again`;
  return database.transaction(async (queries) => {
    const scores = await withdrawScores(queries, { kind, digest, since, words });
    const maps = await withdrawMaps(queries, { kind, digest, since, words });
    return [...new Set([...scores, ...maps])];
  });
}

type Suspicion = Pick<FileDamage, 'kind' | 'digest' | 'since'> & { readonly words: string };

const after = (column: string) =>
  `($2::timestamptz is null or ${column} > $2::timestamptz - interval '${CLOCKS_SECONDS} seconds')`;

async function withdrawScores(
  queries: Queries,
  { kind, digest, since, words }: Suspicion,
): Promise<string[]> {
  const rows = await queries.query<{ job: string }>(
    `update results set key = '${SUSPECT}' || results.key,
       score = results.score || '{"value": null, "error": null, "ci": null}' || jsonb_build_object('warnings',
         coalesce(results.score -> 'warnings', '[]') || jsonb_build_object('code', 'file-damaged', 'detail',
           concat($3::text, '; its value was ', coalesce(results.score ->> 'value', 'none'))))
     from jobs
     where jobs.id = results.job and jobs.brought is null and ${USES[kind]} and ${after('results.created_at')}
     and not starts_with(results.key, '${SUSPECT}') returning results.job`,
    [digest, since, words],
  );
  const jobs = [...new Set(rows.map(({ job }) => job))];
  if (jobs.length === 0) return [];
  await queries.query(
    `delete from score_draws using results where results.job = score_draws.job
     and results.benchmark = score_draws.benchmark and results.job = any($1::text[]) and starts_with(key, '${SUSPECT}')`,
    [jobs],
  );
  await queries.query('select record_scores($1::text[])', [jobs]);
  await queries.query(
    `update events set data = results.score::text::json from results
     where events.job = any($1::text[]) and events.type = 'result' and results.job = events.job
     and results.benchmark = events.data ->> 'benchmark' and starts_with(results.key, '${SUSPECT}')`,
    [jobs],
  );
  return jobs;
}

async function withdrawMaps(
  queries: Queries,
  { kind, digest, since, words }: Suspicion,
): Promise<string[]> {
  const rows = await queries.query<{ job: string; map: MapWithWarnings }>(
    `select layer_maps.job, layer_maps.map from layer_maps join jobs on jobs.id = layer_maps.job
     where ${USES[kind]} and ${after('layer_maps.created_at')}
     and not starts_with(layer_maps.key, '${SUSPECT}')`,
    [digest, since],
  );
  for (const { job, map } of rows) {
    const { warnings = [] } = map.provenance;
    const flagged = { ...map, provenance: { ...map.provenance, warnings: [...warnings, words] } };
    await queries.query(
      `update layer_maps set key = '${SUSPECT}' || key, map = $2 where job = $1`,
      [job, jsonText(flagged)],
    );
  }
  return rows.map(({ job }) => job);
}

interface MapWithWarnings {
  readonly provenance: { readonly warnings?: readonly string[] };
}

/** Ids of jobs whose results were withdrawn because of a file, and of trainings that used it since. */
export async function suspectJobs(
  database: Database,
  { kind, digest, since }: Pick<FileDamage, 'kind' | 'digest' | 'since'>,
): Promise<readonly string[]> {
  const rows = await database.query<{ id: string }>(
    `select id from jobs where ${USES[kind]} and (
       exists (select from results where job = jobs.id and starts_with(key, '${SUSPECT}'))
       or exists (select from layer_maps where job = jobs.id and starts_with(key, '${SUSPECT}'))
       or (jobs.kind = 'training' and ${after('coalesce(jobs.finished_at, now())')})
     ) order by seq`,
    [digest, since],
  );
  return rows.map(({ id }) => id);
}

/** Logs damage, and withdraws results that may have been computed from it. */
export const watchDamage = (
  database: Database,
  log?: Pick<Logger, 'warn' | 'error'>,
): DamageWatch => ({
  async damaged(damage) {
    const { kind, digest, names, since } = damage;
    const jobs = await withdrawResults(database, damage);
    log?.error({ kind, digest, names, since, jobs }, 'A stored file is damaged');
  },
  repaired: ({ kind, digest }) => log?.warn({ kind, digest }, 'A damaged file was replaced'),
});
