import { VentralError } from '../../errors/ventral-error.js';
import type { Queries } from '../database/database.js';
import type { Principal } from './principal.js';

/** What one owner may have; admins may have more. */
export interface Quotas {
  /** Models and benchmarks registered, and receipts brought, within 24 hours. */
  readonly uploads: number;
  /** Bytes of all registrations, each counted whole whoever else has the same bytes. */
  readonly storage: number;
  /** Queued and running jobs. */
  readonly jobs: number;
}

export const generousQuotas: Quotas = { uploads: 1000, storage: 2 ** 40, jobs: 1000 };

/** Requests a minute of one key, or of one address without keys: a thousand a second. */
export const GENEROUS_RATE = 60_000;

/** Retry-After in seconds while jobs fill the quota. */
const JOB_RETRY_SECONDS = 30;

/** Storage of an owner, in bytes. */
export interface Usage {
  /** Files of its registrations and checkpoints, what archives were unpacked to, and its rows. */
  readonly stored: number;
  /** Set aside for uploads under way. */
  readonly reserved: number;
}

/** SQL expressions: bytes that the owner `$1` stores, and that its reservations but `$2` hold. */
const USAGE = `(select coalesce(sum(size), 0)::float8 from (
    select size + record_bytes as size from models where owner = $1
    union all select size + coalesce(unpacked, 0) + record_bytes from benchmarks where owner = $1
    union all select size from checkpoints join jobs on jobs.id = checkpoints.job where jobs.owner = $1
    union all select bytes from jobs where owner = $1
    union all select bytes from board_history where owner = $1 and bytes > 0
  ) as own) as stored,
  (select coalesce(sum(bytes), 0)::float8 from reservations
    where owner = $1 and lease > now() and id <> $2) as reserved`;

/** @param but a reservation that is not counted */
export async function storedUsage(queries: Queries, owner: string, but = ''): Promise<Usage> {
  const [usage] = await queries.query<Usage & Record<string, unknown>>(`select ${USAGE}`, [
    owner,
    but,
  ]);
  return usage;
}

/**
 * Belongs into the transaction that adds something.
 * @throws VentralError `storage-exceeded` where an owner stores more than it may (`most` bytes; null: any
 *   number), with what its other uploads have reserved
 */
export async function requireStorage(
  queries: Queries,
  owner: string,
  most: number | null,
  more = 0,
): Promise<void> {
  if (most === null) return;
  await holdOwner(queries, owner);
  const usage = await storedUsage(queries, owner);
  if (usage.stored + usage.reserved + more > most) throw storageExceeded(owner, usage, most, more);
}

/** `storage-exceeded`. @param more bytes that do not fit; 0 if they are counted already */
export function storageExceeded(
  owner: string,
  { stored, reserved }: Usage,
  most: number,
  more: number,
): VentralError {
  const under = reserved > 0 ? `, and ${reserved} are reserved for uploads in progress` : '';
  const unfit = more > 0 ? `${more} more do not fit, ` : '';
  return new VentralError(
    'storage-exceeded',
    `${owner} stores ${stored} bytes, the maximum is ${most}${under}: ${unfit}remove something first`,
  );
}

/**
 * Belongs into the transaction that registers: it holds the owner's other ones back until then.
 * @throws VentralError `quota-exceeded` or `storage-exceeded` where a registration would be one too many for its
 *   owner
 * @param size bytes that are added
 * @param reservation id of the reservation that they were received under, which is not counted
 */
export async function requireUploadQuota(
  queries: Queries,
  { role, owner }: Principal,
  quotas: Quotas,
  size: number,
  reservation = '',
): Promise<void> {
  if (role === 'admin') return;
  await holdOwner(queries, owner);
  const [{ uploads, seconds }] = await queries.query<{ uploads: number; seconds: number | null }>(
    `select count(*)::int as uploads,
       extract(epoch from min(created_at) + interval '24 hours' - now())::float8 as seconds
     from (
       select created_at from audit where owner = $1 and action in ('model.create', 'features.create', 'benchmark.create', 'receipt.create')
       and created_at > now() - interval '24 hours' order by created_at desc limit $2
     ) as recent`,
    [owner, Math.max(quotas.uploads, 1)],
  );
  if (uploads >= quotas.uploads) {
    throw new VentralError(
      'quota-exceeded',
      `${owner} has registered ${quotas.uploads} uploads within 24 hours, the maximum`,
      { retryAfter: Math.max(1, Math.ceil(seconds ?? 86_400)) },
    );
  }
  const usage = await storedUsage(queries, owner, reservation);
  if (usage.stored + usage.reserved + size > quotas.storage)
    throw storageExceeded(owner, usage, quotas.storage, size);
}

/**
 * The same for a registration that was just inserted: it takes the place of the reservation that its bytes
 * were received under.
 */
export async function requireRegistration(
  queries: Queries,
  by: Principal,
  quotas: Quotas,
  reservation = '',
): Promise<void> {
  await requireUploadQuota(queries, by, quotas, 0, reservation);
  await queries.query('delete from reservations where id = $1', [reservation]);
}

/**
 * @throws VentralError `quota-exceeded` where a job that was just inserted is one too many; belongs into its
 *   transaction
 */
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
      `${owner} has ${quotas.jobs} queued and running jobs, the maximum`,
      { retryAfter: JOB_RETRY_SECONDS },
    );
  }
}

/**
 * Locks until the transaction ends, so that two concurrent requests do not both get the last place.
 */
export const holdOwner = (queries: Queries, owner: string) =>
  queries.query(`select pg_advisory_xact_lock(hashtextextended('quota of ' || $1, 0))`, [owner]);
