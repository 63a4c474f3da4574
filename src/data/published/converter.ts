import type { Assembly } from '../assembly.js';
import type { DataKind, FileRole } from '../catalog.js';

/** The files of one form of a publication, checked, by their paths in it. */
export interface Sources {
  /** Which form it is: `authors`, or one of the others of the publication. */
  readonly form: string;
  /** Paths in the form, in the order of the catalog. */
  readonly files: readonly string[];
  /** Where a file lies. */
  path(file: string): string;
}

/** What a converted file is in the catalog. */
export interface MadeOf {
  readonly identifier: string;
  readonly kind: DataKind;
  readonly role: FileRole;
}

/** A cell of a table; null is empty. */
export type Cell = string | number | null;

/** A file in a ZIP of images. */
export interface Picture {
  readonly name: string;
  readonly data: Uint8Array;
}

/** Where a converter puts what it makes. Equal sources give equal values on every machine. */
export interface Outputs {
  /** A table; rows are written as they come. */
  table(of: MadeOf, header: readonly string[], rows: Iterable<readonly Cell[]>): Promise<void>;
  /** A BrainIO assembly. */
  assembly(of: MadeOf, assembly: Assembly): Promise<void>;
  /** A ZIP of images, stored. */
  pictures(of: MadeOf, pictures: Iterable<Picture> | AsyncIterable<Picture>): Promise<void>;
  /** A file as it is. */
  copy(of: MadeOf, path: string): Promise<void>;
}

/**
 * Makes the stimulus sets, recordings, trials and dissimilarities of a publication from its files.
 * @throws VentralError where a file is not laid out as it was published
 */
export type Converter = (sources: Sources, outputs: Outputs) => Promise<void>;
