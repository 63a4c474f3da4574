import type { Queries } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import type { JobRequest } from './job.js';

/** Turns that a map, a training or a score with floors costs. */
const LONG_TURNS = 10;

/**
 * The turn of a new job, as its priority: owners take turns even if one submitted a hundred jobs first, and so do
 * the scores and the maps of one owner (self-clocked fair queueing, Golestani 1994). The clock is the turn of the
 * job that started last; a job ends its own one turn after it or after the last of its kind that its owner has
 * open, a map, a training or a score with floors ten.
 */
const PRIORITY = `(
    select least(
      coalesce((select priority from jobs where started_at is not null order by started_at desc limit 1), 0),
      min(priority)
    ) - case when $2 = 'score' and $20::jsonb is null then 1 else ${LONG_TURNS} end
    from jobs where state in ('queued', 'running') and owner = $3 and kind = $2
  )`;

/** Bytes of the row of a job beside its JSON: its state, its log, its webhook. */
const ROW_BYTES = 1024;

/** Writes the row of a job, queued. @returns its priority */
export async function insertJob(
  queries: Queries,
  id: string,
  request: JobRequest,
): Promise<number> {
  const { card, benchmarks, sources, keys } = request;
  const { layers, input } = request.kind === 'training' ? {} : request;
  const pool = request.kind === 'layer-map' ? request.pool : undefined;
  const { floors, provider } = request.kind === 'training' ? {} : request;
  const json = [card, benchmarks, sources, keys, layers, input, pool].map(jsonText);
  const bytes = json.reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), ROW_BYTES);
  // Two concurrent inserts would get the same turn.
  await queries.query(`select pg_advisory_xact_lock(hashtextextended('turn of ' || $1, 0))`, [
    request.owner,
  ]);
  const [{ priority }] = await queries.query<{ priority: number }>(
    `insert into jobs (id, kind, state, owner, registration, model, digest, model_name, holdout, detail, card, benchmarks, sources, keys, layers, input, pool, bytes, pca, nested, floors, provider, priority)
     values ($1, $2, 'queued', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, ${PRIORITY})
     returning priority`,
    [
      id,
      request.kind,
      request.owner,
      request.registration,
      request.model,
      request.digest,
      request.modelName,
      request.kind === 'layer-map' ? request.holdout : null,
      request.kind === 'score' && request.detail === true,
      ...json,
      bytes,
      request.kind === 'layer-map' ? (request.pca ?? null) : null,
      request.kind === 'layer-map' ? (request.nested ?? null) : null,
      jsonText(floors),
      provider ?? null,
    ],
  );
  return priority;
}
