import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { didYouMean } from '../errors/closest-names.js';
import { VentralError } from '../errors/ventral-error.js';
import { present } from '../formats/present.js';
import { type CatalogEntry, type CatalogFile, catalog, type FileRole } from './catalog.js';
import { type DataImport, dataPath, isThere, namesIn, placeFile } from './data-folder.js';
import { sha1Of } from './file-sha1.js';

export interface ImportOptions {
  readonly home: string;
  /** Catalog identifier that a different file replaces. */
  readonly as?: string;
  readonly progress?: (progress: {
    readonly file: string;
    readonly done: number;
    readonly total: number;
  }) => void;
  readonly signal?: AbortSignal;
}

/** A file that was taken in. */
export interface ImportedFile {
  readonly file: string;
  readonly identifier: string;
  readonly path: string;
  /** False where the bytes are a user's own, taken with `--as`. */
  readonly published: boolean;
}

/**
 * Takes files that a user already has into HOME/data, as copies. A file is recognised by its SHA-1;
 * a folder is searched as Brain-Score's cache (`~/.brainio/<sha1>/<file>`), and what is not of the
 * catalog there is passed over. With `as` a single file of other bytes stands in for that entry.
 * @throws VentralError `file-missing`, `checksum-mismatch` for an unknown file, `data-missing` for an unknown
 *   identifier, `disk-full` or `interrupted`
 */
export async function importData(
  paths: readonly string[],
  options: ImportOptions,
): Promise<ImportedFile[]> {
  const imported: ImportedFile[] = [];
  for (const path of paths) {
    const found = await stat(path).catch((cause) => {
      throw new VentralError('file-missing', `${path} does not exist`, { file: path, cause });
    });
    if (found.isDirectory()) imported.push(...(await importFolder(path, options)));
    else imported.push(...(await importFile(path, options)));
  }
  return imported;
}

async function importFolder(folder: string, options: ImportOptions): Promise<ImportedFile[]> {
  if (options.as !== undefined) {
    throw new VentralError('bad-usage', `--as expects a file, found the folder ${folder}`, {
      file: folder,
    });
  }
  const imported: ImportedFile[] = [];
  for (const path of await candidates(folder)) {
    const digest = await digestOf(path, options);
    const places = placesOf(digest);
    if (places.length > 0) imported.push(...(await copyTo(places, path, digest, options)));
  }
  if (imported.length > 0) return imported;
  throw new VentralError(
    'data-missing',
    `${folder} has no file of the catalog; expected files as in Brain-Score's cache, <sha1>/<file>`,
    { file: folder },
  );
}

/** Files at most one folder down whose name or folder the catalog knows: only those are read. */
async function candidates(folder: string): Promise<string[]> {
  const files = catalog().flatMap((entry) => entry.files);
  const names = new Set(files.map(({ file }) => file));
  const digests = new Set(files.map(({ sha1 }) => sha1));
  const found: string[] = [];
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    if (names.has(name) && (await isThere(path))) found.push(path);
    for (const inner of await namesIn(path)) {
      const known = names.has(inner) || digests.has(name);
      if (known && (await isThere(join(path, inner)))) found.push(join(path, inner));
    }
  }
  return found;
}

async function importFile(path: string, options: ImportOptions): Promise<ImportedFile[]> {
  const digest = await digestOf(path, options);
  const places = placesOf(digest).filter(
    ({ entry }) => options.as === undefined || entry.identifier === options.as,
  );
  if (places.length > 0) return copyTo(places, path, digest, options);
  if (options.as !== undefined) return [await standIn(path, digest, options.as, options)];
  const name = basename(path);
  const namesake = catalog().find(({ files }) => files.some(({ file }) => file === name));
  const why = namesake
    ? `it is named as a file of ${namesake.identifier}, whose SHA-1 is ${namesake.files.find(({ file }) => file === name)?.sha1}`
    : 'the catalog has no such file';
  throw new VentralError(
    'checksum-mismatch',
    `${path}: found SHA-1 ${digest}; ${why}. --as IDENTIFIER uses your own file in place of a catalog file`,
    { file: path, field: 'sha1', expected: 'the SHA-1 of a catalog file', found: digest },
  );
}

