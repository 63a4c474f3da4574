import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Coordinate, writeAssembly } from '../../data/assembly.js';
import { makeScratchFolder } from '../../data/scratch-folder.js';
import { generateSimulated } from '../../data/simulated/generators.js';
import type { Simulated } from '../../data/simulated/simulated.js';
import { writeCsv } from '../../formats/csv.js';
import { writeZip } from '../../formats/zip.js';

/** Paths of what a generator made, in the formats that real data come in. */
export interface SimulatedFiles {
  readonly stimuli: StimulusFiles;
  readonly fitting?: StimulusFiles;
  readonly recordings?: string;
  readonly trials?: string;
}

interface StimulusFiles {
  readonly csv: string;
  readonly images: string;
}

/** Raised whenever a generator makes other data from the same seed. */
const VERSION = 1;
const ROOT = ['cache', 'simulated'];
const MANIFEST = 'manifest.json';

/**
 * The files of a generator and seed, made in seconds at first use and kept under HOME/cache/simulated.
 * Each file is checked by digest before it is used; a damaged folder is made anew. Safe under several
 * processes: a folder is filled under a private name and renamed.
 */
export async function simulatedFiles(
  home: string,
  generate: string,
  seed: number,
): Promise<SimulatedFiles> {
  const folder = join(home, ...ROOT, `${generate}-${seed}-v${VERSION}`);
  if (!(await isWhole(folder))) await fill(home, folder, await generateSimulated(generate, seed));
  const files = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as Record<
    string,
    string
  >;
  const set = (name: string): StimulusFiles => ({
    csv: join(folder, `${name}.csv`),
    images: join(folder, `${name}.zip`),
  });
  return {
    stimuli: set('stimuli'),
    ...('fitting.csv' in files ? { fitting: set('fitting') } : {}),
    ...('recordings.nc' in files ? { recordings: join(folder, 'recordings.nc') } : {}),
    ...('trials.csv' in files ? { trials: join(folder, 'trials.csv') } : {}),
  };
}

/** Looks through what generators made under a home. @returns how many folders there are, and the damaged ones */
export async function verifySimulated(
  home: string,
): Promise<{ readonly folders: number; readonly damaged: readonly string[] }> {
  const root = join(home, ...ROOT);
  const names = (await readdir(root).catch(() => [])).filter((name) => /-v\d+$/.test(name));
  const damaged: string[] = [];
  for (const name of names) if (!(await isWhole(join(root, name)))) damaged.push(join(root, name));
  return { folders: names.length, damaged };
}

const sha256 = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

async function isWhole(folder: string): Promise<boolean> {
  try {
    const files = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as Record<
      string,
      string
    >;
    for (const [name, digest] of Object.entries(files))
      if ((await sha256(join(folder, name))) !== digest) return false;
    return true;
  } catch {
    return false;
  }
}

async function fill(home: string, folder: string, made: Simulated): Promise<void> {
  const own = await makeScratchFolder(home, ...ROOT);
  try {
    const names = await writeAll(own.path, made);
    const digests = await Promise.all(
      names.map(async (name) => [name, await sha256(join(own.path, name))]),
    );
    await writeFile(join(own.path, MANIFEST), JSON.stringify(Object.fromEntries(digests)));
    // Another process may have been faster; equal seeds give equal files, so either will do.
    if (existsSync(folder) && !(await isWhole(folder)))
      await rm(folder, { recursive: true, force: true });
    await rename(own.path, folder).catch(async (error) => {
      if (!(await isWhole(folder))) throw error;
    });
  } finally {
    await own.remove();
  }
}

async function writeAll(
  folder: string,
  { stimuli, fittingStimuli, recordings, trials }: Simulated,
): Promise<string[]> {
  const names = await writeStimuli(folder, 'stimuli', stimuli);
  if (fittingStimuli) names.push(...(await writeStimuli(folder, 'fitting', fittingStimuli)));
  if (recordings) {
    await writeRecordings(join(folder, 'recordings.nc'), recordings);
    names.push('recordings.nc');
  }
  if (trials) {
    const header = [...trials.columns.keys()];
    const rows = trials.stimulusIds.map((id, i) => [
      id,
      ...header.map((name) => trials.columns.get(name)?.[i] ?? ''),
    ]);
    await writeCsv(join(folder, 'trials.csv'), ['stimulus_id', ...header], rows);
    names.push('trials.csv');
  }
  return names;
}

async function writeStimuli(
  folder: string,
  name: string,
  stimuli: Simulated['stimuli'],
): Promise<string[]> {
  const header = [...stimuli.columns.keys()];
  const rows = stimuli.ids.map((_, row) =>
    header.map((column) => stimuli.columns.get(column)?.values[row] ?? null),
  );
  await writeCsv(join(folder, `${name}.csv`), header, rows);
  const pictures = await Promise.all(
    stimuli.ids.map(async (_, row) => ({
      name: stimuli.filename(row),
      compress: false,
      data: await stimuli.read(row),
    })),
  );
  await writeZip(join(folder, `${name}.zip`), pictures);
  return [`${name}.csv`, `${name}.zip`];
}

async function writeRecordings(
  path: string,
  made: NonNullable<Simulated['recordings']>,
): Promise<void> {
  const { stimulusIds, repetition, neuroidIds, regions, animals, values } = made;
  const text = (dim: string, of: readonly string[]): Coordinate => ({
    dim,
    dtype: 'string',
    values: of,
  });
  await writeAssembly(path, {
    dims: ['presentation', 'neuroid'],
    shape: [stimulusIds.length, neuroidIds.length],
    dtype: 'float64',
    values,
    coords: new Map<string, Coordinate>([
      ['stimulus_id', text('presentation', stimulusIds)],
      ['repetition', { dim: 'presentation', dtype: 'int64', values: repetition }],
      ['neuroid_id', text('neuroid', neuroidIds)],
      ['region', text('neuroid', regions)],
      ['animal', text('neuroid', animals)],
    ]),
    attributes: {},
  });
}
