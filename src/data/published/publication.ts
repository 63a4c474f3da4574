import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';
import { dataFiles } from '../catalog.js';

/**
 * Publications whose authors put their files in a public place: where the files are, what their bytes are, under
 * which terms, and which converter makes our assemblies of them. They stand in the `data.json` of an experiment.
 */

/** A file of a publication. */
export interface SourceFile {
  /** Path in its repository: names repeat in different folders. */
  readonly file: string;
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Absent where the file is at no fixed address, and can only be brought by hand. */
  readonly url?: string;
}

/** One of the forms in which the data of a publication are known; each is complete. */
export interface SourceForm {
  /** `authors`: the files that the authors published. */
  readonly name: string;
  readonly files: readonly SourceFile[];
}

/** Data that their authors published, and what they say of it. */
export interface Publication {
  readonly name: string;
  /** What was recorded, in a line. */
  readonly title: string;
  readonly paper: string;
  readonly doi?: string;
  /** SPDX name; null where the source states no licence. */
  readonly licence: string | null;
  /** What the authors ask for, or what follows where they say nothing. */
  readonly asks: string;
  /** Page of the sources, for people. */
  readonly page: string;
  /** Name of the converter. */
  readonly converter: string;
  /** The first is the authors'. */
  readonly forms: readonly SourceForm[];
}

/** Files of one address: rows of `path,size,sha256` in a CSV beside, or written out. */
interface SourceText {
  readonly base?: string;
  readonly list?: string;
  readonly files?: readonly (readonly [file: string, size: number, sha256: string])[];
}

interface PublicationText extends Omit<Publication, 'forms'> {
  readonly forms: Readonly<Record<string, readonly SourceText[]>>;
}

let known: readonly Publication[] | undefined;

/** Every publication of the catalog, in the order of the folders. */
export function publications(): readonly Publication[] {
  known ??= dataFiles(join(packageRoot, 'benchmarks')).flatMap(({ folder, content }) =>
    ((content as { publications?: readonly PublicationText[] }).publications ?? []).map((text) => ({
      ...text,
      forms: Object.entries(text.forms).map(([name, sources]) => ({
        name,
        files: sources.flatMap((source) => filesOf(source, folder)),
      })),
    })),
  );
  return known;
}

function filesOf({ base, list, files = [] }: SourceText, folder: string): SourceFile[] {
  const listed = list === undefined ? [] : rowsOf(readFileSync(join(folder, list), 'utf8'));
  return [...listed, ...files].map(([file, size, sha256]) => ({
    file,
    size,
    sha256,
    ...(base === undefined
      ? {}
      : { url: new URL(file.split('/').map(encodeURIComponent).join('/'), base).href }),
  }));
}

/** Rows under a header; no path of the catalog has a comma. */
const rowsOf = (text: string): [string, number, string][] =>
  text
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [file, size, sha256] = line.split(',');
      return [file, Number(size), sha256];
    });

/**
 * The publication under a name.
 * @throws VentralError `data-missing`
 */
export function publicationOf(name: string): Publication {
  const found = publications().find((one) => one.name === name);
  if (found) return found;
  throw new VentralError('data-missing', `The catalog has no publication "${name}"`, {
    found: name,
    expected: publications()
      .map((one) => one.name)
      .join(', '),
  });
}
