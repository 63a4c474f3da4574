import type { CatalogEntry } from '../../data/catalog.js';
import type { PullOptions } from '../../data/download.js';
import type { MadeFile } from '../../data/published/outputs.js';
import { type Publication, publicationOf } from '../../data/published/publication.js';
import {
  authorsFiles,
  importPublication,
  isInstalled,
  pullPublication,
} from '../../data/published/publish.js';
import { VentralError } from '../../errors/ventral-error.js';
import { confirm } from '../terminal/confirm.js';
import type { Io } from '../terminal/io.js';

/** Publications of the catalog at the command line: their terms, which somebody accepts, and their files. */

/** The publications that entries are made from. */
export function publicationsOf(entries: readonly CatalogEntry[]): Publication[] {
  const names = entries.flatMap(({ converted }) => converted?.publication ?? []);
  return [...new Set(names)].map(publicationOf);
}

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** What somebody should know before a publication's files come here. */
export function termsOf(publication: Publication): string {
  const files = authorsFiles(publication);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const hosts = [...new Set(files.flatMap(({ url }) => (url ? new URL(url).host : [])))];
  return [
    `${publication.name}: ${publication.title}`,
    `  paper    ${publication.paper}${publication.doi ? `, doi:${publication.doi}` : ''}`,
    `  licence  ${publication.licence ?? 'none stated'}`,
    `  authors  ${publication.asks}`,
    `  source   ${publication.page}`,
    `  files    ${files.length}, ${mib(bytes)}, from ${hosts.join(' and ')}`,
    '',
  ].join('\n');
}

/**
 * Pulls publications that are not here, each after its terms were accepted.
 * @throws VentralError `terms-not-accepted`, and what {@link pullPublication} throws
 */
export async function pullPublications(
  publications: readonly Publication[],
  { accepted, ...options }: PullOptions & { readonly accepted: boolean },
  io: Io,
): Promise<void> {
  for (const publication of publications) {
    if (await isInstalled(publication, options.home)) {
      io.err(`${publication.name} exists already\n`);
      continue;
    }
    io.err(termsOf(publication));
    if (!accepted) await requireAccepted(publication, io);
    report(await pullPublication(publication, options), io);
  }
}

async function requireAccepted({ name }: Publication, io: Io): Promise<void> {
  const answer = await confirm('Download and convert under these terms?', io);
  if (answer === true) return;
  const why =
    answer === false
      ? 'the terms were not accepted'
      : 'nobody is at a terminal to accept the terms; --accept-terms says that they are accepted';
  throw new VentralError('terms-not-accepted', `${name}: ${why}; nothing was downloaded`, {
    field: '--accept-terms',
  });
}

/**
 * Imports publications from a folder.
 * @throws VentralError what {@link importPublication} throws
 */
export async function importPublications(
  publications: readonly Publication[],
  folder: string,
  options: Parameters<typeof importPublication>[2],
  io: Io,
): Promise<void> {
  for (const publication of publications) {
    io.err(termsOf(publication));
    report(await importPublication(publication, folder, options), io);
  }
}

function report(made: readonly MadeFile[], io: Io): void {
  for (const { path } of made) io.out(`${path}\n`);
}
