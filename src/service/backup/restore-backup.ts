import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { openZip, type ZipArchive } from '../../formats/zip.js';
import type { Database, Queries } from '../../store/database/database.js';
import { openEmbeddedDatabase } from '../../store/database/embedded-database.js';
import { migrateWithin } from '../../store/database/migrations.js';
import { openPostgresDatabase } from '../../store/database/postgres-database.js';
import {
  continueSequences,
  hasTables,
  insertRows,
  withoutForeignKeys,
} from '../../store/database/table-rows.js';
import type { Unpack } from '../../store/files/file-source.js';
import { S3Files, type S3Place } from '../../store/files/s3-files.js';
import { sealFolder, VerifiedFiles } from '../../store/files/verified-files.js';
import { syncFolder } from '../../store/files/write-whole.js';
import { isFreshHome } from '../../store/home/home-format.js';
import {
  type BackupFile,
  type BackupManifest,
  backupLimits,
  damaged,
  readManifest,
} from './backup-manifest.js';
import { damagedEntries, requireSkippable, withoutEntries } from './damaged-backup.js';

/** Where a backup goes. */
export interface RestorePlace {
  readonly home: string;
  /** The PostgreSQL for its tables; without it they go to HOME/db. */
  readonly databaseUrl?: string;
  /** The bucket that files are in as well, for workers and other services. */
  readonly s3?: S3Place;
}

/** How a backup is restored. */
export interface RestoreOptions {
  readonly unpack: Unpack;
  /** Leaves damaged entries out in place of refusing the archive. */
  readonly skipDamaged: boolean;
}

/** Contents of a restored backup. */
export interface Restored extends BackupManifest {
  /** Names of the damaged entries that were left out. */
  readonly skipped: readonly string[];
}

/**
 * Puts a backup into an empty home, and an empty PostgreSQL where one is given: all of it, or nothing.
 * Every byte is checked against the manifest before it counts, and a refusal names every damaged entry; tables
 * of an earlier schema are migrated; jobs that ran or waited wait again. The caller owns the home.
 * @throws VentralError `home-not-empty`, `backup-invalid`, `home-format`, `database-unavailable`,
 *   `files-unavailable`, `disk-full`
 */
export async function restoreBackup(
  file: string,
  { home, databaseUrl, s3 }: RestorePlace,
  { unpack, skipDamaged }: RestoreOptions,
): Promise<Restored> {
  if (!isFreshHome(home)) {
    throw new VentralError('home-not-empty', `${home} is in use: restore into a new --home`, {
      file: home,
    });
  }
  const zip = await openZip(file, file, backupLimits).catch((error) => {
    throw unexpected(error, file);
  });
  const staging = join(home, 'tmp', `restore-${randomUUID()}`);
  try {
    const whole = await readManifest(zip, file);
    const skipped = await damagedEntries({ zip, file, manifest: whole });
    requireSkippable(skipped, file, skipDamaged);
    const manifest = withoutEntries(whole, skipped);
    const source = { zip, file, manifest };
    await mkdir(staging, { recursive: true, mode: 0o700 });
    const database = databaseUrl
      ? await openPostgresDatabase(databaseUrl)
      : await openEmbeddedDatabase(join(staging, 'db'));
    const moved: string[] = [];
    try {
      await refuseTables(database);
      await takeFiles(source, staging, unpack);
      if (s3) await fillBucket(s3, manifest, staging);
      await database.transaction(async (queries) => {
        await takeTables(queries, source);
        await moveFiles(staging, home, moved);
      });
    } catch (error) {
      for (const path of moved) await rm(path, { recursive: true, force: true });
      throw error;
    } finally {
      await database.close();
    }
    // The last step makes it count: before it the home has no database.
    if (!databaseUrl) await rename(join(staging, 'db'), join(home, 'db'));
    await syncFolder(home);
    return { ...manifest, skipped };
  } catch (error) {
    throw unexpected(error, file);
  } finally {
    await zip.close();
    await rm(staging, { recursive: true, force: true });
  }
}

interface Source {
  readonly zip: ZipArchive;
  readonly file: string;
  readonly manifest: BackupManifest;
}

/** Errors that are not ours, the disk's or the database's are faults of the archive. */
function unexpected(thrown: unknown, file: string): VentralError {
  const error = VentralError.from(thrown);
  return error.code === 'internal' || error.code === 'zip-invalid'
    ? damaged(file, `it is damaged: ${error.message}`, thrown)
    : error;
}

async function refuseTables(database: Database): Promise<void> {
  if (!(await hasTables(database))) return;
  throw new VentralError(
    'home-not-empty',
    'The database that DATABASE_URL names has tables of ventral: restore into an empty database',
  );
}

/** Puts the files of models and benchmarks into a folder, as a home has them. */
async function takeFiles(
  { zip, file, manifest }: Source,
  staging: string,
  unpack: Unpack,
): Promise<void> {
  const { signal } = new AbortController();
  const take = async (entry: BackupFile, path: string) => {
    await mkdir(dirname(path), { recursive: true });
    const content = checked(await zip.stream(entry.name), entry, file);
    await pipeline(content, createWriteStream(path, { flags: 'wx' }));
    const handle = await open(path, 'r+');
    await handle.sync().finally(() => handle.close());
  };
  for (const model of manifest.models) await take(model, modelIn(staging, model));
  for (const { digest, archive, files = [] } of manifest.benchmarks) {
    const folder = join(staging, 'benchmarks', digest.slice('sha256:'.length));
    for (const entry of files) await take(entry, join(folder, basename(entry.name)));
    if (!archive) continue;
    await take(archive, `${folder}.zip`);
    await unpack(`${folder}.zip`, folder, signal);
    await sealFolder(new VerifiedFiles(), folder, `${folder}.json`);
  }
}

