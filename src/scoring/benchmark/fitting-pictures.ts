import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Shown } from '../../activations/stimuli/shown.js';
import { compareCodePoints } from '../../data/ids.js';
import { stimulusSetOf } from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import { fittingOrder } from '../../metrics/commitment/layer-commitment.js';

/** Principal components on which layers are compared, and the images that they are fitted on. */
export interface FittedComponents {
  readonly count: number;
  /** As many images as components, not placed on a screen. */
  readonly shown: Shown;
}

/** The folder of the images unless another is given. */
export const picturesFolder = (home: string): string => join(home, 'imagenet-val');

/** Fewest and most components: the cost of the decomposition grows with the cube of the number of images. */
export const COMPONENTS = { least: 2, most: 2000 } as const;

/**
 * The images of a folder that principal components are fitted on, in Brain-Score's order: the first of every class, then the
 * second. Each subfolder is a class, and images beside subfolders are ignored; a folder of images alone is one class.
 * @throws VentralError `bad-usage` for a count out of bounds, `data-missing` where there are fewer images
 */
export async function fittedComponents(count: number, folder: string): Promise<FittedComponents> {
  const { least, most } = COMPONENTS;
  if (!Number.isInteger(count) || count < least || count > most)
    throw new VentralError(
      'bad-usage',
      `--pca: a whole number of ${least} to ${most} components expected, found ${count}`,
      { field: 'pca', expected: `${least} to ${most}`, found: String(count) },
    );
  const classes = await classesIn(folder);
  const names = fittingOrder(
    classes.map((own) => own.length),
    count,
  ).map(([of, at]) => classes[of][at]);
  if (names.length < count) throw tooFew(folder, count, names.length);
  const columns = [
    { name: 'stimulus_id', dtype: 'string', values: names },
    { name: 'filename', dtype: 'string', values: names },
  ] as const;
  const stimuli = stimulusSetOf(folder, columns, (row) => readFile(join(folder, names[row])));
  return { count, shown: { stimuli, degrees: undefined } };
}

const pictures = new Set(['.png', '.jpg', '.jpeg', '.tif', '.tiff', '.bmp', '.webp']);

const isPicture = (entry: Dirent) =>
  entry.isFile() && pictures.has(extname(entry.name).toLowerCase());

/** Paths of the images of each class, in code-point order. */
async function classesIn(folder: string): Promise<string[][]> {
  const entries = await entriesOf(folder);
  const own = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  if (own.length === 0) return [namesOf(entries)];
  const classes: string[][] = [];
  for (const name of own.map((entry) => entry.name).sort(compareCodePoints))
    classes.push(
      namesOf(await entriesOf(join(folder, name))).map((picture) => `${name}/${picture}`),
    );
  return classes;
}

const namesOf = (entries: readonly Dirent[]) =>
  entries
    .filter(isPicture)
    .map(({ name }) => name)
    .sort(compareCodePoints);

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    throw new VentralError(
      'data-missing',
      `${folder} cannot be read: expected ImageNet's validation images, one folder a class, there or at --pca-images`,
      { file: folder, field: 'pca', cause },
    );
  }
}

const tooFew = (folder: string, count: number, found: number) =>
  new VentralError(
    'data-missing',
    `${folder}: expected ${count} images for ${count} principal components, ImageNet's validation images, one folder a class, found ${found}`,
    { file: folder, field: 'pca', expected: `${count} images`, found: String(found) },
  );
