import { setImmediate as turn } from 'node:timers/promises';
import type { Database } from '../database/database.js';

/** What of an ended job is kept beside its results, and for how many seconds after its end; without a number, forever. */
export interface Keeping {
  /** Draws behind intervals, for paired differences. */
  readonly draws?: number;
  /** Events that tell progress. */
  readonly progress?: number;
}

/** Rows that were removed. */
export interface Removed {
  readonly draws: number;
  readonly progress: number;
}

/** The last job that was looked at. */
interface Place {
  readonly at: string;
  readonly id: string;
}

/** Jobs that one transaction looks at. */
const CHUNK = 50;

/** What is removed of jobs, by kind: a statement that deletes of the jobs $1 and gives job and bytes of each row. */
const removals = {
  draws: 'delete from score_draws where job = any($1) returning job, octet_length(bytes) as bytes',
  progress: `delete from events where job = any($1) and type = 'progress' returning job, octet_length(data::text) as bytes`,
} as const;

/**
 * Removes what ended jobs have beside their results once it is older than is kept; jobs, results, layer maps and
 * checkpoints are never removed. Each job is looked at once by an object of this class, in the order in which they
 * ended, so that a look at a large database is short.
 */
export class OldJobs {
  readonly #database: Database;
  readonly #keeping: Keeping;
  readonly #places = new Map<keyof Keeping, Place>();

  constructor(database: Database, keeping: Keeping) {
    this.#database = database;
    this.#keeping = keeping;
  }

  /** Removes what has become old since the last call. */
  async remove(signal?: AbortSignal): Promise<Removed> {
    return {
      draws: await this.#removeOf('draws', signal),
      progress: await this.#removeOf('progress', signal),
    };
  }

  async #removeOf(kind: keyof Keeping, signal?: AbortSignal): Promise<number> {
    const seconds = this.#keeping[kind];
    let removed = 0;
    while (seconds !== undefined && !signal?.aborted) {
      const chunk = await this.#chunk(kind, seconds);
      if (chunk === undefined) break;
      removed += chunk;
      // The embedded database answers without one.
      await turn();
    }
    return removed;
  }

  /** @returns the rows that were removed; undefined where no job is left */
  async #chunk(kind: keyof Keeping, seconds: number): Promise<number | undefined> {
    const { at, id } = this.#places.get(kind) ?? { at: '-infinity', id: '' };
    return this.#database.transaction(async (queries) => {
      const jobs = await queries.query<Place & Record<string, unknown>>(
        `select id, finished_at::text as at from jobs
         where (finished_at, id) > ($1::timestamptz, $2) and finished_at < now() - make_interval(secs => $3)
           and state in ('succeeded', 'failed', 'cancelled')
         order by finished_at, id limit ${CHUNK}`,
        [at, id, seconds],
      );
      const last = jobs.at(-1);
      if (!last) return undefined;
      // What is stored counts against the quota of the owner.
      const [{ rows }] = await queries.query<{ rows: number }>(
        `with gone as (${removals[kind]}),
           sums as (select job, sum(bytes) as bytes from gone group by job),
           counted as (update jobs set bytes = greatest(0, jobs.bytes - sums.bytes) from sums where jobs.id = sums.job)
         select count(*)::int as rows from gone`,
        [jobs.map((job) => job.id)],
      );
      this.#places.set(kind, last);
      return rows;
    });
  }
}
