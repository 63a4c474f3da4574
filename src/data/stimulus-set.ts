import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { extname, join, posix, relative, sep } from 'node:path';
import { quoted, quotedList } from '../errors/quoted.js';
import { VentralError } from '../errors/ventral-error.js';
import { readCsv } from '../formats/csv.js';
import { openZip } from '../formats/zip.js';
import { type Column, idsOf, inferColumn } from './column.js';
import { compareNaturally, type Id } from './ids.js';

/**
 * A stimulus set as BrainIO packages it (spec §6.1): a table with one row a stimulus, and the
 * image files. Row order is the CSV's.
 */
export interface StimulusSet {
  readonly identifier: string;
  /** stimulus_id by row; no two are equal. */
  readonly ids: readonly Id[];
  /** All columns in file order, stimulus_id among them. */
  readonly columns: ReadonlyMap<string, Column>;
  /** False for a set with only a table (scored from features). */
  readonly hasImages: boolean;
  /** Frames of a row that is a clip, 1 or more; undefined for an image. Absent where no row is a clip. */
  frames?(row: number): number | undefined;
  /** Name of the image of a row, of a clip of its first frame or another one, for messages and file types. */
  filename(row: number, frame?: number): string;
  /**
   * Bytes of the image of a row, of a clip of its first frame or another one.
   * @throws VentralError `image-missing`
   */
  read(row: number, frame?: number): Promise<Uint8Array>;
  /** Of a set whose images are computed: what they look like without a file between. */
  readonly computed?: ComputedImages;
  /** Lets the files go. */
  close(): Promise<void>;
}

/** Images that are computed from the columns of their rows. */
export interface ComputedImages {
  /** 8-bit grey pixels of a row, those that `read` encodes. */
  pixels(row: number): GreyPixels;
  /** What identifies the image of a row in place of the digest of its bytes. */
  digest(row: number): string;
}

/** 8-bit grey pixels, rows from the top. */
export interface GreyPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Where a stimulus set lies. */
export interface StimulusFiles {
  readonly identifier: string;
  /** Path of the table. */
  readonly csv: string;
  /** Path of a ZIP or of a folder with the images. */
  readonly images?: string;
}

/**
 * Opens a stimulus set: reads the table, copies an old image_id to stimulus_id, and finds every
 * image, by `filename`, by `stimulus_path_within_store` or by id and extension. A name that is a folder's is a clip: the images
 * in that folder are its frames, in the natural order of their names.
 * @throws VentralError `csv-invalid`, `stimuli-duplicate`, `image-missing`, `zip-invalid`, `zip-unsafe-path`
 */
