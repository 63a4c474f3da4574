import type { Score } from '../../scoring/measure/score.js';
import type { Database, Queries } from '../database/database.js';
import { jsonText } from '../database/json-text.js';
import { newId } from '../database/new-id.js';
import { audit } from '../records/audit-store.js';
import type { Principal } from '../records/principal.js';
import {
  generousQuotas,
  holdOwner,
  type Quotas,
  requireStorage,
  requireUploadQuota,
} from '../records/quota.js';
import { appendEvent } from './event-store.js';
import { findJob, logged } from './find-job.js';
import { insertJob } from './insert-job.js';
import type { Brought, ScoreJob, ScoreJobRequest } from './job.js';
import { endJob } from './job-end.js';

/** Scores of one run of a receipt. */
export interface BroughtRun {
  readonly request: ScoreJobRequest;
  readonly scores: readonly Score[];
  readonly brought: Brought;
  readonly receipt: unknown;
}

/** Prefix of the keys of brought results: no request of equal inputs is answered from them. */
const BROUGHT = 'brought:';

/** Scores that were computed elsewhere. They are jobs that have ended, marked, and never taken for our own. */
export class BroughtStore {
  readonly #database: Database;
  readonly #quotas: Quotas;

  constructor(database: Database, quotas = generousQuotas) {
    this.#database = database;
    this.#quotas = quotas;
  }

  /** @throws VentralError what {@link bring} would of any receipt, so that it need not be looked at */
  requireQuota(by: Principal): Promise<void> {
    return this.#database.transaction((queries) =>
      requireUploadQuota(queries, by, this.#quotas, 0),
    );
  }

  /** The job of a run that its owner has brought before. */
  async find(owner: string, digest: string): Promise<ScoreJob | undefined> {
    const id = await known(this.#database, owner, digest);
    return id === undefined ? undefined : ((await findJob(this.#database, id)) as ScoreJob);
  }

  /**
   * Stores the runs of a receipt, all or none. Runs that their owner has brought already are found again.
   * @throws VentralError `quota-exceeded`, `storage-exceeded`
   * @param also what else is written with the first new job, in the same transaction
   */
  bring(
    by: Principal,
    runs: readonly BroughtRun[],
    also: (queries: Queries, id: string) => Promise<void> = async () => {},
  ): Promise<{ readonly jobs: readonly ScoreJob[]; readonly created: boolean }> {
    return this.#database.transaction(async (queries) => {
      await holdOwner(queries, by.owner);
      const jobs: ScoreJob[] = [];
      let created = false;
      for (const run of runs) {
        const before = await known(queries, run.request.owner, run.brought.digest);
        const id = before ?? newId('job');
        if (before === undefined) {
          await insert(queries, id, run);
          if (!created) await also(queries, id);
          created = true;
          const { digest, modelName: name, benchmarks } = run.request;
          const detail = { digest, name, benchmarks };
          await audit(queries, by, { action: 'receipt.create', target: id, detail });
        }
        jobs.push((await findJob(queries, id)) as ScoreJob);
      }
      if (created) {
        await requireUploadQuota(queries, by, this.#quotas, 0);
        await requireStorage(queries, by.owner, by.role === 'admin' ? null : this.#quotas.storage);
      }
      return { jobs, created };
    });
  }

  /** The receipt of a job; undefined if it has none. */
  async receipt(job: string): Promise<unknown> {
    const [row] = await this.#database.query<{ receipt: unknown }>(
      'select receipt from receipts where job = $1',
      [job],
    );
    return row?.receipt;
  }

  /**
   * Takes brought scores back: off every leaderboard, the job stays as cancelled.
   * @returns false if the job has no brought scores
   */
  async withdraw(by: Principal, id: string): Promise<boolean> {
    return this.#database.transaction(async (queries) => {
      const [job] = await queries.query<{ subject: string; owner: string; board: string }>(
        `update jobs set state = 'cancelled', log = ${logged('$2')},
           bytes = bytes - coalesce((select sum(octet_length(score::text)) from results where job = $1), 0)
             - coalesce((select octet_length(receipt::text) from receipts where job = $1), 0)
         where id = $1 and brought is not null and state = 'succeeded'
         returning coalesce(registration, model) as subject, owner,
           case when registration is null then owner else '' end as board`,
        [id, 'The scores have been withdrawn'],
      );
      if (!job) return false;
      await queries.query('delete from results where job = $1', [id]);
      await queries.query('delete from receipts where job = $1', [id]);
      // In place, so that the history of the board tells nothing but the change.
      await queries.query(
        `update scoreboards set version = nextval('scoreboard_versions'), cells = coalesce((
           select jsonb_object_agg(key, cell order by seq) from score_cells(array(
             select id from jobs where kind = 'score' and coalesce(registration, model) = $1
             and (registration is not null or owner = $2)))), '{}')
         where subject = $1 and owner = $2`,
        [job.subject, job.board],
      );
      const detail = { owner: job.owner };
      await audit(queries, by, { action: 'receipt.delete', target: id, detail });
      return true;
    });
  }
}

async function known(queries: Queries, owner: string, digest: string): Promise<string | undefined> {
  const [row] = await queries.query<{ id: string }>(
    `select id from jobs where owner = $1 and brought ->> 'digest' = $2 and state = 'succeeded'`,
    [owner, digest],
  );
  return row?.id;
}

async function insert(
  queries: Queries,
  id: string,
  { request, scores, brought, receipt }: BroughtRun,
): Promise<void> {
  await insertJob(queries, id, request);
  await queries.query(
    `update jobs set brought = $2, bytes = bytes + octet_length($3::text), log = ${logged('$4')} where id = $1`,
    [id, jsonText(brought), jsonText(receipt), 'The scores were brought with a receipt'],
  );
  await queries.query('insert into receipts (job, receipt) values ($1, $2)', [
    id,
    jsonText(receipt),
  ]);
  await appendEvent(queries, id, 'state', { state: 'queued', attempt: 0 });
  for (const score of scores) {
    const key = `${BROUGHT}${request.keys[request.benchmarks.indexOf(score.benchmark)]}`;
    await queries.query(
      'insert into results (job, benchmark, key, score) values ($1, $2, $3, $4)',
      [...[id, score.benchmark, key, jsonText(score)]],
    );
    await appendEvent(queries, id, 'result', score);
  }
  await endJob(queries, id, { state: 'succeeded' });
  // It took no turn from anybody.
  await queries.query('update jobs set started_at = null where id = $1', [id]);
}
