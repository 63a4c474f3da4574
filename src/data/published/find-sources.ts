import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { hashOf } from '../file-sha1.js';
import type { Sources } from './converter.js';
import type { Publication, SourceFile, SourceForm } from './publication.js';

/** Files that a folder may have, its folders' included: a home folder by mistake is refused, not searched. */
const MOST_FILES = 20_000;
const MOST_DEPTH = 12;

/** What is said while files are looked at. */
export interface SearchOptions {
  readonly progress?: (progress: {
    readonly file: string;
    readonly done: number;
    readonly total: number;
  }) => void;
  readonly signal?: AbortSignal;
}

/**
 * The files of a publication in a folder that somebody brings: under their paths in the repository, by their names
 * alone where these are one file's, or by their bytes under other names. The first form that is complete is taken.
 * @throws VentralError `file-missing`, `data-missing` with what lacks of the form that lacks least,
 *   `checksum-mismatch` for a file of other bytes, `bad-usage` for a folder without end
 */
export async function findSources(
  publication: Publication,
  folder: string,
  options: SearchOptions = {},
): Promise<Sources> {
  const there = await filesUnder(folder);
  const found: Match[] = [];
  for (const form of publication.forms) found.push(await match(form, folder, there, options));
  const complete = found.find(({ missing }) => missing.length === 0);
  if (!complete) throw incomplete(publication, folder, found);
  await requireBytes(publication, complete.form, complete.paths, options);
  return sourcesAt(complete.form, complete.paths);
}

/** The files of a form at paths, which were checked. */
export function sourcesAt(form: SourceForm, paths: ReadonlyMap<string, string>): Sources {
  return {
    form: form.name,
    files: form.files.map(({ file }) => file),
    path(file) {
      const path = paths.get(file);
      if (path === undefined) throw new RangeError(`${form.name} has no file ${file}`);
      return path;
    },
  };
}

/** Paths under a folder, with slashes, links not followed. */
async function filesUnder(folder: string): Promise<Set<string>> {
  const files = new Set<string>();
  const walk = async (at: string, depth: number): Promise<void> => {
    if (depth > MOST_DEPTH) throw tooLarge(folder);
    for (const entry of await readdir(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) await walk(path, depth + 1);
      else if (entry.isFile()) files.add(relative(folder, path).split(sep).join('/'));
      if (files.size > MOST_FILES) throw tooLarge(folder);
    }
  };
  const what = await stat(folder).catch((cause) => {
    throw new VentralError('file-missing', `${folder} does not exist`, { file: folder, cause });
  });
  if (!what.isDirectory())
    throw new VentralError('bad-usage', `--from: expected a folder, found the file ${folder}`, {
      file: folder,
    });
  await walk(folder, 0);
  return files;
}

const tooLarge = (folder: string) =>
  new VentralError(
    'bad-usage',
    `--from: ${folder} has more than ${MOST_FILES} files or folders within folders; name the folder with the files`,
    { file: folder },
  );

/** Where the files of a form are. */
interface Match {
  readonly form: SourceForm;
  readonly paths: ReadonlyMap<string, string>;
  readonly missing: readonly SourceFile[];
}

async function match(
  form: SourceForm,
  folder: string,
  there: ReadonlySet<string>,
  options: SearchOptions,
): Promise<Match> {
  const names = new Map<string, number>();
  for (const { file } of form.files)
    names.set(basename(file), (names.get(basename(file)) ?? 0) + 1);
  const byName = new Map<string, string[]>();
  for (const path of there)
    byName.set(basename(path), [...(byName.get(basename(path)) ?? []), path]);
  const paths = new Map<string, string>();
  const missing: SourceFile[] = [];
  for (const source of form.files) {
    const at = place(source.file, there, names, byName);
    if (at === undefined) missing.push(source);
    else paths.set(source.file, join(folder, at));
  }
  const renamed = await byBytes(missing, folder, there, options);
  for (const [file, path] of renamed) paths.set(file, path);
  return { form, paths, missing: missing.filter(({ file }) => !renamed.has(file)) };
}

/** Files under other names: those of the right size are hashed. */
async function byBytes(
  wanted: readonly SourceFile[],
  folder: string,
  there: ReadonlySet<string>,
  { signal }: SearchOptions,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (wanted.length === 0) return found;
  for (const name of there) {
    const path = join(folder, name);
    const { size } = await stat(path);
    const alike = wanted.filter((source) => source.size === size);
    if (alike.length === 0) continue;
    const digest = await hashOf(path, 'sha256', present({ signal }));
    for (const { file, sha256 } of alike) if (sha256 === digest) found.set(file, path);
  }
  return found;
}

function place(
  file: string,
  there: ReadonlySet<string>,
  names: ReadonlyMap<string, number>,
  byName: ReadonlyMap<string, readonly string[]>,
): string | undefined {
  if (there.has(file)) return file;
  const namesakes = byName.get(basename(file)) ?? [];
  const behind = namesakes.filter((path) => path.endsWith(`/${file}`));
  if (behind.length > 0) return behind[0];
  // A name that only one file of the form bears says which it is.
  if (names.get(basename(file)) === 1 && namesakes.length > 0) return namesakes[0];
  // The end of the path, as where an archive was unpacked one folder deeper.
  const parts = file.split('/');
  for (let from = 1; from < parts.length - 1; from++) {
    const end = parts.slice(from).join('/');
    const same = namesakes.filter((path) => path === end || path.endsWith(`/${end}`));
    if (same.length === 1) return same[0];
  }
  return undefined;
}

function incomplete(
  publication: Publication,
  folder: string,
  found: readonly Match[],
): VentralError {
  const [best] = found.toSorted(
    (a, b) => a.missing.length / a.form.files.length - b.missing.length / b.form.files.length,
  );
  const names = best.missing.slice(0, 3).map(({ file }) => file);
  const more = best.missing.length > 3 ? ` and ${best.missing.length - 3} more` : '';
  return new VentralError(
    'data-missing',
    `${folder} lacks ${best.missing.length} of ${best.form.files.length} files of ${publication.name}: ${names.join(', ')}${more}; they are at ${publication.page}`,
    { file: folder, expected: names[0], found: 'no such file' },
  );
}

async function requireBytes(
  publication: Publication,
  form: SourceForm,
  paths: ReadonlyMap<string, string>,
  { progress, signal }: SearchOptions,
): Promise<void> {
  const total = form.files.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const { file, size, sha256 } of form.files) {
    const path = paths.get(file) as string;
    const bytes = (await stat(path)).size;
    const done = (within: number) =>
      progress?.({ file: basename(file), done: before + within, total });
    const found =
      bytes === size
        ? await hashOf(path, 'sha256', { progress: done, ...present({ signal }) })
        : `${bytes} bytes`;
    before += size;
    if (found === sha256) continue;
    const expected = bytes === size ? `SHA-256 ${sha256}` : `${size} bytes`;
    throw new VentralError(
      'checksum-mismatch',
      `${path} is not the file that ${publication.name} consists of: expected ${expected}, found ${found}`,
      { file: path, field: bytes === size ? 'sha256' : 'size', expected, found },
    );
  }
}