export async function openStimulusSet(files: StimulusFiles): Promise<StimulusSet> {
  const { header, rows } = await readCsv(files.csv);
  const columns = header.map((name, i) =>
    inferColumn(
      name,
      rows.map((row) => row[i]),
    ),
  );
  const table = stimulusTable(columns, files.csv);
  if (files.images === undefined) return tableOnly(files.identifier, table);
  const store = await openImages(files.images);
  try {
    let known: ReadonlyMap<string, readonly string[]> | undefined;
    const clips = () => {
      known ??= clipsOf(store);
      return known;
    };
    const names = table.ids.map((id, row) =>
      findImage(table, row, id, { store, clips, file: files.images ?? '' }),
    );
    const nameOf = (row: number, frame = 0) => {
      const name = names[row];
      return typeof name === 'string' ? name : name[frame];
    };
    const hasClips = names.some((name) => typeof name !== 'string');
    return {
      identifier: files.identifier,
      ...table,
      hasImages: true,
      ...(hasClips && {
        frames: (row: number) => (typeof names[row] === 'string' ? undefined : names[row].length),
      }),
      filename: nameOf,
      read: (row, frame) => store.read(nameOf(row, frame)),
      close: () => store.close(),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** A stimulus set from columns and a function that makes the image of a row; `filename` names it. */
export function stimulusSetOf(
  identifier: string,
  columns: readonly Column[],
  image: (row: number) => Promise<Uint8Array>,
): StimulusSet {
  const table = stimulusTable(columns, identifier);
  const filenames = table.columns.get('filename');
  return {
    identifier,
    ...table,
    hasImages: true,
    filename: (row) => String(filenames?.values[row] ?? table.ids[row]),
    read: image,
    close: async () => {},
  };
}

interface StimulusTable {
  readonly ids: readonly Id[];
  readonly columns: ReadonlyMap<string, Column>;
}

function stimulusTable(columns: readonly Column[], file: string): StimulusTable {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const imageIds = byName.get('image_id');
  if (!byName.has('stimulus_id') && imageIds !== undefined) {
    byName.set('stimulus_id', { ...imageIds, name: 'stimulus_id' });
  }
  const column = byName.get('stimulus_id');
  if (column === undefined) {
    const found = quotedList(columns.map(({ name }) => name));
    throw new VentralError(
      'csv-invalid',
      `${file} has no column stimulus_id (or image_id); its columns are ${found}`,
      { file, field: 'stimulus_id', expected: 'a column stimulus_id', found },
    );
  }
  const ids = idsOf(column, file);
  if (ids.length === 0) {
    throw new VentralError('csv-invalid', `${file} has no stimuli: expected rows`, {
      file,
      expected: 'rows',
      found: 'none',
    });
  }
  refuseDuplicates(ids, file);
  return { ids, columns: byName };
}

function refuseDuplicates(ids: readonly Id[], file: string): void {
  const rows = new Map<Id, number>();
  ids.forEach((id, row) => {
    const before = rows.get(id);
    if (before !== undefined) {
      throw new VentralError(
        'stimuli-duplicate',
        `${file}: the stimulus_id ${quoted(id)} occurs in row ${before + 1} and in row ${row + 1}`,
        { file, field: 'stimulus_id', expected: 'unique ids', found: `${quoted(id)} twice` },
      );
    }
    rows.set(id, row);
  });
}

function tableOnly(identifier: string, table: StimulusTable): StimulusSet {
  const filename = (row: number) =>
    String(table.columns.get('filename')?.values[row] ?? table.ids[row]);
  return {
    identifier,
    ...table,
    hasImages: false,
    filename,
    async read(row) {
      throw new VentralError(
        'image-missing',
        `The stimulus set ${identifier} has no images, and the image of stimulus ${quoted(table.ids[row])} is needed`,
        {
          file: identifier,
          field: filename(row),
          expected: 'a ZIP or folder of images',
          found: 'none',
        },
      );
    },
    close: async () => {},
  };
}

/** Image files by their path inside a ZIP or folder, with `/` between the parts. */
interface ImageStore {
  readonly names: ReadonlySet<string>;
  read(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

async function openImages(path: string): Promise<ImageStore> {
  const kind = await stat(path).catch((error: unknown) => {
    throw VentralError.from(error);
  });
  return kind.isDirectory() ? folderStore(path) : zipStore(path);
}

async function zipStore(path: string): Promise<ImageStore> {
  const zip = await openZip(path);
  return {
    names: new Set(zip.entries.map((entry) => entry.name)),
    read: (name) => zip.read(name),
    close: () => zip.close(),
  };
}

async function folderStore(path: string): Promise<ImageStore> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const inside = await realpath(path);
  const names = new Set<string>();
  for (const entry of entries) {
    const full = join(entry.parentPath, entry.name);
    if (await staysInside(entry, full, inside)) {
      names.add(relative(path, full).split(sep).join(posix.sep));
    }
  }
  return {
    names,
    read: (name) =>
      readFile(join(path, name)).catch((error: unknown) => {
        throw VentralError.from(error);
      }),
    close: async () => {},
  };
}

/** A plain file, or a link to one that does not lead out of the folder. */
async function staysInside(entry: Dirent, full: string, folder: string): Promise<boolean> {
  if (entry.isFile()) return true;
  if (!entry.isSymbolicLink()) return false;
  const target = await realpath(full).catch(() => undefined);
  return target?.startsWith(folder + sep) === true && (await stat(target)).isFile();
}

/** Endings of the names of images. */
export const imageEndings: ReadonlySet<string> = new Set([
  ...['.png', '.jpg', '.jpeg', '.tif', '.tiff', '.bmp', '.webp'],
]);

/** Whether a name is that of an image and not of a file that systems leave beside them. */
export const isImageName = (name: string): boolean =>
  imageEndings.has(extname(name).toLowerCase()) && !posix.basename(name).startsWith('.');

/** Names of the images in each folder of a store, in natural order. */
function clipsOf({ names }: ImageStore): ReadonlyMap<string, readonly string[]> {
  const clips = new Map<string, string[]>();
  for (const name of names) {
    const folder = posix.dirname(name);
    if (folder === '.' || !isImageName(name)) continue;
    const known = clips.get(folder);
    if (known) known.push(name);
    else clips.set(folder, [name]);
  }
  for (const frames of clips.values()) frames.sort(compareNaturally);
  return clips;
}

interface Images {
  readonly store: ImageStore;
  /** Names of the images in each folder, in natural order; made when an image is not found. */
  readonly clips: () => ReadonlyMap<string, readonly string[]>;
  /** Where they lie. */
  readonly file: string;
}

/** The name of a row's image, or those of a clip's frames. */
function findImage(
  table: StimulusTable,
  row: number,
  id: Id,
  { store, clips, file }: Images,
): string | readonly string[] {
  const cell = (name: string) => table.columns.get(name)?.values[row];
  const filename = cell('filename');
  const within = cell('stimulus_path_within_store');
  const extension = typeof filename === 'string' ? extname(filename) : '';
  const candidates = [filename, within, `${within}${extension}`, `${id}${extension}`, id]
    .filter((name) => name !== null && name !== undefined)
    .map((name) => posix.normalize(String(name).replace(/^\.\//, '')));
  const found = candidates.find((name) => store.names.has(name));
  if (found !== undefined) return found;
  for (const name of candidates) {
    const clip = clips().get(name.replace(/\/$/, ''));
    if (clip !== undefined) return clip;
  }
  throw new VentralError(
    'image-missing',
    `${file} has no image ${quoted(candidates[0])} for the stimulus ${quoted(id)}, nor a folder of that name with images as its frames`,
    { file, field: String(id), expected: candidates[0], found: 'no such file' },
  );
}
