import { open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';
import type { CatalogEntry, CatalogFile, FileRole } from './catalog.js';
import { requireWhole } from './checked-data.js';

/** Where a file of the catalog lies: HOME/data/<sha1>/<file>, whether pulled or imported. */
export function dataPath(home: string, { sha1, file }: Pick<CatalogFile, 'sha1' | 'file'>): string {
  return join(home, 'data', sha1, file);
}

/** A file that a user gave in place of one of the catalog: written beside it as `import.json`. */
export interface DataImport {
  readonly identifier: string;
  readonly kind: CatalogEntry['kind'];
  readonly role: FileRole;
  readonly file: string;
  /** SHA-1 of the bytes that were given. */
  readonly sha1: string;
  /** Where ventral made the file from those of a publication, whose digests were checked. */
  readonly publication?: string;
  /** When, ISO 8601: the latest import of a role counts. */
  readonly importedAt: string;
}

/** A file of an entry; one that ventral makes has no digest before it is made. */
type LocatedFile = Pick<CatalogFile, 'role' | 'file'> & { readonly sha1?: string };

/** Paths of the files of an entry by role. `ownBytes` if a user's own file replaces one. */
export interface LocatedData {
  readonly paths: Readonly<Partial<Record<FileRole, string>>>;
  readonly missing: readonly LocatedFile[];
  readonly ownBytes: boolean;
}

/** Looks for entries under one home, for lists of many: each is looked for once, and imports are read once. */
export function locator(home: string): (entry: CatalogEntry) => Promise<LocatedData> {
  const located = new Map<CatalogEntry, Promise<LocatedData>>();
  let imports: Promise<readonly DataImport[]> | undefined;
  const records = () => {
    imports ??= importRecords(home);
    return imports;
  };
  let folders: Promise<ReadonlySet<string>> | undefined;
  // A home has few of the hundreds of files: one look at its folder in place of one for each.
  const isHere = async (path: string) => {
    folders ??= namesIn(join(home, 'data')).then((names) => new Set(names));
    return (await folders).has(basename(dirname(path))) && isThere(path);
  };
  return (entry) => {
    const found = located.get(entry) ?? locateData(entry, home, records, isHere);
    located.set(entry, found);
    return found;
  };
}

/** Looks for the files of an entry under `home`; the published bytes win over a user's own. */
export async function locateData(
  entry: CatalogEntry,
  home: string,
  imports: () => Promise<readonly DataImport[]> = () => importRecords(home),
  isHere: (path: string) => Promise<boolean> = isThere,
): Promise<LocatedData> {
  const paths: Partial<Record<FileRole, string>> = {};
  const missing: LocatedFile[] = [];
  const { converted, brought = [] } = entry;
  const files: readonly LocatedFile[] = [...entry.files, ...(converted?.files ?? []), ...brought];
  let ownBytes = false;
  let records: readonly DataImport[] | undefined;
  for (const file of files) {
    const { sha1 } = file;
    const path = sha1 && dataPath(home, { sha1, file: file.file });
    if (path && (await isHere(path))) {
      paths[file.role] = path;
      continue;
    }
    records ??= await imports();
    const own = records.find(
      ({ identifier, kind, role }) =>
        identifier === entry.identifier && kind === entry.kind && role === file.role,
    );
    if (own) {
      // A file that everybody brings has no published bytes that it could differ from.
      ownBytes ||= own.publication === undefined && sha1 !== undefined;
      paths[file.role] = join(home, 'data', own.sha1, own.file);
    } else missing.push(file);
  }
  return { paths, missing, ownBytes };
}

/**
 * The paths of {@link locateData}, the files checked.
 * @throws VentralError `data-missing` with the command that brings what lacks, `file-damaged` with the one that
 *   brings it again
 */
export async function requireData(entry: CatalogEntry, home: string): Promise<LocatedData> {
  const located = await locateData(entry, home);
  const [first] = located.missing;
  if (!first) {
    for (const path of Object.values(located.paths)) await requireWhole(path, entry.identifier);
    return located;
  }
  const how = entry.brought?.includes(first)
    ? `\`ventral data import FILE --as ${entry.identifier}\` takes your copy. ${entry.terms}`
    : entry.access === 'private'
      ? 'they are private: `ventral data import FILE` takes them from someone who was given them'
      : `\`ventral data pull ${entry.identifier}\` fetches them`;
  throw new VentralError(
    'data-missing',
    `The ${entry.kind} ${entry.identifier} are not here (${first.file}); ${how}`,
    {
      file: first.file,
      expected: join(home, 'data', first.sha1 ?? '', first.file),
      found: 'no such file',
    },
  );
}

/** Imports under `home`, the latest first. */
export async function importRecords(home: string): Promise<readonly DataImport[]> {
  const folder = join(home, 'data');
  const records: DataImport[] = [];
  for (const name of await namesIn(folder)) {
    try {
      records.push(JSON.parse(await readFile(join(folder, name, 'import.json'), 'utf8')));
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw VentralError.from(error);
    }
  }
  return records.sort((a, b) => (a.importedAt < b.importedAt ? 1 : -1));
}

/** Names in a folder, sorted; none if there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw VentralError.from(error);
  }
}

/** Whether a path is a file. */
export async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Makes finished bytes durable, then gives them their name in the same file system. */
export async function placeFile(temporary: string, path: string): Promise<void> {
  await sync(temporary);
  await rename(temporary, path);
  await sync(dirname(path));
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
