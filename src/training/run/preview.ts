import { cardOf, openModelFile } from '../../activations/model-file.js';
import { VentralError } from '../../errors/ventral-error.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { BatchFeed } from '../augment/batch-feed.js';
import { contactSheet } from '../augment/contact-sheet.js';
import type { Recipe } from '../recipe/recipe.js';
import { openRunData } from './run-data.js';
import { near } from './run-recipe.js';
import { feedSpec, sideOf } from './train-stage.js';

/** Images of a sheet. */
const PICTURES = 48;

/**
 * Writes a PNG of images as the first train stage that changes them shows them.
 * @throws VentralError `recipe-invalid` where the recipe trains nothing
 * @param base folder of the recipe
 */
export async function writePreview(recipe: Recipe, base: string, output: string): Promise<void> {
  const stages = recipe.stages.flatMap((each) => ('train' in each ? [each.train] : []));
  const stage = stages.find(({ augment, mix }) => augment.length > 0 || mix) ?? stages[0];
  if (!stage) throw new VentralError('recipe-invalid', `${recipe.name} has no train stage`);
  const card = cardOf(await openModelFile(near(recipe.model, base)));
  const data = await openRunData(recipe, base);
  const side = stage.side ?? sideOf({ card });
  const spec = { ...feedSpec(stage, { recipe }, side), batch: PICTURES, workers: 0 };
  const feed = await BatchFeed.open(data.train.source, base, data.train, spec);
  try {
    await writeFileAtomic(output, await contactSheet(feed, { epoch: 0, pictures: PICTURES }));
  } finally {
    await feed.close();
  }
}
