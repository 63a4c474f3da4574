import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type CheckedYaml, readCheckedYaml } from '../../formats/yaml/checked-yaml.js';
import { withDefaults } from './defaults.js';
import {
  type AverageStage,
  kindOf,
  networkName,
  PIXELS,
  type Recipe,
  recipeSchema,
  type TrainStage,
  UNTRAINED,
} from './recipe.js';

/**
 * Reads a recipe and writes every default out.
 * @throws VentralError `recipe-invalid` with line and column
 * @param file name of the text in messages
 */
export function parseRecipe(text: string, file: string): Recipe {
  const check = { file, schema: recipeSchema, code: 'recipe-invalid' } as const;
  const { value, place } = readCheckedYaml<Recipe>(text, check);
  return completeRecipe(value, { file, place });
}

/**
 * A recipe that follows the schema, with every default.
 * @throws VentralError `recipe-invalid` for names that no stage before has, and for what excludes each other
 * @param how.place prefix of a message, by JSON pointer
 */
export function completeRecipe(
  value: object,
  how: { readonly file: string; readonly place: (pointer: string) => string },
): Recipe {
  const recipe = withDefaults(value);
  checkNames(recipe, how);
  return recipe;
}

function checkNames(
  recipe: Recipe,
  { place, file }: Pick<CheckedYaml<unknown>, 'place'> & { readonly file: string },
): void {
  const networks = new Map<string, TrainStage | AverageStage | undefined>([[UNTRAINED, undefined]]);
  recipe.stages.forEach((stage, index) => {
    const pointer = `/stages/${index}/${kindOf(stage)}`;
    const refuse = (field: string, sentence: string) =>
      new VentralError('recipe-invalid', `${place(`${pointer}/${field}`)} ${sentence}`, {
        file,
        field: `${pointer}/${field}`,
      });
    const known = (field: string, name: string, also: readonly string[] = []) => {
      if (networks.has(name) || also.includes(name)) return;
      const names = [...networks.keys(), ...also];
      throw refuse(field, `no stage before is called ${name}${didYouMean(name, names)}`);
    };
    if ('train' in stage) {
      known('from', stage.train.from);
      checkTrain(stage.train, refuse);
    } else if ('average' in stage) {
      const { of, epochs } = stage.average;
      known('of', of);
      const made = networks.get(of);
      if (!made || !('rate' in made)) throw refuse('of', `${of} is no train stage`);
      const late = epochs.find((epoch) => epoch >= made.epochs);
      if (late !== undefined)
        throw refuse('epochs', `${of} has epochs 0 to ${made.epochs - 1}, found ${late}`);
    } else if ('compare' in stage) {
      known('stage', stage.compare.stage);
      known('with', stage.compare.with);
    } else {
      const { checkpoints } = 'score' in stage ? stage.score : stage.evaluate;
      for (const name of checkpoints) known('checkpoints', name, 'score' in stage ? [PIXELS] : []);
    }
    const name = networkName(stage);
    if (name === undefined) return;
    if (networks.has(name) || name === PIXELS) throw refuse('name', `${name} is taken`);
    // Checkpoints of epochs have such files.
    if (/-epoch\d+$/.test(name)) throw refuse('name', `${name} is what an epoch would be called`);
    networks.set(
      name,
      'train' in stage ? stage.train : (stage as { average: AverageStage }).average,
    );
  });
}

type Refuse = (field: string, sentence: string) => VentralError;

/** What the schema cannot say. */
function checkTrain(stage: TrainStage, refuse: Refuse): void {
  const { adversarial, mix, sharpness, accumulate } = stage;
  if (adversarial && mix)
    throw refuse('mix', 'attacks need one class per image: mix images in a separate stage');
  if (adversarial?.method === 'free' && sharpness)
    throw refuse('sharpness', 'free adversarial training takes one pass for both gradients');
  if (adversarial?.method === 'free' && adversarial.norm !== 'Linf')
    throw refuse('adversarial', 'free adversarial training is written for norm Linf');
  if (accumulate > 1 && sharpness)
    throw refuse('sharpness', 'SAM climbs by the gradient of one batch: accumulate must be 1');
  if (stage.freeze && stage.only) throw refuse('only', 'freeze and only exclude each other');
  if (stage.best_by === 'robust-accuracy' && !adversarial)
    throw refuse('best_by', 'robust-accuracy is measured in adversarial stages');
}
