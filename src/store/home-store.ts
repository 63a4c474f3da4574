import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BenchmarkStore } from './benchmark-store.js';
import { ContentFolders } from './content-folders.js';
import type { Database } from './database.js';
import { openEmbeddedDatabase } from './embedded-database.js';
import { checkHomeFormat, writeHomeFormat } from './home-format.js';
import { JobStore } from './job-store.js';
import { migrate } from './migrations.js';
import { ModelFiles } from './model-files.js';
import { ModelStore } from './model-store.js';

/** Everything that an owned home holds. */
export interface HomeStore {
  readonly database: Database;
  readonly models: ModelStore;
  readonly jobs: JobStore;
  readonly files: ModelFiles;
  readonly benchmarks: BenchmarkStore;
  /** Unpacked benchmarks: HOME/benchmarks/<sha256 of the archive>/. */
  readonly benchmarkFiles: ContentFolders;
  /** HOME/tmp/service: private to the owner, on the same file system as all else. */
  readonly temporary: string;
  close(): Promise<void>;
}

/**
 * Opens the store of a home that this process owns (see `lockHome`): checks its format, migrates, puts
 * the jobs of a dead service back into the queue, and sweeps what a dead owner left.
 */
export async function openHomeStore(home: string): Promise<HomeStore> {
  await mkdir(home, { recursive: true });
  await checkHomeFormat(home);
  const database = await openEmbeddedDatabase(join(home, 'db'));
  try {
    await migrate(database);
    await writeHomeFormat(home);
    const store = {
      database,
      models: new ModelStore(database),
      jobs: new JobStore(database),
      files: new ModelFiles(home),
      benchmarks: new BenchmarkStore(database),
      benchmarkFiles: new ContentFolders(join(home, 'benchmarks')),
      temporary: join(home, 'tmp', 'service'),
    };
    await store.jobs.requeueAll();
    await sweep(store);
    await sweepTemporary(home);
    return { ...store, close: () => database.close() };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Makes the folders, and clears what a dead owner left half-done or nothing needs any more. */
async function sweep({
  files,
  benchmarkFiles,
  models,
  benchmarks,
  temporary,
}: Omit<HomeStore, 'close'>): Promise<void> {
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  await files.prepare();
  await files.sweep(await models.neededDigests());
  await benchmarkFiles.prepare();
  await benchmarkFiles.sweep(await benchmarks.digests());
}

/** Removes small temporary files that a killed process left in the home itself, once they are old. */
async function sweepTemporary(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!/^\..*\.(tmp|guard)$/.test(name)) continue;
    const found = await stat(join(home, name)).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > 60_000) await rm(join(home, name), { force: true });
  }
}
