import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { cardOf, openModelFile } from '../../activations/model-file.js';
import { VentralError } from '../../errors/ventral-error.js';
import { packageVersion } from '../../formats/package-root.js';
import { present } from '../../formats/present.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { runtimeIdentity } from '../../runtime/session.js';
import { redrawWeights } from '../../scoring/floor/redrawn-weights.js';
import { completeFeed } from '../augment/transforms.js';
import {
  kindOf,
  networkName,
  type Recipe,
  type Stage,
  type TrainStage,
  UNTRAINED,
} from '../recipe/recipe.js';
import { averageStage } from './average-stage.js';
import { asCheckpoint, trainedCard } from './checkpoint-card.js';
import { compareStage } from './compare-stage.js';
import { evaluateCheckpoint } from './evaluate-stage.js';
import { planRun } from './plan-run.js';
import { RobustnessEstimates } from './robustness-estimates.js';
import type { RunContext, RunResources } from './run-context.js';
import { openRunData } from './run-data.js';
import { RunFolder } from './run-folder.js';
import { scoreCheckpoint } from './score-stage.js';
import { trainOnce } from './shared-stages.js';
import type { RunState, StateArrays } from './training-state.js';
import { RESOLVED, writeReport } from './write-report.js';

/** Where a run takes its files from, and puts them. */
export interface RunPlaces {
  /** Folder that paths of the recipe start in. */
  readonly base: string;
  /** Folder of the run. */
  readonly folder: string;
}

/**
 * Runs the stages of a recipe, or continues where the run in that folder stands, to the same bits. Ends with
 * `model.onnx`, the network of the last stage that makes one, and `report.html`.
 * @throws VentralError `recipe-invalid` where the run in the folder is of another recipe, data, version or number of
 * threads; `interrupted`, and what the stages throw
 */
export async function runRecipe(
  recipe: Recipe,
  places: RunPlaces,
  resources: RunResources,
): Promise<void> {
  await mkdir(places.folder, { recursive: true });
  const release = await lock(places.folder);
  try {
    const { context, untrained } = await prepare(recipe, places, resources);
    try {
      await new RecipeRun(context).run(untrained);
    } finally {
      await context.folder.close();
    }
  } finally {
    await release();
  }
}

async function prepare(recipe: Recipe, { base, folder }: RunPlaces, resources: RunResources) {
  const model = await openModelFile(near(recipe.model, base));
  const data = await openRunData(recipe, base);
  const { name } = recipe;
  const card = trainedCard(cardOf(model), { name, classes: data.classes });
  const untrained =
    recipe.weights === 'redrawn' ? redrawWeights(model.model, recipe.seed) : model.bytes;
  const resolved = {
    ...written(recipe),
    digests: { model: model.digest, ...data.digests },
    versions: {
      ventral: packageVersion,
      ...runtimeIdentity(resources.threads),
      provider: resources.provider ?? 'cpu',
    },
  };
  await keepResolved(folder, stringify(resolved));
  const estimates = new RobustnessEstimates(recipe, data.classes.length);
  const opened = await RunFolder.open(folder, (event) => {
    estimates.take(event);
    resources.recorded?.(event);
  });
  const context: RunContext = { ...resources, recipe, data, card, estimates, folder: opened };
  return { context, untrained: asCheckpoint(untrained, context, recipe.model) };
}

/** A file seen from the recipe if there is one; else the name of a shipped model. */
export function near(model: string, base: string): string {
  const path = resolve(base, model);
  return existsSync(path) ? path : model;
}

/** The recipe with the defaults of every transformation, too. */
function written(recipe: Recipe): Recipe {
  const complete = (stage: Stage): Stage => {
    if (!('train' in stage)) return stage;
    const { augment, mix, batch, label_smoothing } = stage.train;
    const spec = { side: 1, batch, augment, label_smoothing, seed: 0, workers: 0 };
    const feed = completeFeed({ ...spec, ...present({ mix }) });
    return {
      train: {
        ...stage.train,
        augment: feed.augment,
        ...present({ mix: feed.mix }),
      },
    };
  };
  return { ...recipe, stages: recipe.stages.map(complete) };
}

/**
 * Writes what the run is of, or sees that the run in the folder is of the same.
 * @throws VentralError `recipe-invalid`
 */
export async function keepResolved(folder: string, text: string): Promise<void> {
  const path = join(folder, RESOLVED);
  if (!existsSync(path)) return writeFileAtomic(path, text);
  const [found, expected] = [(await readFile(path, 'utf8')).split('\n'), text.split('\n')];
  const at = expected.findIndex((line, i) => line !== found[i]);
  if (at < 0 && found.length === expected.length) return;
  throw new VentralError(
    'recipe-invalid',
    `${path}:${at + 1} says "${found[at]?.trim() ?? ''}", and the recipe, data or program of now "${expected[at]?.trim() ?? ''}": a run goes on only as it began`,
    { file: path, expected: expected[at] ?? '', found: found[at] ?? '' },
  );
}

