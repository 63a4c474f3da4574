import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { type CatalogEntry, catalog } from '../catalog.js';
import { locateData } from '../data-folder.js';
import { type PullOptions, pullWanted } from '../download.js';
import { converterNamed } from './converters.js';
import { findSources, type SearchOptions, sourcesAt } from './find-sources.js';
import { ConvertedFiles, type MadeFile } from './outputs.js';
import type { Publication, SourceFile } from './publication.js';

/** The entries of the catalog that are made from a publication. */
export function entriesOf(
  { name }: Publication,
  entries: readonly CatalogEntry[] = catalog(),
): readonly CatalogEntry[] {
  return entries.filter(({ converted }) => converted?.publication === name);
}

/** Whether all that is made from a publication is under `home`. */
export async function isInstalled(
  publication: Publication,
  home: string,
  entries?: readonly CatalogEntry[],
): Promise<boolean> {
  for (const entry of entriesOf(publication, entries)) {
    const { missing, ownBytes } = await locateData(entry, home);
    if (missing.length > 0 || ownBytes) return false;
  }
  return true;
}

/** What a pull downloads. */
export const authorsFiles = ({ forms: [form] }: Publication): readonly SourceFile[] => form.files;

/**
 * Downloads the files of the authors, resumed and checked by SHA-256, converts them, and lets them go. They stay
 * where the conversion fails or is interrupted.
 * @throws VentralError what a download throws, and `data-missing` for a publication without addresses
 */
export async function pullPublication(
  publication: Publication,
  options: PullOptions & { readonly entries?: readonly CatalogEntry[] },
): Promise<MadeFile[]> {
  const [form] = publication.forms;
  const folder = join(options.home, 'data', 'sources', publication.name);
  const paths = new Map<string, string>();
  for (const source of form.files) {
    const path = join(folder, source.sha256, basename(source.file));
    const { path: pulled } = await pullWanted(
      {
        file: source.file,
        url: addressOf(source, publication, options),
        size: source.size,
        algorithm: 'sha256',
        digest: source.sha256,
        path,
        entry: { identifier: publication.name, access: 'public' },
        sameHost: true,
      },
      options,
    );
    paths.set(source.file, pulled);
  }
  options.signal?.throwIfAborted();
  const made = await ConvertedFiles.make(
    { home: options.home, publication, ...present({ entries: options.entries }) },
    (outputs) => converterNamed(publication.converter)(sourcesAt(form, paths), outputs),
  );
  await rm(folder, { recursive: true, force: true });
  return made;
}

function addressOf(
  { url, file }: SourceFile,
  publication: Publication,
  { baseUrl }: PullOptions,
): string {
  if (baseUrl !== undefined) {
    const base = baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`;
    return new URL(file.split('/').map(encodeURIComponent).join('/'), base).href;
  }
  if (url !== undefined) return url;
  throw new VentralError(
    'data-missing',
    `${publication.name}: ${file} is at no fixed address; \`ventral data import ${publication.name} --from FOLDER\` takes it from a folder`,
    { file },
  );
}

/**
 * Converts the files of a publication that somebody brings in a folder; they are only read.
 * @throws VentralError what {@link findSources} throws
 */
export async function importPublication(
  publication: Publication,
  folder: string,
  options: SearchOptions & { readonly home: string; readonly entries?: readonly CatalogEntry[] },
): Promise<MadeFile[]> {
  const sources = await findSources(publication, folder, options);
  return ConvertedFiles.make(
    { home: options.home, publication, ...present({ entries: options.entries }) },
    (outputs) => converterNamed(publication.converter)(sources, outputs),
  );
}
