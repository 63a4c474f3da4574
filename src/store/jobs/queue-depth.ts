import { type Provider, providers } from '../../runtime/provider.js';
import type { Queries } from '../database/database.js';
import { SERVICE_OWNER } from '../records/principal.js';
import { isFor } from './job-queue.js';

/** How much work the queue has, without the jobs of the service itself, which make way for all others. */
export interface QueueDepth {
  /** Queued jobs that the workers take. */
  readonly queued: number;
  /** Queued jobs that ask for a provider that the workers do not have. */
  readonly others: number;
  /** Running jobs, whatever they ask for. */
  readonly running: number;
  /** Open layer maps that the workers take: idle ones share one. */
  readonly maps: number;
}

/**
 * Counts the open jobs.
 * @param offered what the workers compute on; all providers unless said
 */
export async function queueDepth(
  queries: Queries,
  offered: readonly Provider[] = providers,
): Promise<QueueDepth> {
  const [depth] = await queries.query<{ [Count in keyof QueueDepth]: number }>(
    `select count(*) filter (where state = 'queued' and ${isFor('$2')})::int as queued,
       count(*) filter (where state = 'queued' and not ${isFor('$2')})::int as others,
       count(*) filter (where state = 'running')::int as running,
       count(*) filter (where kind = 'layer-map' and ${isFor('$2')})::int as maps
     from jobs where state in ('queued', 'running') and owner <> $1`,
    [SERVICE_OWNER, offered],
  );
  return depth;
}
