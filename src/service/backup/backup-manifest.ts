import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { ZipArchive } from '../../formats/zip.js';
import { SCHEMA } from '../../store/database/migrations.js';
import { backupTables } from '../../store/database/table-rows.js';
import type { FileKind } from '../../store/files/file-kind.js';

/** The one format of archives so far. */
export const BACKUP_FORMAT = 1;

/** A file of an archive, and what its bytes must be. */
export interface BackupFile {
  /** Name of the entry. */
  readonly name: string;
  readonly size: number;
  /** `sha256:…` of its bytes. */
  readonly digest: string;
}

/** What `manifest.json`, the first entry of a backup, says of the others. */
export interface BackupManifest {
  readonly format: number;
  /** Version of ventral that wrote it. */
  readonly ventral: string;
  /** Schema of the tables. */
  readonly schema: number;
  readonly createdAt: string;
  /** `tables/<table>.ndjson`: a row a line, as PostgreSQL writes it as JSON. */
  readonly tables: readonly (BackupFile & { readonly table: string; readonly rows: number })[];
  /** `models/<sha256>.onnx`. */
  readonly models: readonly BackupFile[];
  /** `benchmarks/<sha256>.zip`, or unpacked files where a home of an earlier schema kept no archive. */
  readonly benchmarks: readonly {
    readonly digest: string;
    readonly archive?: BackupFile;
    readonly files?: readonly BackupFile[];
  }[];
  /** Files that registrations name and the archive does not hold, because they were damaged or gone. */
  readonly lost?: readonly LostFile[];
}

/** A file that a backup could not take. */
export interface LostFile {
  readonly kind: FileKind;
  readonly digest: string;
  readonly state: 'damaged' | 'missing';
}

export const MANIFEST = 'manifest.json';

/** A backup may be as large as a home; its entries are checked by digest. */
export const backupLimits = {
  entries: 10_000_000,
  totalBytes: Number.MAX_SAFE_INTEGER,
  ratio: Number.POSITIVE_INFINITY,
  ratioFrom: 0,
};

/** @throws VentralError `backup-invalid`, and `home-format` for one of a newer ventral */
export async function readManifest(zip: ZipArchive, file: string): Promise<BackupManifest> {
  const manifest = await parsed(zip, file);
  if (manifest.format > BACKUP_FORMAT || manifest.schema > SCHEMA) {
    throw new VentralError(
      'home-format',
      `${file} is a backup of format ${manifest.format} with schema ${manifest.schema}, this ventral reads up to format ${BACKUP_FORMAT} with schema ${SCHEMA}: use the ventral that wrote it (${manifest.ventral})`,
      { file },
    );
  }
  const listed = new Set([MANIFEST, ...filesOf(manifest).map(({ name }) => name)]);
  const found = new Set(zip.entries.map(({ name }) => name));
  const odd =
    [...listed].find((name) => !found.has(name)) ?? [...found].find((name) => !listed.has(name));
  if (odd !== undefined) throw damaged(file, `${odd} is not at the path in its manifest`);
  return manifest;
}

/** Every entry but the manifest. */
export const filesOf = ({ tables, models, benchmarks }: BackupManifest): readonly BackupFile[] => [
  ...tables,
  ...models,
  ...benchmarks.flatMap(({ archive, files = [] }) => (archive ? [archive] : files)),
];

export const damaged = (file: string, how: string, cause?: unknown): VentralError =>
  new VentralError('backup-invalid', `${file}: ${how}`, {
    file,
    ...present({ cause }),
  });

const entry =
  /^(tables\/[a-z_]+\.ndjson|models\/[0-9a-f]{64}\.onnx|benchmarks\/[0-9a-f]{64}(\.zip|\/[^/\\]+))$/;
const hex = /^sha256:([0-9a-f]{64})$/;

/** Whether an entry matches its name: restored files are found by name. */
function namesFit({ tables, models, benchmarks }: BackupManifest): boolean {
  const hexOf = (digest: string) => digest.slice('sha256:'.length);
  const known = new Set(backupTables.map(({ name }) => name));
  return (
    tables.every(({ table, name }) => known.has(table) && name === `tables/${table}.ndjson`) &&
    models.every(({ name, digest }) => name === `models/${hexOf(digest)}.onnx`) &&
    benchmarks.every(({ digest, archive, files = [] }) =>
      archive
        ? archive.digest === digest && archive.name === `benchmarks/${hexOf(digest)}.zip`
        : files.every(({ name }) => name.startsWith(`benchmarks/${hexOf(digest)}/`)),
    )
  );
}

async function parsed(zip: ZipArchive, file: string): Promise<BackupManifest> {
  let manifest: BackupManifest;
  try {
    manifest = JSON.parse((await zip.read(MANIFEST)).toString('utf8'));
    if (!Number.isInteger(manifest.format) || !Number.isInteger(manifest.schema)) throw new Error();
    if (manifest.format > BACKUP_FORMAT) return manifest;
    const names = filesOf(manifest).map(({ name, size, digest }) => {
      if (!hex.test(digest) || !Number.isSafeInteger(size) || !entry.test(name)) throw new Error();
      return name;
    });
    if (new Set(names).size !== names.length) throw new Error();
    if (!(manifest.lost ?? []).every(({ digest }) => hex.test(digest))) throw new Error();
    if (!manifest.benchmarks.every(({ digest }) => hex.test(digest))) throw new Error();
    if (!namesFit(manifest)) throw new Error();
  } catch (cause) {
    throw damaged(file, 'it is not a backup of ventral: its manifest.json cannot be read', cause);
  }
  return manifest;
}
