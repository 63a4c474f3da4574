import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { constants, copyFile, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Coordinate, writeAssembly } from '../../data/assembly.js';
import { makeScratchFolder, sweepScratch } from '../../data/scratch-folder.js';
import { generateSimulated } from '../../data/simulated/generators.js';
import type { Simulated } from '../../data/simulated/simulated.js';
import { writeCsv } from '../../formats/csv.js';
import { packageRoot } from '../../formats/package-root.js';
import { writeZip } from '../../formats/zip.js';

/** Paths of generated files, in the formats of real data. */
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
/** A home in which the build generates data for others to copy. */
const PREPARED = join(packageRoot, 'dist', 'prepared');

/**
 * The files of a generator and seed, stored under HOME/cache/simulated at first use: copied from what the build
 * prepared, or generated in seconds. Each file is checked by digest before use; a damaged folder is made again. Safe
 * under several processes: a folder is filled under a private name and renamed. A process that may not write there
 * makes them in its scratch folder.
 * @param prepared a home to copy from
 */
export async function simulatedFiles(
  home: string,
  generate: string,
  seed: number,
  prepared = PREPARED,
): Promise<SimulatedFiles> {
  const kept = keptIn(home, generate, seed);
  const folder = (await isWhole(kept))
    ? kept
    : await fill(home, kept, await makerOf(keptIn(prepared, generate, seed), generate, seed));
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

const keptIn = (home: string, generate: string, seed: number) =>
  join(home, ...ROOT, `${generate}-${seed}-v${VERSION}`);

/** Writes whole data into an empty folder. */
type Maker = (folder: string) => Promise<unknown>;

/** Copies what another home has, if that is whole; else writes what is generated here. */
async function makerOf(prepared: string, generate: string, seed: number): Promise<Maker> {
  if (!(await isWhole(prepared))) {
    const made = await generateSimulated(generate, seed);
    return (folder) => writeSealed(folder, made);
  }
  const names = await readdir(prepared);
  return (folder) =>
    Promise.all(
      names.map((name) =>
        copyFile(join(prepared, name), join(folder, name), constants.COPYFILE_FICLONE),
      ),
    );
}

/** Whether the files of a generator and seed are kept; {@link simulatedFiles} checks them. */
export const hasSimulated = (home: string, generate: string, seed: number): boolean =>
  existsSync(join(keptIn(home, generate, seed), MANIFEST));

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

/** Longer than a child of the service may take to generate. */
const ABANDONED_MS = 600_000;

/** Removes what processes that were killed left unfinished under a home. */
export const sweepSimulated = (home: string): Promise<void> =>
  sweepScratch(join(home, ...ROOT), ABANDONED_MS);

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

/** @returns the folder that they are in */
async function fill(home: string, folder: string, make: Maker): Promise<string> {
  const own = await makeScratchFolder(home, ...ROOT).catch(unwritable);
  if (!own) {
    const { path } = await makeScratchFolder(home);
    await make(path);
    return path;
  }
  try {
    await make(own.path);
    // Another process may have been faster; equal seeds give equal files, so either will do.
    if (existsSync(folder) && !(await isWhole(folder)))
      await rm(folder, { recursive: true, force: true });
    await rename(own.path, folder).catch(async (error) => {
      if (!(await isWhole(folder))) throw error;
    });
    return folder;
  } finally {
    await own.remove();
  }
}

/** Nothing, where the file system says that this process may not write; throws any other error. */
function unwritable(error: NodeJS.ErrnoException): undefined {
  if (!['EROFS', 'EACCES', 'EPERM'].includes(error.code ?? '')) throw error;
}

async function writeSealed(folder: string, made: Simulated): Promise<void> {
  const names = await writeAll(folder, made);
  const digests = await Promise.all(
    names.map(async (name) => [name, await sha256(join(folder, name))]),
  );
  await writeFile(join(folder, MANIFEST), JSON.stringify(Object.fromEntries(digests)));
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
