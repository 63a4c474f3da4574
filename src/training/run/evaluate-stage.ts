import { withInput } from '../../activations/card/card.js';
import { readModel } from '../../onnx/model.js';
import { openLabelledSet } from '../data/open-labelled-set.js';
import type { EvaluateStage } from '../recipe/recipe.js';
import type { TrainingEvent } from '../record/training-event.js';
import { evaluateRobustness } from '../robustness/evaluate-robustness.js';
import { prepareExamples } from '../robustness/prepared-examples.js';
import { robustnessEvents } from '../robustness/robustness.js';
import type { RunContext } from './run-context.js';

/** Images of one call of the attacked network. */
export const BATCH = 64;

/** Robustness of one network on test images, the same for every network of a run. */
export async function evaluateCheckpoint(
  { checkpoint, file }: { readonly checkpoint: string; readonly file: string },
  { threats, attacks, count, input: size }: Omit<EvaluateStage, 'checkpoints'>,
  context: RunContext,
): Promise<TrainingEvent[]> {
  const { card, data, threads, signal, recipe } = context;
  const { seed } = recipe;
  const set = await openLabelledSet(data.test.source, data.base);
  try {
    const { input } = size ? withInput(card, size) : card;
    const examples = await prepareExamples(set, { input, classes: data.classes }, { count, seed });
    const { indices, height, width } = examples;
    const network = {
      model: readModel(await context.folder.read(file), checkpoint),
      dims: [Math.min(BATCH, indices.length), 3, height, width],
      normalisation: input,
      threads,
    };
    const { progress } = context;
    const estimate = context.estimates.of(checkpoint);
    const options = { threats, attacks, seed, checks: false, signal, progress, estimate };
    return robustnessEvents(checkpoint, await evaluateRobustness(network, examples, options));
  } finally {
    await set.close();
  }
}
