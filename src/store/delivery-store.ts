import type { Database, Queries } from './database.js';
import type { JobKind } from './job.js';
import { jsonText } from './json-text.js';
import { newId } from './new-id.js';

/** Where the end of a job is told. */
export interface Webhook {
  readonly url: string;
  /** Signs what is told; it is never shown or logged, and no backup holds it. */
  readonly secret: string;
}

/** One try to tell it. */
export interface DeliveryTry {
  readonly at: string;
  /** Status of the answer; null where there was none. */
  readonly status: number | null;
  /** Why it failed; null where it did not. */
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
  readonly job: string;
  readonly kind: JobKind;
  readonly state: string;
  readonly finishedAt: Date;
  readonly webhook: Webhook;
  /** How often it was tried, with this time. */
  readonly attempts: number;
}

/** Seconds for which a delivery that is being tried is left alone by others. */
const TRY_SECONDS = 60;

/** Gives a job a webhook, in the transaction that makes the job. */
export async function addWebhook(queries: Queries, job: string, webhook: Webhook): Promise<void> {
  await queries.query('update jobs set webhook = $2 where id = $1', [job, jsonText(webhook)]);
}

/** The table of what is to be told to others: one delivery for each job with a webhook that has ended. */
export class DeliveryStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What a job shows of its webhook; undefined where it has none. */
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
  claim(): Promise<DueDelivery | undefined> {
    return this.#database.transaction(async (queries) => {
      await gather(queries);
      const [row] = await queries.query<DueDelivery>(
        `update deliveries set attempts = attempts + 1,
           next_at = now() + make_interval(secs => ${TRY_SECONDS})
         from jobs
         where jobs.id = deliveries.job and deliveries.id = (
           select id from deliveries where state = 'waiting' and next_at <= now()
           order by next_at limit 1 for update skip locked)
         returning deliveries.id, jobs.id as job, jobs.kind, jobs.state,
           jobs.finished_at as "finishedAt", jobs.webhook, deliveries.attempts`,
      );
      return row;
    });
  }

  /** Writes what came of a try. @param seconds until the next one; null where there is none */
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

/** A job that has ended with a webhook gets its delivery, whichever process has ended it. */
async function gather(queries: Queries): Promise<void> {
  const ended = await queries.query<{ id: string }>(
    `select id from jobs where webhook is not null and state in ('succeeded', 'failed', 'cancelled')
     and not exists (select from deliveries where deliveries.job = jobs.id) limit 100`,
  );
  for (const { id } of ended) {
    await queries.query(
      'insert into deliveries (id, job) values ($1, $2) on conflict (job) do nothing',
      [newId('dlv'), id],
    );
  }
  // Backups hold no secrets, and nothing is sent that nobody can check.
  await queries.query(
    `update deliveries set state = 'failed', tries = tries || jsonb_build_array(
       jsonb_build_object('at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
         'status', null, 'reason', 'the secret of the webhook was not in the backup that the job came from'))
     from jobs where jobs.id = deliveries.job and deliveries.state = 'waiting' and not jobs.webhook ? 'secret'`,
  );
}
