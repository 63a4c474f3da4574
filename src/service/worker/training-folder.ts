import { copyFile, link, mkdir, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ModelCard } from '../../activations/card/card.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { isOpen, type TrainingJob } from '../../store/jobs/job.js';
import type { Recipe } from '../../training/recipe/recipe.js';
import { untrainedCard } from '../work/untrained-card.js';
import type { JobInputs } from './job-inputs.js';
import type { WorkOptions } from './work-options.js';

/** Where a training is done, and the recipe with places in it. */
export interface TrainingPlaces {
  readonly recipe: Recipe;
  /** Base folder of the recipe's paths. */
  readonly base: string;
  /**
   * Folder of the run, kept until the job has ended: the next attempt in this home resumes there.
   */
  readonly folder: string;
}

/** HOME/trainings/<job>. */
const folderOf = (home: string, job: string) => join(home, 'trainings', job);

/**
 * Creates the folder of a training, with its inputs under the same names in every attempt. The recipe
 * that is run names the files there; its batches are made by no more threads than the job may use.
 */
export async function placeTraining(
  job: TrainingJob,
  { core, references }: JobInputs,
  home: string,
): Promise<TrainingPlaces> {
  const root = folderOf(home, job.id);
  const base = join(root, 'inputs');
  await mkdir(base, { recursive: true, mode: 0o700 });
  const benchmarks = new Map<string, string>();
  const paths = [...references.keys()];
  for (const [i, source] of job.sources.entries()) {
    const path = paths[i];
    if (path === source) continue;
    await take(dirname(path), join(base, source));
    benchmarks.set(source, join(base, source, basename(path)));
  }
  const model = job.registration
    ? await placeModel(core.model.reference, job.card as ModelCard, base)
    : (untrainedCard(job.model) ?? job.model);
  const { recipe } = job;
  const workers = Math.min(recipe.workers, core.threads);
  const stages = withPlaces(recipe.stages, (name) => benchmarks.get(name) ?? name);
  return { recipe: { ...recipe, model, workers, stages }, base, folder: join(root, 'run') };
}

/** @returns the card's name below the folder */
async function placeModel(path: string, card: ModelCard, base: string): Promise<string> {
  await give(path, join(base, 'model.onnx'));
  // A card is YAML, and JSON is that.
  await writeFileAtomic(join(base, 'model.yaml'), JSON.stringify({ ...card, file: 'model.onnx' }));
  return 'model.yaml';
}

/** Gives each file of a folder a second name. */
async function take(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) await give(join(from, name), join(to, name));
}

async function give(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await link(from, to).catch(() => copyFile(from, to));
}

/** The stages with other names for their benchmarks. */
function withPlaces(stages: Recipe['stages'], place: (name: string) => string): Recipe['stages'] {
  return stages.map((stage) => {
    if ('train' in stage) return { train: { ...stage.train, best_by: place(stage.train.best_by) } };
    if ('score' in stage)
      return { score: { ...stage.score, benchmarks: stage.score.benchmarks.map(place) } };
    if ('compare' in stage)
      return { compare: { ...stage.compare, benchmarks: stage.compare.benchmarks.map(place) } };
    return stage;
  });
}

/** Removes the folder of a training that has ended. */
export async function clearTraining(
  { home, tables, log }: Pick<WorkOptions, 'home' | 'tables' | 'log'>,
  job: string,
): Promise<void> {
  try {
    if (isOpen(await tables.jobs.find(job))) return;
    await rm(folderOf(home, job), { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    // It is swept at the next start.
    log.warn({ job, err: error }, 'The folder of a training could not be removed');
  }
}

/** Removes folders of trainings that ended while no worker was running. */
export async function clearTrainings(
  options: Pick<WorkOptions, 'home' | 'tables' | 'log'>,
): Promise<void> {
  const names = await readdir(join(options.home, 'trainings')).catch(() => []);
  for (const name of names) if (/^job_[0-9a-z]+$/.test(name)) await clearTraining(options, name);
}
