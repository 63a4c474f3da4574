import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { VentralError } from '../../errors/ventral-error.js';
import { peakRssMiB } from '../../runtime/peak-memory.js';
import { type Progress, Work } from '../../runtime/work.js';
import { networkName, type Recipe } from '../../training/recipe/recipe.js';
import { readMetrics } from '../../training/record/metrics-log.js';
import type { TrainingEvent } from '../../training/record/training-event.js';
import { isRun, metricsPath } from '../../training/run/run-folder.js';
import { runRecipe } from '../../training/run/run-recipe.js';
import { loadState, requireWholeRun } from '../../training/run/training-state.js';
import { RESOLVED } from '../../training/run/write-report.js';

/** A training for the process that does it. */
export interface TrainingTask {
  readonly recipe: Recipe;
  readonly base: string;
  readonly folder: string;
  readonly home: string;
  readonly threads: number;
  readonly maxMemory: number;
  readonly maxScratch: number;
  readonly cacheScope: string;
}

/** Partial results: events in order, or the dependencies of the run. */
export type TrainingPart =
  | { readonly events: readonly TrainingEvent[] }
  | {
      readonly run: {
        readonly digests: Readonly<Record<string, string>>;
        readonly versions: Readonly<Record<string, string>>;
      };
    };

/** Answer of the process. */
export interface TrainingAnswer {
  /** File of the run's own network below its folder; null if no stage makes one. */
  readonly network: string | null;
  readonly usage: { readonly peakRssMiB: number };
}

/** Events of a log that go into one message. */
const AT_ONCE = 100;
/** Minimum interval between reported steps; the parent samples further. */
const STEP_MS = 100;

/**
 * Trains in this process. A run in the folder is resumed; a run of another version or number of threads, or a
 * damaged one, restarts.
 * @throws VentralError `not-ready` while another process trains there
 */
export async function runTrainingTask(
  task: TrainingTask,
  progress: (progress: Progress) => void,
  part: (part: TrainingPart) => void,
): Promise<TrainingAnswer> {
  try {
    return await attempt(task, progress, part);
  } catch (thrown) {
    const error = VentralError.from(thrown);
    const { file } = error.details;
    if (error.code === 'file-exists' && file !== undefined) {
      if (await isTraining(file))
        throw new VentralError('not-ready', 'The previous training process has not ended yet');
      await rm(join(file, LOCK), { force: true });
      return runTrainingTask(task, progress, part);
    }
    if (!isStale(error, task.folder)) throw error;
    // The folder itself stays: here it may be a mount.
    for (const name of await readdir(task.folder))
      await rm(join(task.folder, name), { recursive: true, force: true });
    return attempt(task, progress, part);
  }
}

/** File of a run's folder that holds the pid of who trains there. */
const LOCK = 'run.pid';

/**
 * Whether the process named by a run is a training process: after a restart, especially of a container, its pid is
 * soon reused. If the system does not tell, it is assumed to be one.
 */
async function isTraining(folder: string): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  const pid = Number(await readFile(join(folder, LOCK), 'utf8').catch(() => ''));
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return words.includes('training-child');
}

/** Whether the folder has a run that cannot be resumed. */
const isStale = ({ code, details }: VentralError, folder: string): boolean =>
  (code === 'recipe-invalid' && details.file === join(folder, RESOLVED)) ||
  (code === 'checkpoint-invalid' && details.file?.startsWith(folder) === true);

async function attempt(
  { recipe, base, folder, ...resources }: TrainingTask,
  progress: (progress: Progress) => void,
  part: (part: TrainingPart) => void,
): Promise<TrainingAnswer> {
  // Events already sent to a dead parent are sent again: the new parent filters duplicates.
  if (isRun(folder)) for (const events of await recordedBefore(folder)) part({ events });
  let told = 0;
  const recorded = (event: TrainingEvent) => {
    if (event.kind === 'step' && performance.now() - told < STEP_MS) return;
    if (event.kind === 'step') told = performance.now();
    part({ events: [event] });
  };
  const { signal } = new AbortController();
  let begun = false;
  const begins = async () => {
    if (begun) return;
    begun = true;
    part({ run: await resolvedOf(folder) });
  };
  await runRecipe(
    recipe,
    { base, folder },
    {
      ...resources,
      signal,
      progress: Work.start((at) => {
        progress(at);
        begins().catch(() => {
          begun = false;
        });
      }),
      recorded,
    },
  );
  await begins();
  const usage = { peakRssMiB: peakRssMiB() };
  return { network: await networkOf(recipe, folder), usage };
}

/** Checked events up to the state that the run resumes from; later ones are produced again. */
async function recordedBefore(folder: string): Promise<TrainingEvent[][]> {
  const state = await requireWholeRun(folder);
  const read = await readMetrics(metricsPath(folder), state?.lengths.metrics ?? 0);
  const events = read.filter(({ kind }) => kind !== 'step');
  return Array.from({ length: Math.ceil(events.length / AT_ONCE) }, (_, i) =>
    events.slice(i * AT_ONCE, (i + 1) * AT_ONCE),
  );
}

async function resolvedOf(folder: string) {
  const { digests, versions } = parse(await readFile(join(folder, RESOLVED), 'utf8'));
  const texts = (of: object) =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, String(value)]));
  return { digests: texts(digests), versions: texts(versions) };
}

async function networkOf({ stages }: Recipe, folder: string): Promise<string | null> {
  const name = stages.map(networkName).findLast((each) => each !== undefined);
  const found = await loadState(folder);
  return (name !== undefined && found?.state.networks[name]) || null;
}
