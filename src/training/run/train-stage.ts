import { cardSide } from '../../activations/stimuli/stimulus-size.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { randomStream } from '../../numerics/random/random-stream.js';
import { readModel } from '../../onnx/model.js';
import type { Stage } from '../../runtime/work.js';
import { BatchFeed } from '../augment/batch-feed.js';
import type { FeedSpec } from '../augment/training-batch.js';
import { rateAt } from '../optimize/schedules.js';
import type { TrainStage } from '../recipe/recipe.js';
import { asCheckpoint } from './checkpoint-card.js';
import { Learner } from './learner.js';
import { secondsOfTraining } from './plan-run.js';
import type { RunContext } from './run-context.js';
import { selectionScore } from './score-stage.js';
import type { StateArrays, TrainingProgress } from './training-state.js';
import { ROBUST_COUNT, robustAccuracy, validate } from './validate.js';

/** Where a train stage resumes from. */
export interface StageStart {
  /** ONNX bytes of the network that the stage starts with. */
  readonly bytes: Uint8Array;
  readonly index: number;
  readonly networks: Readonly<Record<string, string>>;
  /** Epochs that are done. */
  readonly done: number;
  readonly progress?: TrainingProgress | undefined;
  readonly arrays?: StateArrays;
}

/** Seconds between two states within an epoch: what a kill costs at the most. */
const SAVE_SECONDS = 60;

/**
 * Trains for the epochs of a stage; after each, a checkpoint is kept and looked at on the validation split.
 * @returns file of the stage's network
 * @throws VentralError `interrupted`, after the state was kept; `training-diverged`; `training-unsupported`
 */
