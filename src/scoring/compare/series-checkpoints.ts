import { existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import picomatch from 'picomatch';
import { openModelFile } from '../../activations/model-file.js';
import { VentralError } from '../../errors/ventral-error.js';
import { getMetadata } from '../../onnx/metadata.js';
import type { ComparedModel } from './comparison-types.js';

/** A model of a comparison under the name that tells it from the others. */
export interface NamedModel extends ComparedModel {
  readonly checkpoint: string;
}

/** A model at one point of its training; the epoch is null where neither metadata nor name tell it. */
export interface SeriesCheckpoint extends NamedModel {
  readonly epoch: number | null;
}

/**
 * The checkpoints of a series in order of epochs, those without one last; the natural order of their names
 * decides between equal ones. The epoch is what the ONNX metadata say (`ventral.epoch`, `epoch`), else what
 * the name says (see {@link epochInName}).
 * @param asked paths of files, globs, folders of ONNX files or of model folders, names of shipped models
 * @throws VentralError `file-missing` for a word that fits nothing, `bad-usage` where no checkpoint tells its epoch
 */
export async function seriesCheckpoints(
  asked: readonly ComparedModel[],
): Promise<SeriesCheckpoint[]> {
  const models = new Map<string, ComparedModel>();
  for (const model of asked)
    for (const path of await fitting(model.path)) models.set(path, { ...model, path });
  const checkpoints: SeriesCheckpoint[] = [];
  for (const model of namedModels([...models.values()]))
    checkpoints.push({ ...model, epoch: await epochOf(model) });
  if (checkpoints.every(({ epoch }) => epoch === null)) {
    throw new VentralError(
      'bad-usage',
      `No checkpoint of the series has an epoch: neither metadata (ventral.epoch, epoch) nor a number in the name, as in ${checkpoints[0].checkpoint}`,
      { field: 'epoch', expected: 'an epoch', found: checkpoints[0].checkpoint },
    );
  }
  const last = Number.MAX_VALUE;
  return checkpoints.sort(
    (a, b) => (a.epoch ?? last) - (b.epoch ?? last) || natural.compare(a.checkpoint, b.checkpoint),
  );
}

const natural = new Intl.Collator('en', { numeric: true });

/** Models under names that differ: their paths without the folders that all have in common. */
export function namedModels(models: readonly ComparedModel[]): NamedModel[] {
  const folders = models
    .filter(({ path }) => existsSync(path))
    .map(({ path }) => dirname(resolve(path)).split(sep));
  const depth = folders.length === 0 ? 0 : commonDepth(folders);
  const common = folders[0]?.slice(0, depth).join(sep);
  return models.map((model) => {
    const { path } = model;
    const isFile = common !== undefined && existsSync(path);
    return { ...model, checkpoint: isFile ? relative(common || sep, resolve(path)) : path };
  });
}

function commonDepth([first, ...others]: readonly (readonly string[])[]): number {
  const end = first.findIndex((part, i) => others.some((other) => other[i] !== part));
  return end < 0 ? first.length : end;
}

/** The models that a word stands for. */
async function fitting(word: string): Promise<string[]> {
  const isThere = existsSync(word);
  const isFolder = isThere && statSync(word).isDirectory() && !isModel(word);
  const { base, glob, isGlob } = picomatch.scan(word);
  if (!isFolder && isThere) return [word];
  // The name of a shipped model; opening anything else says that there is no such file.
  if (!isThere && !isGlob) return openModelFile(word).then(() => [word]);
  const folder = isFolder ? word : base === '' ? '.' : base;
  const fits = isFolder ? () => true : picomatch(resolve(word));
  const recursive = !isFolder && glob.includes('/');
  const names = existsSync(folder) ? await readdir(folder, { recursive }) : [];
  const found = names
    .map((name) => join(folder, name))
    .filter((path) => fits(resolve(path)) && isModel(path));
  if (found.length > 0) return found.sort();
  const sentence = `${word} ${isFolder ? 'holds' : 'fits'} neither ONNX files nor model folders`;
  throw new VentralError('file-missing', sentence, { file: word });
}

const isModel = (path: string) => path.endsWith('.onnx') || existsSync(join(path, 'model.yaml'));

async function epochOf(model: NamedModel): Promise<number | null> {
  return (await epochInFile(model)) ?? epochInName(model.checkpoint);
}

/** What the metadata say; nothing where the file cannot be read: scoring it will tell why. */
async function epochInFile(model: ComparedModel): Promise<number | undefined> {
  let found: string | undefined;
  try {
    const file = await openModelFile(model.path, model);
    found = getMetadata(file.model, 'ventral.epoch') ?? getMetadata(file.model, 'epoch');
  } catch {
    return undefined;
  }
  return found !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(found) ? Number(found) : undefined;
}

/**
 * The epoch that a path tells: the last integer after `epoch`, `ep` or `e`, else the last after `step`, else
 * 0 for untrained weights (`untrained`, `init`), else the last integer. A folder is asked where the
 * file's name tells none. null where nothing does.
 */
export function epochInName(path: string): number | null {
  const parts = path.split(/[\\/]/).map((part) => part.replace(/\.(onnx|ya?ml)$/i, ''));
  for (const part of parts.reverse()) {
    const found =
      lastInteger(part, /(?<![a-z0-9])(?:epochs?|ep|e)[-_=. ]*(\d{1,15})(?![a-z0-9])/gi) ??
      lastInteger(part, /(?<![a-z0-9])steps?[-_=. ]*(\d{1,15})(?![a-z0-9])/gi) ??
      (/(?<![a-z])(?:untrained|init)(?![a-z])/i.test(part) ? 0 : undefined) ??
      lastInteger(part, /(?<!\d)(\d{1,15})(?!\d)/g);
    if (found !== undefined) return found;
  }
  return null;
}

function lastInteger(text: string, pattern: RegExp): number | undefined {
  const found = [...text.matchAll(pattern)].at(-1);
  return found && Number(found[1]);
}
