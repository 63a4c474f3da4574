import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { VentralError } from '../../errors/ventral-error.js';
import { networkName, type Recipe } from '../../training/recipe/recipe.js';
import { readMetrics } from '../../training/record/metrics-log.js';
import type { TrainingEvent } from '../../training/record/training-event.js';
import { isRun, metricsPath } from '../../training/run/run-folder.js';
import { runRecipe } from '../../training/run/run-recipe.js';
import { loadState, requireWholeRun } from '../../training/run/training-state.js';
import { RESOLVED } from '../../training/run/write-report.js';
import type { ChildProgress } from '../child/child-messages.js';

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

/** What the process sends ahead: events in their order, or what the run depends on. */
export type TrainingPart =
  | { readonly events: readonly TrainingEvent[] }
  | {
      readonly run: {
        readonly digests: Readonly<Record<string, string>>;
        readonly versions: Readonly<Record<string, string>>;
      };
    };

/** What the process answers. */
export interface TrainingAnswer {
  /** File of the run's own network below its folder; null where no stage makes one. */
  readonly network: string | null;
  readonly usage: { readonly peakRssMiB: number };
}

/** Events of a log that go into one message. */
const AT_ONCE = 100;
/** Steps are told so far apart at least; whoever listens tells fewer. */
const STEP_MS = 100;

/**
 * Trains in this process. A run that stands in the folder goes on; one that another version, number of
 * threads or a broken disk has left there begins again.
 * @throws VentralError `not-ready` while another process trains there
 */
export async function runTrainingTask(
  task: TrainingTask,
  progress: (progress: ChildProgress) => void,
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
 * Whether the process that a run names is one that trains: after a restart, of a container above all, its
 * number is soon somebody else's. Where the system does not say what a process does it is taken for one.
 */
async function isTraining(folder: string): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  const pid = Number(await readFile(join(folder, LOCK), 'utf8').catch(() => ''));
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return words.includes('training-child');
}

/** Whether what stands in the folder is what cannot be gone on with. */
const isStale = ({ code, details }: VentralError, folder: string): boolean =>
  (code === 'recipe-invalid' && details.file === join(folder, RESOLVED)) ||
  (code === 'checkpoint-invalid' && details.file?.startsWith(folder) === true);

async function attempt(
  { recipe, base, folder, ...resources }: TrainingTask,
  progress: (progress: ChildProgress) => void,
  part: (part: TrainingPart) => void,
): Promise<TrainingAnswer> {
  // What was told to somebody who is no more is told again: whoever listens knows what is new.
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
      progress({ stage, done, total }) {
        progress({ stage, done, total });
        begins().catch(() => {
          begun = false;
        });
      },
      recorded,
    },
  );
  await begins();
  const usage = { peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024) };
  return { network: await networkOf(recipe, folder), usage };
}

/** Events up to the state that the run goes on from, which are checked; what came after it comes again. */
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
