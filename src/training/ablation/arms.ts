import type { InputSize } from '../../activations/card/card.js';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { schemaProblems } from '../../formats/yaml/checked-yaml.js';
import { completeRecipe } from '../recipe/parse-recipe.js';
import { networkName, type Recipe, recipeSchema } from '../recipe/recipe.js';
import {
  type Ablation,
  type AblationFamily,
  BASE,
  type LooseStage,
  type TableName,
  type Technique,
} from './ablation.js';

/** Each technique left out of the base, or each added to the plain stages. */
export type Direction = 'leave-one-out' | 'add-one';

/** One way of training, which every family and seed goes. */
export interface Arm {
  /** `base`, `without-<technique>`, or the technique's name. */
  readonly id: string;
  readonly title: string;
  /** The table that its row is in; the base is in both. */
  readonly table: TableName | undefined;
  recipe(family: AblationFamily, seed: number): Recipe;
}

/**
 * The arms of an ablation, the base first.
 * @throws VentralError `recipe-invalid`, naming the arm, where its changes do not make a recipe
 * @param file name of the ablation in messages
 */
export function armsOf(ablation: Ablation, direction: Direction, file: string): Arm[] {
  const { arms } = ablation;
  const inBase = direction === 'add-one' ? [] : arms.filter(({ in_base }) => in_base);
  const ways: [Omit<Arm, 'recipe'>, readonly Technique[]][] = [
    [{ id: BASE, title: direction === 'add-one' ? 'plain' : 'the base', table: undefined }, inBase],
    ...arms.map((arm): [Omit<Arm, 'recipe'>, readonly Technique[]] => {
      const { name, title, table } = arm;
      if (!inBase.includes(arm))
        return [{ id: name, title, table }, arms.filter((a) => a === arm || inBase.includes(a))];
      const without = { id: `without-${name}`, title: `without ${title}`, table };
      return [without, inBase.filter((other) => other !== arm)];
    }),
  ];
  const made = ways.map(([arm, techniques]) => ({
    ...arm,
    recipe: (family: AblationFamily, seed: number) =>
      recipeOf(ablation, { family, seed, techniques }, `${file}, arm ${arm.id}`),
  }));
  refuseTaken(made, file);
  // Errors in an arm are found before the first one is trained.
  for (const arm of made) for (const family of ablation.families) arm.recipe(family, 0);
  return made;
}

function refuseTaken(arms: readonly Arm[], file: string): void {
  const ids = arms.map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) < i);
  if (twice === undefined) return;
  throw new VentralError('recipe-invalid', `${file}: two arms are called ${twice}`, { file });
}

interface Way {
  readonly family: AblationFamily;
  readonly seed: number;
  readonly techniques: readonly Technique[];
}

function recipeOf(ablation: Ablation, { family, seed, techniques }: Way, file: string): Recipe {
  const { name, data, workers, measures } = ablation;
  let stages = ablation.plain;
  let input: InputSize | undefined = measures.input;
  for (const technique of techniques) {
    stages = withTechnique(stages, technique, file);
    input = technique.input ?? input;
  }
  const { threats, count, benchmarks } = measures;
  const checkpoints = [Object.values(stages[stages.length - 1])[0].name];
  const resolution = input ? { input } : {};
  const all = [...new Set([...benchmarks.behaviour, ...benchmarks.adversarial])];
  const score = all.length > 0 ? [{ score: { checkpoints, benchmarks: all, ...resolution } }] : [];
  const recipe = {
    // The same for every arm: the name is in the checkpoints, and arms have checkpoints in common.
    name: `${name}-${family.name}`,
    seed,
    model: family.model,
    weights: family.weights,
    ...present({ workers }),
    data,
    stages: [...stages, { evaluate: { checkpoints, threats, count, ...resolution } }, ...score],
  };
  return checked(recipe, file);
}

function checked(recipe: object, file: string): Recipe {
  const place = (pointer: string) => `${file}: ${pointer.slice(1).replaceAll('/', '.')}`;
  const [problem] = schemaProblems(recipe, recipeSchema);
  if (!problem) return completeRecipe(recipe, { file, place });
  throw new VentralError('recipe-invalid', `${file}: ${problem.sentence}`, {
    file,
    field: problem.pointer,
  });
}

function withTechnique(
  stages: readonly LooseStage[],
  { change = {}, add = [] }: Technique,
  file: string,
): readonly LooseStage[] {
  const names = stages.map((stage) => Object.values(stage)[0].name);
  const unknown = Object.keys(change).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new VentralError(
      'recipe-invalid',
      `${file}: change: no stage is called ${unknown}${didYouMean(unknown, names)}`,
      { file, field: 'change' },
    );
  const changed = stages.map((stage): LooseStage => {
    const [[kind, body]] = Object.entries(stage);
    const patch = Object.hasOwn(change, body.name) ? change[body.name] : undefined;
    return patch ? { [kind]: merged(body, patch) as LooseStage[string] } : stage;
  });
  return [...changed, ...add];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON merge patch, RFC 7396. */
function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch))
    if (value === null) result.delete(key);
    else result.set(key, merged(result.get(key), value));
  return Object.fromEntries(result);
}

/** Name of the network that an arm is measured by: the last that its recipe makes. */
export function measuredNetwork({ stages }: Recipe): string {
  const name = stages.map(networkName).findLast((each) => each !== undefined);
  if (name !== undefined) return name;
  throw new RangeError('A recipe of an ablation trains');
}
