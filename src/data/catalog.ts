import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { didYouMean } from '../errors/closest-names.js';
import { VentralError } from '../errors/ventral-error.js';
import { packageRoot } from '../formats/package-root.js';

/** What a catalog entry holds: images, neural recordings, behavioural trials, dissimilarities between stimuli, or a table of splits. */
export type DataKind = 'stimuli' | 'recordings' | 'trials' | 'rdms' | 'splits';

/** Role of a file in its entry: the table or the images of a stimulus set, the assembly, or its table of neuroids. */
export type FileRole = 'csv' | 'images' | 'nc' | 'neuroids';

/** One published file. */
export interface CatalogFile {
  readonly role: FileRole;
  readonly file: string;
  readonly url: string;
  /** SHA-1 of the bytes, lower-case hex, as Brain-Score's registry states it (spec §6.4). */
  readonly sha1: string;
  /** Bytes, where known. */
  readonly size?: number;
  /** S3 version that has these bytes, asked for where the plain object has others. */
  readonly version?: string;
}

/** A stimulus set or an assembly under Brain-Score's registry key (spec §6.4). */
export interface CatalogEntry {
  readonly identifier: string;
  readonly kind: DataKind;
  /** Stimulus set that an assembly was recorded on. */
  readonly stimuli?: string;
  /** `private`: the owner gives it only to evaluators, and an anonymous download is 403. */
  readonly access: 'public' | 'private';
  /** SPDX name, where a licence is stated. */
  readonly licence?: string;
  /** Licence or terms in words. */
  readonly terms: string;
  /** The data-use agreement that each user signs, and where. */
  readonly agreement?: string;
  readonly files: readonly CatalogFile[];
  /** Files that each user gets from their owner, whose bytes no list states: `ventral data import FILE --as IDENTIFIER`. */
  readonly brought?: readonly { readonly role: FileRole; readonly file: string }[];
  /** Where ventral makes its files from those of others: the publication that they are in, and their names. */
  readonly converted?: {
    readonly publication: string;
    readonly files: readonly { readonly role: FileRole; readonly file: string }[];
  };
}

interface DataFile {
  readonly base: string;
  readonly entries: readonly (Omit<CatalogEntry, 'files' | 'converted' | 'brought'> & {
    readonly files?: Readonly<
      Partial<Record<FileRole, { file: string; sha1: string; size?: number; version?: string }>>
    >;
    readonly converted?: {
      readonly publication: string;
      readonly files: Readonly<Partial<Record<FileRole, string>>>;
    };
    readonly brought?: Readonly<Partial<Record<FileRole, string>>>;
  })[];
}

/**
 * Reads the catalog: the `data.json` of every folder in `benchmarks/`, so that a new experiment
 * touches no source. A stimulus set and an assembly may share an identifier, as in the original.
 */
function readCatalog(folder: string): CatalogEntry[] {
  return dataFiles(folder).flatMap(({ content }) => entriesOf(content as DataFile));
}

/** The `data.json` of every folder in a folder, in the order of names. */
export function dataFiles(folder: string): { readonly folder: string; readonly content: object }[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name))
    .sort()
    .flatMap((inner) => {
      const text = readIfThere(join(inner, 'data.json'));
      return text === undefined ? [] : [{ folder: inner, content: JSON.parse(text) }];
    });
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
}

function entriesOf({ base, entries }: DataFile): CatalogEntry[] {
  return entries.map(({ files = {}, converted, brought, ...entry }) => ({
    ...entry,
    files: ROLES.flatMap((role) => {
      const file = files[role];
      return file ? [{ role, ...file, url: new URL(file.file, base).href }] : [];
    }),
    ...(converted && {
      converted: { publication: converted.publication, files: namesOf(converted.files) },
    }),
    ...(brought && { brought: namesOf(brought) }),
  }));
}

const namesOf = (files: Readonly<Partial<Record<FileRole, string>>>) =>
  ROLES.flatMap((role) => {
    const file = files[role];
    return file === undefined ? [] : [{ role, file }];
  });

const ROLES = ['csv', 'images', 'nc', 'neuroids'] as const;

let entries: readonly CatalogEntry[] | undefined;

/** Every published stimulus set and assembly that ventral knows, in the order of the catalog files. */
export function catalog(): readonly CatalogEntry[] {
  entries ??= readCatalog(join(packageRoot, 'benchmarks'));
  return entries;
}

/**
 * The entry of one kind under an identifier.
 * @throws VentralError `data-missing` with the closest names where the catalog has none
 */
export function findData(identifier: string, kind: DataKind): CatalogEntry {
  const ofKind = catalog().filter((entry) => entry.kind === kind);
  const found = ofKind.find((entry) => entry.identifier === identifier);
  if (found) return found;
  const names = ofKind.map((entry) => entry.identifier);
  throw new VentralError(
    'data-missing',
    `The catalog has no ${kind} "${identifier}"${didYouMean(identifier, names)}`,
    { field: kind, expected: `a name from \`ventral data list\``, found: identifier },
  );
}

/**
 * All entries under an identifier, and the stimulus sets that its assemblies were recorded on: what
 * one needs to use it.
 * @throws VentralError `data-missing` with the closest names
 */
export function entriesNeeded(identifier: string): readonly CatalogEntry[] {
  const named = catalog().filter((entry) => entry.identifier === identifier);
  if (named.length === 0) {
    const names = catalog().map((entry) => entry.identifier);
    throw new VentralError(
      'data-missing',
      `The catalog has no "${identifier}"${didYouMean(identifier, names)}`,
      { expected: `a name from \`ventral data list\``, found: identifier },
    );
  }
  // A name that an assembly and a stimulus set share means the assembly and what it was recorded on.
  const assemblies = named.filter((entry) => entry.kind !== 'stimuli');
  if (assemblies.length === 0) return named;
  const stimuli = assemblies.flatMap((entry) =>
    entry.stimuli === undefined ? [] : [findData(entry.stimuli, 'stimuli')],
  );
  return [...new Set([...assemblies, ...stimuli])];
}
