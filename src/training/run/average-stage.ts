import { createHash } from 'node:crypto';
import { randomStream } from '../../numerics/random/random-stream.js';
import { readModel } from '../../onnx/model.js';
import { BatchFeed } from '../augment/batch-feed.js';
import type { AverageStage, TrainStage } from '../recipe/recipe.js';
import { normalised } from '../step/attacked-network.js';
import { averageModels, type Member } from '../step/average.js';
import { TrainedNetwork } from '../step/trained-network.js';
import { asCheckpoint } from './checkpoint-card.js';
import type { RunContext } from './run-context.js';
import { epochFile, sideOf } from './train-stage.js';
import { validate } from './validate.js';

/**
 * Averages checkpoints of a stage: all of them, or greedily (Wortsman et al. 2022), the best first and each kept only if
 * the mean does better on the validation split.
 * @returns file of the mean
 */
export async function averageStage(
  stage: AverageStage,
  of: TrainStage,
  context: RunContext,
): Promise<string> {
  // A stage that ended early has fewer epochs than its recipe.
  const files = stage.epochs
    .map((epoch) => `checkpoints/${epochFile(of.name, epoch)}.onnx`)
    .filter((file) => context.folder.has(file));
  const chosen = stage.method === 'greedy' ? await greedily(files, of, context) : files;
  const mean = await meanOf(chosen, context);
  const bytes = stage.statistics === 'estimated' ? await estimated(mean, of, context) : mean;
  const checkpoint = await context.folder.keep(
    stage.name,
    asCheckpoint(bytes, context, stage.name),
  );
  await context.folder.record({ kind: 'average', stage: stage.name, of: chosen, checkpoint });
  return checkpoint;
}

async function meanOf(files: readonly string[], { folder }: RunContext): Promise<Uint8Array> {
  if (files.length === 1) return folder.read(files[0]);
  async function* members(): AsyncGenerator<Member> {
    for (const name of files) {
      const bytes = await folder.read(name);
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      yield { name, digest, model: readModel(bytes, name) };
    }
  }
  return averageModels(members());
}

async function greedily(
  files: readonly string[],
  of: TrainStage,
  context: RunContext,
): Promise<readonly string[]> {
  const accuracy = async (bytes: Uint8Array) => (await validated(bytes, of, context)).accuracy;
  const single: { readonly file: string; readonly worth: number }[] = [];
  for (const file of files)
    single.push({ file, worth: await accuracy(await context.folder.read(file)) });
  single.sort((a, b) => b.worth - a.worth);
  let [soup, best] = [[single[0].file], single[0].worth];
  for (const { file } of single.slice(1)) {
    const worth = await accuracy(await meanOf([...soup, file], context));
    // The authors keep an ingredient that does no harm.
    if (worth >= best) [soup, best] = [[...soup, file], worth];
  }
  return soup;
}

async function validated(bytes: Uint8Array, of: TrainStage, context: RunContext) {
  const { card, data, threads } = context;
  const side = of.side ?? sideOf(context);
  const feed = await feedOf('validation', { ...of, augment: [] }, context);
  try {
    const how = { normalisation: card.input, threads, side };
    return await validate(bytes, feed.examples(data.validation.indices), how);
  } finally {
    await feed.close();
  }
}

/** Batch-norm statistics of the training images again, as torch's `update_bn`: the mean over the batches of an epoch. */
async function estimated(
  bytes: Uint8Array,
  of: TrainStage,
  context: RunContext,
): Promise<Uint8Array> {
  const { card, threads } = context;
  const side = of.side ?? sideOf(context);
  const dims = [of.batch, 3, side, side];
  const network = await TrainedNetwork.open(readModel(bytes, of.name), { dims, threads });
  const { mix: _, ...unmixed } = of;
  const feed = await feedOf('train', unmixed, context);
  try {
    let batches = 0;
    for await (const { pictures, targets } of feed.epoch(0)) {
      const pass = await network.pass({
        pictures: normalised(pictures, dims, card.input),
        targets,
      });
      network.follow(pass, 1 / ++batches);
    }
    return network.checkpoint();
  } finally {
    await feed.close();
    await network.close();
  }
}

function feedOf(
  part: 'train' | 'validation',
  { batch, augment, name, side }: TrainStage,
  context: RunContext,
): Promise<BatchFeed> {
  const { data, recipe } = context;
  return BatchFeed.open(data[part].source, data.base, data[part], {
    side: side ?? sideOf(context),
    batch,
    augment,
    label_smoothing: 0,
    seed: randomStream(recipe.seed, `statistics of ${name}`).interval(2 ** 31 - 1),
    workers: recipe.workers,
  });
}
