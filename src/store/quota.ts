import { VentralError } from '../errors/ventral-error.js';
import type { Queries } from './database.js';
import type { Principal } from './principal.js';

/** What one owner may have; admins may have more. */
export interface Quotas {
  /** Models and benchmarks registered within 24 hours. */
  readonly uploads: number;
  /** Bytes of all registrations, each counted whole whoever else has the same bytes. */
  readonly storage: number;
  /** Queued and running jobs. */
  readonly jobs: number;
}

export const generousQuotas: Quotas = { uploads: 1000, storage: 2 ** 40, jobs: 1000 };

/** Requests a minute of one key, or of one address without keys: a thousand a second. */
export const GENEROUS_RATE = 60_000;

/** What a client is told to wait for a job to end. */
const JOB_RETRY_SECONDS = 30;

/** SQL expression: bytes that the owner `$1` stores. */
const STORED = `(select coalesce(sum(size), 0)::float8 from (
    select size from models where owner = $1
    union all select size from benchmarks where owner = $1
    union all select size from checkpoints join jobs on jobs.id = checkpoints.job where jobs.owner = $1
  ) as own)`;

/**
 * Throws `storage-exceeded` where an owner stores more than the bytes that a job of its may bring it to;
 * belongs into the transaction that adds a checkpoint.
 */
export async function requireStorage(
  queries: Queries,
  owner: string,
  most: number | null,
): Promise<void> {
  if (most === null) return;
  await holdOwner(queries, owner);
  const [{ bytes }] = await queries.query<{ bytes: number }>(`select ${STORED} as bytes`, [owner]);
  if (bytes > most) {
    throw new VentralError(
      'storage-exceeded',
      `${owner} stores ${bytes} bytes with this checkpoint and may store ${most}: remove something first`,
    );
  }
}

/**
 * Throws `quota-exceeded` or `storage-exceeded` where a registration would be one too many for its
 * owner. Belongs into the transaction that registers: it holds the owner's other ones back until then.
 * @param size bytes that are added
 */
export async function requireUploadQuota(
  queries: Queries,
  { role, owner }: Principal,
  quotas: Quotas,
  size: number,
): Promise<void> {
  if (role === 'admin') return;
  await holdOwner(queries, owner);
  const [{ uploads, seconds, bytes }] = await queries.query<{
    uploads: number;
    seconds: number | null;
    bytes: number;
  }>(
    `select count(*)::int as uploads,
       extract(epoch from min(created_at) + interval '24 hours' - now())::float8 as seconds,
       ${STORED} as bytes
     from (
       select created_at from audit where owner = $1 and action in ('model.create', 'benchmark.create')
       and created_at > now() - interval '24 hours' order by created_at desc limit $2
     ) as recent`,
    [owner, Math.max(quotas.uploads, 1)],
  );
  if (uploads >= quotas.uploads) {
    throw new VentralError(
      'quota-exceeded',
      `${owner} has registered ${quotas.uploads} uploads within 24 hours, as many as it may`,
      { retryAfter: Math.max(1, Math.ceil(seconds ?? 86_400)) },
    );
  }
  if (bytes + size > quotas.storage) {
    throw new VentralError(
      'storage-exceeded',
      `${owner} stores ${bytes} bytes and may store ${quotas.storage}: ${size} more do not fit, remove something first`,
    );
  }
}

/** Throws `quota-exceeded` where a job that was just inserted is one too many; belongs into its transaction. */
export async function requireJobQuota(
  queries: Queries,
  { role, owner }: Principal,
  quotas: Quotas,
): Promise<void> {
  if (role === 'admin') return;
  await holdOwner(queries, owner);
  const [{ jobs }] = await queries.query<{ jobs: number }>(
    `select count(*)::int as jobs from jobs where owner = $1 and state in ('queued', 'running')`,
    [owner],
  );
  if (jobs > quotas.jobs) {
    throw new VentralError(
      'quota-exceeded',
      `${owner} has ${quotas.jobs} queued and running jobs, as many as it may`,
      { retryAfter: JOB_RETRY_SECONDS },
    );
  }
}

/** Until the transaction ends, so that two requests at once do not both get the last place. */
const holdOwner = (queries: Queries, owner: string) =>
  queries.query(`select pg_advisory_xact_lock(hashtextextended('quota of ' || $1, 0))`, [owner]);