interface Place {
  readonly entry: CatalogEntry;
  readonly file: CatalogFile;
}

/** Every place of the catalog that has these bytes: two names may share them. */
function placesOf(sha1: string): Place[] {
  return catalog().flatMap((entry) =>
    entry.files.filter((file) => file.sha1 === sha1).map((file) => ({ entry, file })),
  );
}

async function copyTo(
  places: readonly Place[],
  path: string,
  digest: string,
  options: ImportOptions,
): Promise<ImportedFile[]> {
  const imported: ImportedFile[] = [];
  for (const { entry, file } of places) {
    const target = dataPath(options.home, file);
    await copyChecked(path, target, digest, options);
    imported.push({ file: path, identifier: entry.identifier, path: target, published: true });
  }
  return imported;
}

async function standIn(
  path: string,
  digest: string,
  identifier: string,
  options: ImportOptions,
): Promise<ImportedFile> {
  const { entry, file } = placeFor(path, identifier);
  const target = join(options.home, 'data', digest, basename(path));
  await copyChecked(path, target, digest, options);
  const record: DataImport = {
    identifier,
    kind: entry.kind,
    role: file.role,
    file: basename(path),
    sha1: digest,
    importedAt: new Date().toISOString(),
  };
  const note = join(dirname(target), `import-${randomBytes(6).toString('hex')}.tmp`);
  await writeFile(note, `${JSON.stringify(record)}\n`);
  await placeFile(note, join(dirname(target), 'import.json'));
  return { file: path, identifier, path: target, published: false };
}

const roleOfExtension: Readonly<Record<string, FileRole>> = {
  '.csv': 'csv',
  '.zip': 'images',
  '.nc': 'nc',
};

/** The file of an entry that a file with this extension can replace. */
function placeFor(
  path: string,
  identifier: string,
): { readonly entry: CatalogEntry; readonly file: Pick<CatalogFile, 'role' | 'file'> } {
  const named = catalog().filter((entry) => entry.identifier === identifier);
  if (named.length === 0) {
    const names = catalog().map((entry) => entry.identifier);
    throw new VentralError(
      'data-missing',
      `--as ${identifier}: the catalog has no such name${didYouMean(identifier, names)}`,
      { found: identifier },
    );
  }
  const role = roleOfExtension[extname(path).toLowerCase()];
  const places = named.flatMap((entry) =>
    [...entry.files, ...(entry.brought ?? [])].map((file) => ({ entry, file })),
  );
  const found = places.find(({ file }) => file.role === role);
  if (found) return found;
  const wanted = [...new Set(places.map(({ file }) => extname(file.file)))].join(' or ');
  throw new VentralError(
    'bad-usage',
    `${path}: ${identifier} consists of ${wanted} files, found "${extname(path)}"`,
    { file: path, expected: wanted, found: extname(path) },
  );
}

async function digestOf(path: string, options: ImportOptions): Promise<string> {
  const { size: total } = await stat(path);
  return sha1Of(path, {
    progress: (done) => options.progress?.({ file: path, done, total }),
    ...present({ signal: options.signal }),
  });
}

/** Copies under a temporary name, checks the copy, and gives it its name. */
async function copyChecked(
  path: string,
  target: string,
  digest: string,
  { signal }: ImportOptions,
): Promise<void> {
  if ((await isThere(target)) && (await sha1Of(target, signal ? { signal } : {})) === digest)
    return;
  const temporary = join(dirname(target), `.import-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(dirname(target), { recursive: true });
    // A reflink where the file system has them: no second copy of gigabytes.
    await copyFile(path, temporary, constants.COPYFILE_FICLONE);
    if ((await sha1Of(temporary, signal ? { signal } : {})) !== digest) {
      throw new VentralError('checksum-mismatch', `${path} changed while it was copied`, {
        file: path,
      });
    }
    await placeFile(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw VentralError.from(error);
  }
}
