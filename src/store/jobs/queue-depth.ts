import type { Queries } from '../database/database.js';
import { SERVICE_OWNER } from '../records/principal.js';

/** How much work the queue has, without the jobs of the service itself, which make way for all others. */
export interface QueueDepth {
  readonly queued: number;
  readonly running: number;
  /** Open layer maps among them: idle workers share one. */
  readonly maps: number;
}

/** Counts the open jobs. */
export async function queueDepth(queries: Queries): Promise<QueueDepth> {
  const [depth] = await queries.query<{ queued: number; running: number; maps: number }>(
    `select count(*) filter (where state = 'queued')::int as queued,
       count(*) filter (where state = 'running')::int as running,
       count(*) filter (where kind = 'layer-map')::int as maps
     from jobs where state in ('queued', 'running') and owner <> $1`,
    [SERVICE_OWNER],
  );
  return depth;
}
