import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CatalogEntry } from '../../src/data/catalog.js';
import type { Publication, SourceFile } from '../../src/data/published/publication.js';

/** Files of a form, by path. */
export type Files = Readonly<Record<string, Uint8Array | string>>;

const bytesOf = (content: Uint8Array | string) => Buffer.from(content as Uint8Array);

const sourcesOf = (files: Files, base?: string): SourceFile[] =>
  Object.entries(files).map(([file, content]) => ({
    file,
    size: bytesOf(content).length,
    sha256: createHash('sha256').update(bytesOf(content)).digest('hex'),
    ...(base === undefined ? {} : { url: new URL(file, base).href }),
  }));

/** A publication of tiny files that a converter of the catalog reads. */
export function madePublication(
  converter: string,
  authors: Files,
  { base, arrays }: { base?: string; arrays?: Files } = {},
): Publication {
  return {
    name: converter,
    title: 'made for a test',
    paper: 'Nobody: Nothing (2000)',
    licence: null,
    asks: 'nothing',
    page: 'https://example.org/here',
    converter,
    forms: [
      { name: 'authors', files: sourcesOf(authors, base) },
      ...(arrays ? [{ name: 'arrays', files: sourcesOf(arrays) }] : []),
    ],
  };
}

/** Entries of the catalog that a publication makes. */
export function madeEntries(
  publication: string,
  made: readonly (readonly [CatalogEntry['kind'], string, Readonly<Record<string, string>>])[],
): CatalogEntry[] {
  return made.map(([kind, identifier, files]) => ({
    identifier,
    kind,
    access: 'public',
    terms: 'none',
    files: [],
    converted: {
      publication,
      files: Object.entries(files).map(([role, file]) => ({ role: role as 'csv', file })),
    },
  }));
}

/** Writes files into a folder. */
export function putFiles(folder: string, files: Files): void {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), content as Uint8Array);
  }
}