/** Excludes other processes from the folder; the claim of a dead process is taken over. */
async function lock(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'run.pid');
  for (;;) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw VentralError.from(error);
    }
    const pid = Number(await readFile(path, 'utf8').catch(() => ''));
    if (pid > 0 && pid !== process.pid && isAlive(pid))
      throw new VentralError('file-exists', `${folder}: process ${pid} is training there`, {
        file: folder,
      });
    await rm(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

class RecipeRun {
  #networks: Record<string, string> = {};

  readonly #context: RunContext;

  constructor(context: RunContext) {
    this.#context = context;
  }

  async run(untrained: Uint8Array): Promise<void> {
    const { folder, recipe } = this.#context;
    const { state, arrays } = folder.resumed ?? {};
    if (state) this.#networks = { ...state.networks };
    else {
      this.#networks[UNTRAINED] = await folder.keep(UNTRAINED, untrained);
      await this.#save(0, 0);
    }
    const first = state?.stage ?? 0;
    const parts = planRun(this.#context);
    for (const part of parts?.slice(0, first) ?? []) part.end();
    for (let index = first; index < recipe.stages.length; index++) {
      const resumed = index === first && state ? { state, arrays } : undefined;
      const context = { ...this.#context, progress: parts?.[index] };
      await this.#stage(recipe.stages[index], index, resumed, context);
      parts?.[index].end();
      await this.#save(index + 1, 0);
      await writeReport(this.#context);
    }
    await this.#finish();
  }

  async #stage(
    stage: Stage,
    index: number,
    resumed: Resumed | undefined,
    context: RunContext,
  ): Promise<void> {
    if (context.signal.aborted) throw VentralError.from(context.signal.reason);
    const name = networkName(stage);
    if ('train' in stage) {
      const { train } = stage;
      this.#networks[train.name] = await trainOnce(
        train,
        {
          bytes: await context.folder.read(this.#networks[train.from]),
          index,
          networks: { ...this.#networks },
          done: resumed?.state.done ?? 0,
          progress: resumed?.state.training,
          ...present({ arrays: resumed?.arrays }),
        },
        context,
      );
    } else if ('average' in stage) {
      const of = trainStageOf(context.recipe, stage.average.of);
      this.#networks[name as string] = await averageStage(stage.average, of, context);
    } else if ('compare' in stage) {
      await compareStage(stage.compare, this.#networks, context, runElsewhere);
    } else await this.#measure(stage, { index, done: resumed?.state.done ?? 0, context });
  }

  /** Measures one checkpoint after the other; each is kept as it is done. */
  async #measure(
    stage: Exclude<Stage, { train: unknown } | { average: unknown } | { compare: unknown }>,
    { index, done, context: { progress, ...others } }: MeasuredAt,
  ): Promise<void> {
    const { checkpoints } = 'score' in stage ? stage.score : stage.evaluate;
    const parts = progress?.parts(
      checkpoints.map((name) => ('score' in stage ? `score ${name}` : name)),
    );
    progress?.planned();
    for (const [i, checkpoint] of checkpoints.entries()) {
      if (i < done) continue;
      const context = { ...others, progress: parts?.[i] };
      const network = { checkpoint, file: this.#networks[checkpoint] ?? '' };
      const events =
        'score' in stage
          ? await scoreCheckpoint(network, stage.score, context)
          : await evaluateCheckpoint(network, stage.evaluate, context);
      for (const event of events) await context.folder.record(event);
      await this.#save(index, i + 1);
      parts?.[i].end();
    }
  }

  #save(stage: number, done: number): Promise<void> {
    return this.#context.folder.save({ stage, done, networks: this.#networks });
  }

  /** The network of the last stage that makes one becomes the run's. */
  async #finish(): Promise<void> {
    const { folder, recipe } = this.#context;
    const name = recipe.stages.map(networkName).findLast((each) => each !== undefined);
    const bytes = await folder.read(this.#networks[name ?? UNTRAINED]);
    await writeFileAtomic(join(folder.path, MODEL), bytes);
    await writeReport(this.#context);
  }
}

/** File of a run's own network. */
export const MODEL = 'model.onnx';

/** Where measuring goes on, and who listens. */
interface MeasuredAt {
  readonly index: number;
  /** Checkpoints that are measured already. */
  readonly done: number;
  readonly context: RunContext;
}

interface Resumed {
  readonly state: RunState;
  readonly arrays: StateArrays | undefined;
}

const runElsewhere = (
  recipe: Recipe,
  folder: string,
  { data, recorded: _, ...resources }: RunContext,
) => runRecipe(recipe, { base: data.base, folder }, resources);

function trainStageOf({ stages }: Recipe, name: string): TrainStage {
  const found = stages.find((stage) => 'train' in stage && stage.train.name === name);
  if (found && 'train' in found) return found.train;
  throw new RangeError(`${name} is no train stage (${stages.map(kindOf).join(', ')})`);
}
