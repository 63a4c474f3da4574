import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { link, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { type ZipContent, zipStream } from '../../formats/zip.js';
import type { Queries } from '../../store/database/database.js';
import { SCHEMA } from '../../store/database/migrations.js';
import {
  type BackupTable,
  backupTables,
  rowsOf,
  snapshot,
} from '../../store/database/table-rows.js';
import { digestOfFile } from '../../store/files/file-digest.js';
import type { HomeStore } from '../../store/home-store.js';
import {
  BACKUP_FORMAT,
  type BackupFile,
  type BackupManifest,
  filesOf,
  type LostFile,
  MANIFEST,
} from './backup-manifest.js';

/**
 * A whole backup as a stream: a snapshot of the database and its files, each compared with its digest first. A
 * damaged or missing file without a second copy is listed in the manifest as lost. The tables are written to the
 * folder of unfinished work first, and the files get a second name there, so that a slow reader blocks nobody and
 * files removed meanwhile are still in the backup. Memory is bounded. The folder is removed with the stream.
 */
export async function writeBackup(store: HomeStore, version: string): Promise<Readable> {
  const folder = join(store.temporary, `backup-${randomUUID()}`);
  await mkdir(folder);
  const clear = () => rm(folder, { recursive: true, force: true });
  try {
    const found = await checkFiles(store);
    const kept = await snapshot(store.database, (queries) => keep(store, queries, folder, found));
    const { manifest, paths } = await describe(kept, version);
    const stream = zipStream(contentsOf(manifest, paths));
    stream.once('close', () => void clear());
    return stream;
  } catch (error) {
    await clear();
    throw error;
  }
}

/** Where the files of registrations were found whole, or how they were lost. */
type FoundFiles = Record<'models' | 'benchmarks', Map<string, string | LostFile['state']>>;

/**
 * Reads every file and replaces damaged ones where possible. This takes too long for a snapshot.
 */
async function checkFiles({ database, files, benchmarkFiles }: HomeStore): Promise<FoundFiles> {
  const found: FoundFiles = { models: new Map(), benchmarks: new Map() };
  files.forgetChecks();
  benchmarkFiles.forgetChecks();
  for (const { digest } of await database.query<{ digest: string }>(digestsOf('models')))
    found.models.set(digest, await files.local(digest).catch(lostAs));
  for (const { digest } of await database.query<{ digest: string }>(digestsOf('benchmarks'))) {
    const archive = await benchmarkFiles.localArchive(digest).catch(lostAs);
    const path = isLost(archive) ? await benchmarkFiles.local(digest).catch(lostAs) : archive;
    found.benchmarks.set(digest, path);
  }
  return found;
}

function lostAs(thrown: unknown): LostFile['state'] {
  const { code } = VentralError.from(thrown);
  if (code === 'file-damaged') return 'damaged';
  if (code === 'file-missing') return 'missing';
  throw thrown;
}

const isLost = (path: string): path is LostFile['state'] =>
  path === 'damaged' || path === 'missing';

/** Checkpoints of trainings lie where models do. */
const digestsOf = (table: 'models' | 'benchmarks'): string =>
  table === 'models'
    ? 'select digest from models union select digest from checkpoints order by digest'
    : 'select distinct digest from benchmarks order by digest';

interface KeptParts {
  readonly tables: readonly (BackupManifest['tables'][number] & { readonly path: string })[];
  /** Digest and path. */
  readonly models: ReadonlyMap<string, string>;
  /** Digest and path of the archive or, if there is none, of a folder. */
  readonly benchmarks: ReadonlyMap<string, string>;
  readonly lost: readonly LostFile[];
}

async function keep(
  store: HomeStore,
  queries: Queries,
  folder: string,
  found: FoundFiles,
): Promise<KeptParts> {
  const lost: LostFile[] = [];
  const link = async (table: 'models' | 'benchmarks', place: (digest: string) => string) => {
    const linked = new Map<string, string>();
    const rows = await queries.query<{ digest: string }>(digestsOf(table));
    for (const { digest } of rows) {
      // Later registrations were checked on arrival.
      const from = found[table].get(digest) ?? place(digest);
      const to = join(folder, `${table}-${hexOf(digest)}`);
      const state = isLost(from) ? from : await linkAll(from, to);
      if (state) lost.push({ kind: table === 'models' ? 'model' : 'benchmark', digest, state });
      else linked.set(digest, to);
    }
    return linked;
  };
  const models = await link('models', (digest) => store.files.path(digest));
  const benchmarks = await link('benchmarks', (digest) => store.benchmarkFiles.archive(digest));
  const tables = [];
  for (const table of backupTables) tables.push(await writeTable(queries, table, folder));
  return { tables, models, benchmarks, lost };
}

/** Gives a file, or each file of a folder, a second name. */
async function linkAll(from: string, to: string): Promise<LostFile['state'] | undefined> {
  try {
    if ((await stat(from)).isFile()) await link(from, to);
    else {
      await mkdir(to);
      for (const name of await readdir(from)) await link(join(from, name), join(to, name));
    }
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
    throw error;
  }
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

/** Describes the contents and the place of each entry. */
async function describe(
  { tables, models, benchmarks, lost }: KeptParts,
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
    ...(lost.length > 0 ? { lost } : {}),
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
