import { makeScratchFolder } from '../../data/scratch-folder.js';
import type { VentralError } from '../../errors/ventral-error.js';
import { packageVersion } from '../../formats/package-root.js';
import type { AskedProvider } from '../../runtime/provider.js';
import { sweepSimulated } from '../../scoring/benchmark/simulated-data.js';
import { databasePlace, openPostgresDatabase } from '../../store/database/postgres-database.js';
import { JobStore } from '../../store/jobs/job-store.js';
import { watchDamage } from '../../store/jobs/suspect-results.js';
import { WorkerStore } from '../../store/jobs/worker-store.js';
import { BenchmarkStore } from '../../store/records/benchmark-store.js';
import { ModelStore } from '../../store/records/model-store.js';
import { offeredHere } from './offered-providers.js';
import { Worker, type WorkerOptions } from './worker.js';
import { workerFiles } from './worker-files.js';

/** How a worker is started. */
export interface StartWorkerOptions extends Omit<WorkerOptions, 'tables' | 'files' | 'temporary'> {
  /** What jobs may ask for beside the CPU, unless `offers` says it; `auto`: all that works here. */
  readonly provider?: AskedProvider;
  readonly databaseUrl: string;
}

/** A running worker. */
export interface RunningWorker {
  /** Where its database is, as it may be printed. */
  readonly place: string;
  /** Resolves to a fatal error, such as another version of the database. */
  readonly failed: Promise<VentralError>;
  /** Resolves when no job has been there for as long as `untilEmpty` says; never without it. */
  readonly empty: Promise<void>;
  /** Takes no more jobs; resolves when those that it has are done. */
  drain(): Promise<void>;
  /** Returns unfinished jobs to the queue after the grace period. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Starts a worker on the PostgreSQL of a service. Resolves once it takes jobs.
 * @throws VentralError `database-unavailable`, `bad-usage`, and `version-skew` where service and worker are not
 *   of one version
 */
export async function startWorker(options: StartWorkerOptions): Promise<RunningWorker> {
  const { databaseUrl, home } = options;
  const database = await openPostgresDatabase(databaseUrl);
  try {
    await new WorkerStore(database).requireSameVersion(packageVersion);
    const jobs = new JobStore(database);
    const scratch = await makeScratchFolder(home);
    await sweepSimulated(home);
    const tables = {
      database,
      jobs,
      models: new ModelStore(database),
      benchmarks: new BenchmarkStore(database),
    };
    const watch = watchDamage(tables.database, options.log);
    const files = await workerFiles(process.env, { ...options, temporary: scratch.path, watch });
    const offers = options.offers ?? (await offeredHere(options.provider, scratch.path));
    const worker = new Worker({ ...options, tables, files, temporary: scratch.path, offers });
    await worker.start();
    const stop = async (graceMs: number) => {
      await worker.stop(graceMs);
      await database.close();
      await scratch.remove();
    };
    const { failed, empty } = worker;
    return {
      place: databasePlace(databaseUrl),
      failed,
      empty,
      drain: () => worker.drain(),
      stop,
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}
