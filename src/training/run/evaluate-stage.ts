import { randomStream } from '../../data/simulated/random-stream.js';
import { readModel } from '../../onnx/model.js';
import { BatchFeed } from '../augment/batch-feed.js';
import type { EvaluateStage } from '../recipe/recipe.js';
import type { TrainingEvent } from '../record/training-event.js';
import { evaluateRobustness } from '../robustness/evaluate-robustness.js';
import { robustnessEvents } from '../robustness/robustness.js';
import type { RunContext } from './run-context.js';
import { sideOf } from './train-stage.js';

/** Pictures of one call of the attacked network. */
const BATCH = 64;

/** Robustness of one network on test pictures, the same for every network of a run. */
export async function evaluateCheckpoint(
  { checkpoint, file }: { readonly checkpoint: string; readonly file: string },
  { threats, attacks, count }: Omit<EvaluateStage, 'checkpoints'>,
  context: RunContext,
): Promise<TrainingEvent[]> {
  const { card, data, threads, signal, recipe } = context;
  const side = sideOf(context);
  const { test } = data;
  const spec = { side, batch: 1, augment: [], label_smoothing: 0, seed: 0, workers: 0 };
  const feed = await BatchFeed.open(test.source, data.base, test, spec);
  try {
    const drawn = randomStream(recipe.seed, 'test pictures').permutation([...test.indices]);
    const indices = drawn.slice(0, count);
    const examples = {
      labels: indices.map((index) => feed.set.labels[index]),
      async picture(index: number): Promise<Float32Array> {
        for await (const batch of feed.examples(Int32Array.of(indices[index])))
          return batch.pictures;
        throw new RangeError(`no picture ${index}`);
      },
    };
    const network = {
      model: readModel(await context.folder.read(file), checkpoint),
      dims: [Math.min(BATCH, indices.length), 3, side, side],
      normalisation: card.input,
      threads,
    };
    const found = await evaluateRobustness(network, examples, {
      threats,
      attacks,
      seed: recipe.seed,
      signal,
      progress: ({ stage, ...at }) =>
        context.progress?.({ ...at, stage: `${checkpoint}: ${stage}` }),
    });
    return robustnessEvents(checkpoint, found);
  } finally {
    await feed.close();
  }
}
