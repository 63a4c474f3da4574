import { VentralError } from '../../errors/ventral-error.js';
import type { Database, Queries } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import { newId } from '../database/new-id.js';
import type { JobKind } from './job.js';

/** The webhook of a job. */
export interface Webhook {
  readonly url: string;
  /** Signing secret; never shown or logged, and not in backups. */
  readonly secret: string;
}

/** One delivery attempt. */
export interface DeliveryTry {
  readonly at: string;
  /** Status of the answer; null without one. */
  readonly status: number | null;
  /** Why it failed; null if it did not. */
  readonly reason: string | null;
}

export type DeliveryState = 'waiting' | 'delivered' | 'failed';

/** What a job shows of its webhook. */
export interface ShownWebhook {
  readonly url: string;
  readonly state: DeliveryState;
  readonly deliveries: readonly DeliveryTry[];
}

/** A delivery that is to be tried now. */
export interface DueDelivery {
  readonly id: string;
  readonly owner: string;
  /** Host and port that it goes to. */
  readonly receiver: string;
  readonly job: string;
  readonly kind: JobKind;
  readonly state: string;
  readonly finishedAt: Date;
  readonly webhook: Webhook;
  /** How often it was tried, with this time. */
  readonly attempts: number;
}

/** Lease of a delivery attempt in seconds. */
const TRY_SECONDS = 60;

/** Receiver in progress: receivers have separate queues. */
export interface Busy {
  /** Owners with as many deliveries on their way as may be. */
  readonly owners: readonly string[];
  /** Receivers in progress, as {@link lineOf} writes them. */
  readonly lines: readonly string[];
}

/** What deliveries of an owner to one receiver wait in. */
export const lineOf = ({ owner, receiver }: Pick<DueDelivery, 'owner' | 'receiver'>): string =>
  `${receiver} ${owner}`;

const RECEIVER = `split_part(jobs.webhook ->> 'url', '/', 3)`;
const ENDED = `jobs.state in ('succeeded', 'failed', 'cancelled')`;
/** Deliveries of one owner that wait for their job or their next try: each look for a due one passes them. */
const MOST_WAITING = 1000;
const RETRY_SECONDS = 60;

/**
 * Gives a job a webhook, in the transaction that makes the job.
 * @throws VentralError `quota-exceeded` where too many of its owner's webhooks are pending
 */
export async function addWebhook(queries: Queries, job: string, webhook: Webhook): Promise<void> {
  await queries.query('update jobs set webhook = $2 where id = $1', [job, jsonText(webhook)]);
  await queries.query('insert into deliveries (id, job) values ($1, $2)', [newId('dlv'), job]);
  const [{ owner, waiting }] = await queries.query<{ owner: string; waiting: number }>(
    `select mine.owner, count(*)::int as waiting from jobs as mine
     join jobs on jobs.owner = mine.owner join deliveries on deliveries.job = jobs.id
     where mine.id = $1 and deliveries.state = 'waiting' group by mine.owner`,
    [job],
  );
  if (waiting <= MOST_WAITING) return;
  throw new VentralError(
    'quota-exceeded',
    `${owner} has ${MOST_WAITING} pending webhooks, the maximum`,
    { retryAfter: RETRY_SECONDS },
  );
}

/** The table of webhook deliveries: one for each job with a webhook. */
export class DeliveryStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The webhook fields of a job; undefined if it has none. */
  async ofJob(job: string): Promise<ShownWebhook | undefined> {
    const [row] = await this.#database.query<ShownWebhook>(
      `select jobs.webhook ->> 'url' as url, coalesce(deliveries.state, 'waiting') as state,
         coalesce(deliveries.tries, '[]') as deliveries
       from jobs left join deliveries on deliveries.job = jobs.id
       where jobs.id = $1 and jobs.webhook is not null`,
      [job],
    );
    return row;
  }

  /** Takes one delivery that is due, for some time; of several services one gets it. */
  async claim({ owners, lines }: Busy): Promise<DueDelivery | undefined> {
    const [row] = await this.#database.query<DueDelivery>(
      `update deliveries set attempts = attempts + 1,
         next_at = now() + make_interval(secs => ${TRY_SECONDS})
       from jobs
       where jobs.id = deliveries.job and deliveries.id = (
         select deliveries.id from deliveries join jobs on jobs.id = deliveries.job
         where deliveries.state = 'waiting' and next_at <= now() and ${ENDED}
         and not (jobs.owner = any($1::text[]))
         and not (${RECEIVER} || ' ' || jobs.owner = any($2::text[]))
         order by next_at limit 1 for update of deliveries skip locked)
       returning deliveries.id, jobs.owner, ${RECEIVER} as receiver, jobs.id as job, jobs.kind,
         jobs.state, jobs.finished_at as "finishedAt", jobs.webhook, deliveries.attempts`,
      [owners, lines],
    );
    return row;
  }

  /**
   * Gives jobs their delivery that have none, as earlier versions made it when the job had ended. A job from a
   * backup has no secret: unsigned webhooks are not sent.
   */
  async gather(): Promise<void> {
    const jobs = await this.#database.query<{ id: string }>(
      `select id from jobs where webhook is not null
       and not exists (select from deliveries where deliveries.job = jobs.id)`,
    );
    for (const { id } of jobs) {
      await this.#database.query(
        'insert into deliveries (id, job) values ($1, $2) on conflict (job) do nothing',
        [newId('dlv'), id],
      );
    }
    await this.#database.query(
      `update deliveries set state = 'failed', tries = tries || jsonb_build_array(
         jsonb_build_object('at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
           'status', null, 'reason', 'the secret of the webhook was not in the backup that the job came from'))
       from jobs where jobs.id = deliveries.job and deliveries.state = 'waiting' and not jobs.webhook ? 'secret'`,
    );
  }

  /** Stores the result of an attempt. @param seconds until the next one; null if there is none */
  async note(
    { id, attempts }: DueDelivery,
    tried: DeliveryTry,
    state: DeliveryState,
    seconds: number | null,
  ): Promise<void> {
    await this.#database.query(
      `update deliveries set state = $3, tries = tries || $4::jsonb,
         next_at = now() + make_interval(secs => coalesce($5::float8, 0))
       where id = $1 and attempts = $2`,
      [id, attempts, state, jsonText([tried]), seconds],
    );
  }
}