export async function trainStage(
  stage: TrainStage,
  start: StageStart,
  context: RunContext,
): Promise<string> {
  const run = await StageRun.open(stage, start, context);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

/** File of the checkpoint of an epoch. */
export const epochFile = (stage: string, epoch: number): string => `${stage}-epoch${epoch}`;

/** What a stage works with while it runs. */
interface StageTools {
  readonly learner: Learner;
  readonly feed: BatchFeed;
  readonly validation: BatchFeed;
  /** Pixels. */
  readonly side: number;
}

/** Seconds in which an image is decoded or drawn, which is done once. */
const IMAGE_SECONDS = 0.0025;

/** Predicted seconds of the first steps of a stage that is begun, or resumed, at step `from`. */
function secondsOfSteps(
  seconds: number,
  of: { from: number; total: number; images: number; batches: number },
): (steps: number) => number {
  const first = (IMAGE_SECONDS * of.images) / of.batches;
  return (steps) =>
    (seconds * steps) / of.total + first * Math.min(of.batches, Math.max(0, steps - of.from));
}

class StageRun {
  #progress: TrainingProgress;
  #epoch: number;
  #saved = performance.now();

  readonly #stage: TrainStage;
  readonly #start: StageStart;
  readonly #context: RunContext;
  readonly #tools: StageTools;
  /** Its items are predicted seconds. */
  readonly #reported: Stage | undefined;
  readonly #secondsOf: (steps: number) => number;
  /** Looks at the validation split: they take their own time. */
  readonly #looks: Stage | undefined;

  private constructor(
    stage: TrainStage,
    start: StageStart,
    context: RunContext,
    tools: StageTools,
  ) {
    this.#stage = stage;
    this.#start = start;
    this.#context = context;
    this.#tools = tools;
    const fresh = { batches: 0, steps: 0, optimizerSteps: 0, loss: 0, guard: [] };
    this.#progress = start.progress ?? fresh;
    this.#epoch = start.done;
    const { steps, looks } = secondsOfTraining(stage, context);
    const common = { stage: stage.name, basis: 'network' as const };
    this.#secondsOf = secondsOfSteps(steps, {
      ...{ from: this.#progress.steps, total: stage.epochs * tools.feed.batches },
      ...{ images: context.data.train.indices.length, batches: tools.feed.batches },
    });
    const seconds = this.#secondsOf(stage.epochs * tools.feed.batches);
    this.#reported = context.progress?.stage({ ...common, total: seconds, seconds, kind: 'steps' });
    this.#reported?.skip(this.#secondsOf(this.#progress.steps));
    const looked = { total: stage.epochs, seconds: looks, kind: 'looks' };
    this.#looks = context.progress?.stage({ ...common, ...looked });
    this.#looks?.skip(start.done);
    context.progress?.planned();
  }

  static async open(stage: TrainStage, start: StageStart, context: RunContext): Promise<StageRun> {
    const { train, validation, base } = context.data;
    const side = stage.side ?? sideOf(context);
    const spec = feedSpec(stage, context, side);
    const { mix: _, ...unmixed } = { ...spec, augment: [] };
    const opened: { close(): Promise<void> }[] = [];
    try {
      const learner = await openLearner(stage, start, { context, side });
      opened.push(learner);
      const feed = await BatchFeed.open(train.source, base, train, spec);
      opened.push(feed);
      const looked = await BatchFeed.open(validation.source, base, validation, unmixed);
      return new StageRun(stage, start, context, { learner, feed, validation: looked, side });
    } catch (error) {
      for (const each of opened) await each.close();
      throw error;
    }
  }

  async run(): Promise<string> {
    const stage = this.#stage;
    const context = this.#context;
    const { feed, learner } = this.#tools;
    if (feed.batches === 0)
      throw new VentralError(
        'recipe-invalid',
        `${stage.name}: a batch of ${stage.batch} is more than the ${feed.indices.length} training images`,
        { field: 'batch' },
      );
    if (!this.#start.progress && this.#start.done === 0)
      await context.folder.record({ kind: 'note', stage: stage.name, text: learner.frozen.rule });
    while (this.#epoch < stage.epochs && !this.#exhausted()) {
      await this.#batches();
      await this.#endEpoch();
    }
    const last = this.#epoch - 1;
    if (this.#epoch < stage.epochs) {
      const text = `ended after epoch ${last}: the best by ${stage.best_by} was epoch ${this.#progress.best?.epoch}`;
      await context.folder.record({ kind: 'note', stage: stage.name, text });
    }
    const kept = stage.keep === 'best' ? (this.#progress.best?.epoch ?? last) : last;
    return `checkpoints/${epochFile(stage.name, kept)}.onnx`;
  }

  async #batches(): Promise<void> {
    const stage = this.#stage;
    const context = this.#context;
    const { feed, learner } = this.#tools;
    const { seed } = context.recipe;
    const total = stage.epochs * feed.batches;
    if (this.#epoch === this.#start.done) this.#report(total);
    if (this.#progress.batches === 0) learner.newEpoch();
    for await (const batch of feed.epoch(this.#epoch, this.#progress.batches)) {
      const { batches, steps } = this.#progress;
      const rate = rateAt(steps, {
        rate: stage.rate,
        schedule: stage.schedule,
        steps: total,
        warmup: Math.round(stage.warmup * total),
      });
      const moment = {
        seed,
        stage: stage.name,
        epoch: this.#epoch,
        batch: batches,
        batches: feed.batches,
      };
      const loss = await learner.learn(batch, rate, moment, steps);
      const named = { stage: stage.name, epoch: this.#epoch };
      await context.folder.record({ kind: 'step', ...named, step: steps, loss, rate });
      this.#progress = {
        ...this.#progress,
        batches: batches + 1,
        steps: steps + 1,
        optimizerSteps: learner.optimizerSteps,
        loss: this.#progress.loss + loss,
        guard: learner.guard,
      };
      const words = `epoch ${this.#epoch + 1} of ${stage.epochs}, loss ${loss.toFixed(3)}`;
      this.#report(total, words);
      await this.#pause();
    }
  }

  #report(total: number, words?: string): void {
    const { steps } = this.#progress;
    const shown = { done: steps, total, ...(words === undefined ? {} : { words }) };
    this.#reported?.at(this.#secondsOf(steps), shown);
  }

  /** Keeps the state now and then, and before the run is left. */
  async #pause(): Promise<void> {
    const { signal } = this.#context;
    const due = performance.now() - this.#saved > 1000 * SAVE_SECONDS;
    if (signal.aborted || due) await this.#save();
    if (signal.aborted) throw VentralError.from(signal.reason);
  }

  async #save(): Promise<void> {
    const { index: stage, networks } = this.#start;
    const state = { stage, done: this.#epoch, networks, training: this.#progress };
    await this.#context.folder.save(state, this.#tools.learner.arrays());
    this.#saved = performance.now();
  }

  /** Whether as many epochs as the stage has patience for were no better than the best. */
  #exhausted(): boolean {
    const { patience } = this.#stage;
    const { best } = this.#progress;
    return patience !== undefined && best !== undefined && this.#epoch - 1 - best.epoch >= patience;
  }

  /** Keeps the checkpoint of an epoch and looks at it. */
  async #endEpoch(): Promise<void> {
    const stage = this.#stage;
    const context = this.#context;
    const { feed, learner } = this.#tools;
    const bytes = asCheckpoint(learner.checkpoint(), context, `${stage.name} ${this.#epoch}`);
    const checkpoint = await context.folder.keep(epochFile(stage.name, this.#epoch), bytes);
    const how = {
      normalisation: context.card.input,
      threads: context.threads,
      side: this.#tools.side,
    };
    const { loss, accuracy } = await validate(bytes, this.#tools.validation.examples(), how);
    const robust = await this.#robust();
    await context.folder.record({
      kind: 'epoch',
      stage: stage.name,
      epoch: this.#epoch,
      loss: this.#progress.loss / feed.batches,
      validation: { loss, accuracy, ...present({ robustAccuracy: robust }) },
      checkpoint,
    });
    const value = await this.#worth(checkpoint, accuracy, robust);
    const { best } = this.#progress;
    const isBest = best === undefined || value > best.value;
    this.#progress = {
      ...this.#progress,
      batches: 0,
      loss: 0,
      best: isBest ? { epoch: this.#epoch, value } : best,
    };
    this.#epoch++;
    await this.#save();
    const total = stage.epochs * feed.batches;
    this.#looks?.at(this.#epoch, { done: this.#progress.steps, total });
  }

  async #robust(): Promise<number | undefined> {
    const { adversarial } = this.#stage;
    const { attacked } = this.#tools.learner;
    if (!adversarial || !attacked) return undefined;
    // Sets are often sorted by class.
    const random = randomStream(this.#context.recipe.seed, 'validation under attack');
    const indices = Int32Array.from(random.permutation([...this.#tools.validation.indices]));
    return robustAccuracy(
      attacked,
      this.#tools.validation.examples(indices.slice(0, ROBUST_COUNT)),
      adversarial,
    );
  }

  async #worth(checkpoint: string, accuracy: number, robust: number | undefined): Promise<number> {
    const { best_by } = this.#stage;
    if (best_by === 'accuracy') return accuracy;
    if (best_by === 'robust-accuracy') return robust as number;
    return selectionScore(checkpoint, best_by, this.#context);
  }

  async close(): Promise<void> {
    await this.#tools.feed.close();
    await this.#tools.validation.close();
    await this.#tools.learner.close();
  }
}

async function openLearner(
  stage: TrainStage,
  { bytes, progress, arrays }: StageStart,
  { context, side }: { readonly context: RunContext; readonly side: number },
): Promise<Learner> {
  const { card, data, threads, provider = 'cpu', recipe } = context;
  const learner = await Learner.open(readModel(bytes, stage.name), stage, {
    normalisation: card.input,
    side,
    views: stage.mix && 'AugMix' in stage.mix ? 3 : 1,
    classes: data.classes.length,
    seed: randomStream(recipe.seed, `masks of ${stage.name}`).interval(2 ** 31 - 1),
    threads,
    provider,
    guard: progress?.guard ?? [],
  });
  if (progress && arrays)
    learner.restore(arrays, progress.optimizerSteps, progress.steps % stage.accumulate);
  return learner;
}

/** How a stage's images become batches. */
export function feedSpec(
  stage: TrainStage,
  { recipe }: Pick<RunContext, 'recipe'>,
  side: number,
): FeedSpec {
  const { batch, augment, mix, label_smoothing } = stage;
  return {
    side,
    batch,
    augment,
    ...present({ mix }),
    label_smoothing,
    seed: randomStream(recipe.seed, `pictures of ${stage.name}`).interval(2 ** 31 - 1),
    workers: recipe.workers,
  };
}

/**
 * Pixels of a side of what the card shows the network.
 * @throws VentralError `card-invalid` where the card leaves it open
 */
export function sideOf({ card }: Pick<RunContext, 'card'>): number {
  const side = cardSide(card);
  if (side !== undefined) return side;
  throw new VentralError(
    'card-invalid',
    'The card does not fix the image size: set `side` in the stage, or crop in the card',
    { field: '/input/crop' },
  );
}
