import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Database } from './database/database.js';
import type { WriteGuard } from './database/durable-files.js';
import { openEmbeddedDatabase } from './database/embedded-database.js';
import { migrate } from './database/migrations.js';
import { openPostgresDatabase } from './database/postgres-database.js';
import { BenchmarkFiles } from './files/benchmark-files.js';
import type { Unpack } from './files/file-source.js';
import { ModelFiles } from './files/model-files.js';
import { S3Files, type S3Place } from './files/s3-files.js';
import { UploadFiles } from './files/upload-files.js';
import { checkHomeFormat, writeHomeFormat } from './home/home-format.js';
import { BroughtStore } from './jobs/brought-store.js';
import { JobStore } from './jobs/job-store.js';
import { watchDamage } from './jobs/suspect-results.js';
import { AuditStore } from './records/audit-store.js';
import { BenchmarkStore } from './records/benchmark-store.js';
import { Credentials } from './records/credentials.js';
import { DrawStore } from './records/draw-store.js';
import { HistoryStore } from './records/history-store.js';
import { KeyStore } from './records/key-store.js';
import { ModelStore } from './records/model-store.js';
import type { Quotas } from './records/quota.js';
import { ReservationStore } from './records/reservation-store.js';
import { SessionStore } from './records/session-store.js';
import { UploadStore } from './records/upload-store.js';

/** Everything that an owned home holds. */
export interface HomeStore {
  readonly database: Database;
  readonly models: ModelStore;
  readonly jobs: JobStore;
  readonly brought: BroughtStore;
  readonly draws: DrawStore;
  readonly history: HistoryStore;
  readonly keys: KeyStore;
  readonly sessions: SessionStore;
  readonly credentials: Credentials;
  readonly audit: AuditStore;
  readonly files: ModelFiles;
  readonly benchmarks: BenchmarkStore;
  readonly benchmarkFiles: BenchmarkFiles;
  readonly reservations: ReservationStore;
  readonly uploads: UploadStore;
  readonly uploadFiles: UploadFiles;
  /** HOME/tmp/service: private to the owner, on the same file system as all else. */
  readonly temporary: string;
  close(): Promise<void>;
}

/** Where a store is, beside its home. */
export interface StoreOptions {
  /** The PostgreSQL that holds the tables; without it they are in HOME/db. */
  readonly databaseUrl?: string;
  /** What each owner may have. */
  readonly quotas?: Quotas;
  /** The bucket that files go to as well, for workers and other services. */
  readonly s3?: S3Place;
  /** Asked before each change of the embedded database: the lock of the home. */
  readonly guard?: WriteGuard;
  /** Unpacks benchmarks that another service took in, and damaged ones again. */
  readonly unpack?: Unpack;
  /** Told of damaged files and their repair. */
  readonly log?: Pick<Logger, 'warn' | 'error'>;
}

/**
 * Opens the store of a home that this process owns (see `lockHome`): checks its format, migrates, puts
 * the jobs of a dead service back into the queue, and sweeps leftovers of a dead owner. If the tables are in a
 * PostgreSQL, the home has only files, and other processes may use the tables at the same time.
 */
export async function openHomeStore(home: string, options: StoreOptions = {}): Promise<HomeStore> {
  const { databaseUrl, quotas, unpack } = options;
  const kind = databaseUrl === undefined ? 'embedded' : 'postgresql';
  await mkdir(home, { recursive: true });
  await checkHomeFormat(home, kind);
  const database =
    databaseUrl === undefined
      ? await openEmbeddedDatabase(join(home, 'db'), options.guard, 'prepared')
      : await openPostgresDatabase(databaseUrl);
  try {
    await migrate(database);
    await writeHomeFormat(home, kind, database);
    const mirror = options.s3 && (await S3Files.connect(options.s3));
    const keys = new KeyStore(database);
    const sessions = new SessionStore(database);
    const watch = watchDamage(database, options.log);
    const holder = `${hostname()}:${resolve(home)}`;
    const store = {
      database,
      models: new ModelStore(database, quotas),
      jobs: new JobStore(database, quotas),
      brought: new BroughtStore(database, quotas),
      draws: new DrawStore(database),
      history: new HistoryStore(database),
      keys,
      sessions,
      credentials: new Credentials(database, { keys, sessions }),
      audit: new AuditStore(database),
      files: new ModelFiles(home, mirror, watch),
      benchmarks: new BenchmarkStore(database, quotas),
      benchmarkFiles: new BenchmarkFiles(home, mirror, unpack, watch),
      reservations: new ReservationStore(database, holder, quotas),
      uploads: new UploadStore(database, holder, quotas),
      uploadFiles: new UploadFiles(home),
      temporary: join(home, 'tmp', 'service'),
    };
    await sweep(store);
    await sweepTemporary(home);
    return {
      ...store,
      close: async () => {
        mirror?.close();
        await store.audit.close();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Creates the folders, and removes unfinished work of a dead owner and unused files. */
async function sweep({
  files,
  benchmarkFiles,
  models,
  benchmarks,
  reservations,
  uploads,
  uploadFiles,
  temporary,
}: Omit<HomeStore, 'close'>): Promise<void> {
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  await files.prepare();
  await files.sweep(await models.neededDigests());
  await benchmarkFiles.prepare();
  await benchmarkFiles.sweep(await benchmarks.digests());
  await reservations.sweep();
  await uploadFiles.prepare();
  await uploadFiles.sweep(() => uploads.kept());
  await benchmarks.measureUnpacked((digest) => benchmarkFiles.measure(digest));
}

/** Removes small temporary files that a killed process left in the home itself, once they are old. */
async function sweepTemporary(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!/^\..*\.(tmp|guard)$/.test(name)) continue;
    const found = await stat(join(home, name)).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > 60_000) await rm(join(home, name), { force: true });
  }
}
