import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { link, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { VentralError } from '../errors/ventral-error.js';
import { type ZipContent, zipStream } from '../formats/zip.js';
import type { Queries } from '../store/database.js';
import { digestOfFile } from '../store/file-digest.js';
import type { HomeStore } from '../store/home-store.js';
import { SCHEMA } from '../store/migrations.js';
import { type BackupTable, backupTables, rowsOf, snapshot } from '../store/table-rows.js';
import {
  BACKUP_FORMAT,
  type BackupFile,
  type BackupManifest,
  filesOf,
  MANIFEST,
} from './backup-manifest.js';

/**
 * A whole backup as a stream: what the database holds at one moment, and the files that belong to it.
 * The tables are written to the folder of unfinished work first, and the files get a second name there,
 * so that a slow reader holds up nobody and what is removed meanwhile is still in the backup. Memory is
 * bounded. The folder goes with the stream. Throws `file-missing` for files that are not in this home.
 */
export async function writeBackup(store: HomeStore, version: string): Promise<Readable> {
  const folder = join(store.temporary, `backup-${randomUUID()}`);
  await mkdir(folder);
  const clear = () => rm(folder, { recursive: true, force: true });
  try {
    await bringFiles(store);
    const kept = await snapshot(store.database, (queries) => keep(store, queries, folder));
    const { manifest, paths } = await describe(kept, version);
    const stream = zipStream(contentsOf(manifest, paths));
    stream.once('close', () => void clear());
    return stream;
  } catch (error) {
    await clear();
    throw error;
  }
}

/** Files that another service took in are in the bucket alone, and a snapshot cannot wait for them. */
async function bringFiles({ database, files, benchmarkFiles }: HomeStore): Promise<void> {
  const bring = async (
    table: 'models' | 'benchmarks',
    kept: typeof files | typeof benchmarkFiles,
  ) => {
    const rows = await database.query<{ digest: string }>(digestsOf(table));
    // What is removed meanwhile is not in the snapshot; what is missing is told there.
    for (const { digest } of rows)
      await kept.local(digest).catch((error) => {
        if (VentralError.from(error).code !== 'file-missing') throw error;
      });
  };
  await bring('models', files);
  await bring('benchmarks', benchmarkFiles);
}

/** Checkpoints of trainings lie where models do. */
const digestsOf = (table: 'models' | 'benchmarks'): string =>
  table === 'models'
    ? 'select digest from models union select digest from checkpoints order by digest'
    : 'select distinct digest from benchmarks order by digest';

interface KeptParts {
  readonly tables: readonly (BackupManifest['tables'][number] & { readonly path: string })[];
  /** Digest and path. */
  readonly models: ReadonlyMap<string, string>;
  /** Digest and path of the archive or, where there is none, of a folder. */
  readonly benchmarks: ReadonlyMap<string, string>;
}

async function keep(store: HomeStore, queries: Queries, folder: string): Promise<KeptParts> {
  const models = await linked(queries, 'models', folder, (digest) => store.files.path(digest));
  const benchmarks = await linked(
    queries,
    'benchmarks',
    folder,
    (digest) => store.benchmarkFiles.archive(digest),
    (digest) => store.benchmarkFiles.folder(digest),
  );
  const tables = [];
  for (const table of backupTables) tables.push(await writeTable(queries, table, folder));
  return { tables, models, benchmarks };
}

/** Gives the files of a table's registrations a second name. */
async function linked(
  queries: Queries,
  table: 'models' | 'benchmarks',
  folder: string,
  place: (digest: string) => string,
  otherwise?: (digest: string) => string,
): Promise<Map<string, string>> {
  const rows = await queries.query<{ digest: string }>(digestsOf(table));
  const found = new Map<string, string>();
  for (const { digest } of rows) {
    const path = join(folder, `${table}-${hexOf(digest)}`);
    try {
      await link(place(digest), path);
    } catch (error) {
      if (!otherwise || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await mkdir(path);
      for (const name of await readdir(otherwise(digest)))
        await link(join(otherwise(digest), name), join(path, name));
    }
    found.set(digest, path);
  }
  return found;
}

async function writeTable(queries: Queries, table: BackupTable, folder: string) {
  const path = join(folder, `${table.name}.ndjson`);
  const hash = createHash('sha256');
  let rows = 0;
  let size = 0;
  const lines = async function* () {
    for await (const batch of rowsOf(queries, table)) {
      rows += batch.length;
      const bytes = Buffer.from(batch.map((row) => `${row}\n`).join(''));
      size += bytes.length;
      yield bytes;
    }
  };
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  // Key hashes are in it.
  await pipeline(Readable.from(lines()), count, createWriteStream(path, { mode: 0o600 }));
  const name = `tables/${table.name}.ndjson`;
  const digest = `sha256:${hash.digest('hex')}`;
  return { table: table.name, rows, name, size, digest, path };
}

/** Describes what was kept, and says where each entry lies. */
async function describe(
  { tables, models, benchmarks }: KeptParts,
  ventral: string,
): Promise<{ manifest: BackupManifest; paths: ReadonlyMap<string, string> }> {
  const paths = new Map(tables.map(({ name, path }) => [name, path]));
  const file = async (name: string, path: string, digest?: string): Promise<BackupFile> => {
    paths.set(name, path);
    return { name, size: (await stat(path)).size, digest: digest ?? (await digestOfFile(path)) };
  };
  const archives = [];
  for (const [digest, path] of benchmarks) {
    const name = `benchmarks/${hexOf(digest)}`;
    const entries = (await stat(path)).isFile() ? undefined : (await readdir(path)).toSorted();
    if (!entries) archives.push({ digest, archive: await file(`${name}.zip`, path, digest) });
    else {
      const files = [];
      for (const entry of entries) files.push(await file(`${name}/${entry}`, join(path, entry)));
      archives.push({ digest, files });
    }
  }
  const networks = [];
  for (const [digest, path] of models)
    networks.push(await file(`models/${hexOf(digest)}.onnx`, path, digest));
  const manifest = {
    format: BACKUP_FORMAT,
    ventral,
    schema: SCHEMA,
    createdAt: new Date().toISOString(),
    tables: tables.map(({ path: _path, ...table }) => table),
    models: networks,
    benchmarks: archives,
  };
  return { manifest, paths };
}

const hexOf = (digest: string) => digest.slice('sha256:'.length);

/** Tables are text and shrink; the weights of networks and archives do not. */
function* contentsOf(
  manifest: BackupManifest,
  paths: ReadonlyMap<string, string>,
): Generator<ZipContent> {
  const text = `${JSON.stringify(manifest, null, 1)}\n`;
  yield { name: MANIFEST, data: Buffer.from(text), compress: true };
  for (const { name, size } of filesOf(manifest)) {
    const data = () => createReadStream(paths.get(name) as string);
    yield { name, size, data, compress: name.startsWith('tables/') };
  }
}