const modelIn = (folder: string, { name }: BackupFile) =>
  join(folder, 'models', basename(name, '.onnx'), 'model.onnx');

/**
 * Puts the files into a bucket. They are named by their digests: leftovers of a restore that fails later do no harm.
 */
async function fillBucket(
  place: S3Place,
  { models, benchmarks }: BackupManifest,
  staging: string,
): Promise<void> {
  const bucket = await S3Files.connect(place);
  try {
    for (const model of models) await bucket.put(modelIn(staging, model), model.digest, 'model');
    for (const { digest, archive } of benchmarks) {
      if (!archive) continue;
      const path = join(staging, 'benchmarks', `${digest.slice('sha256:'.length)}.zip`);
      await bucket.put(path, digest, 'benchmark');
    }
  } finally {
    bucket.close();
  }
}

/** Passes bytes through, and fails at the end if they differ from the manifest. */
function checked(content: Readable, { name, size, digest }: BackupFile, file: string): Readable {
  const hash = createHash('sha256');
  let seen = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      seen += chunk.length;
      done(null, chunk);
    },
    flush(done) {
      const whole = seen === size && `sha256:${hash.digest('hex')}` === digest;
      done(whole ? null : damaged(file, `${name} differs from its manifest`));
    },
  });
  content.once('error', (error) => check.destroy(error));
  return content.pipe(check);
}

/** Fills the tables at the schema of the archive and brings them to today's. */
async function takeTables(queries: Queries, { zip, file, manifest }: Source): Promise<void> {
  await migrateWithin(queries, manifest.schema);
  // The archive has the history of boards; what it is filled with is no change.
  await queries.query(`set local ventral.restoring = 'on'`);
  await withoutForeignKeys(queries, async () => {
    for (const table of manifest.tables) {
      const content = async () => checked(await zip.stream(table.name), table, file);
      await insertRows(queries, table.table, linesOf(content, file));
    }
  });
  await continueSequences(queries);
  await migrateWithin(queries);
  await queries.query('select backfill_history()');
  await refuseUnknownRows(queries, file);
  await queries.query(
    `update jobs set state = 'queued', progress = null, entry = null, worker = null where state in ('queued', 'running')`,
  );
}

/** Rows whose names would lead out of the folders that they are names in. */
const unknownRows = `
  select 'models' as table, id from models where id !~ '^(mdl|ftr)_[0-9a-z]+$' or digest !~ $1
  union all select 'benchmarks', id from benchmarks
    where id !~ '^bmk_[0-9a-z]+$' or digest !~ $1 or file ~ '[/\\\\]' or file in ('', '.', '..')
  union all select 'jobs', id from jobs
    where id !~ '^job_[0-9a-z]+$' or (registration is null and model ~ '[/\\\\]') or sources::text ~ '[/\\\\]'
  union all select 'checkpoints', job from checkpoints where digest !~ $1
  limit 1`;

/**
 * An archive may be a stranger's.
 * @throws VentralError `backup-invalid`
 */
async function refuseUnknownRows(queries: Queries, file: string): Promise<void> {
  const [row] = await queries.query<{ table: string; id: string }>(unknownRows, [
    '^sha256:[0-9a-f]{64}$',
  ]);
  if (!row) return;
  const name = JSON.stringify(row.id.slice(0, 40));
  throw damaged(file, `the row ${name} of ${row.table} was not written by ventral`);
}

/** Characters of a row: the largest hold a map or a graph, and no database takes a larger one as one text. */
const LONGEST_ROW = 2 ** 28;

/** @param open is called with the first line: a stream that fails before it is read ends the process */
async function* linesOf(open: () => Promise<Readable>, file: string): AsyncGenerator<string> {
  let pieces: string[] = [];
  let length = 0;
  const content = await open();
  for await (const chunk of content.setEncoding('utf8') as AsyncIterable<string>) {
    const [first, ...others] = chunk.split('\n');
    pieces.push(first);
    length += first.length;
    if (length > LONGEST_ROW) throw damaged(file, `a row has more than ${LONGEST_ROW} characters`);
    if (others.length === 0) continue;
    yield pieces.join('');
    const rest = others.pop() as string;
    yield* others;
    pieces = [rest];
    length = rest.length;
  }
  if (length > 0) throw damaged(file, 'the last row of a table has no end');
}

/** Moves each file or folder into the home, beside what else may be there. */
async function moveFiles(staging: string, home: string, moved: string[]): Promise<void> {
  for (const kind of ['models', 'benchmarks']) {
    const names = await readdir(join(staging, kind)).catch(() => []);
    await mkdir(join(home, kind), { recursive: true });
    for (const name of names) {
      const path = join(home, kind, name);
      await rm(path, { recursive: true, force: true });
      await rename(join(staging, kind, name), path);
      moved.push(path);
    }
    await syncFolder(join(home, kind));
  }
}
