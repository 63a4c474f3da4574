import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InputSize } from '../../activations/card.js';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type CheckedYaml, readCheckedYaml } from '../../formats/checked-yaml.js';
import { packageRoot } from '../../formats/package-root.js';
import type { TransformSpec } from '../augment/training-batch.js';
import type { DataSource } from '../data/labelled-set.js';
import type { AdamOptions, SgdOptions } from '../optimizers.js';
import type { Schedule } from '../schedules.js';
import type { SharpnessOptions } from '../sharpness.js';
import type { Threat } from '../threat.js';
import { withDefaults } from './defaults.js';

/** A training, with every default written out (`models/recipe.schema.json`). */
export interface Recipe {
  readonly name: string;
  readonly seed: number;
  readonly model: string;
  readonly weights: 'as-given' | 'redrawn';
  readonly data: {
    readonly train: DataSource;
    readonly validation: DataSource | { readonly share: number };
    readonly test: DataSource;
  };
  readonly workers: number;
  readonly stages: readonly Stage[];
}

/** One step of a recipe. */
export type Stage =
  | { readonly train: TrainStage }
  | { readonly average: AverageStage }
  | { readonly evaluate: EvaluateStage }
  | { readonly score: ScoreStage }
  | { readonly compare: CompareStage };

/** Name and options of an optimizer, as torch has them. */
export type OptimizerSpec =
  | ({ readonly name: 'sgd' } & SgdOptions)
  | ({ readonly name: 'adam' | 'adamw' } & AdamOptions);

/** How pictures are made hard before a step learns from them. */
export interface AdversarialSpec extends Threat {
  /** pgd (Madry et al. 2018), fast (Wong et al. 2020), free (Shafahi et al. 2019). */
  readonly method: 'pgd' | 'fast' | 'free';
  readonly steps: number;
  readonly step_size: number;
  readonly random_start: boolean;
  readonly replays: number;
  readonly epsilon_schedule: readonly (readonly [number, number])[];
}

/** Weights that change by gradients. */
export interface TrainStage {
  readonly name: string;
  readonly from: string;
  readonly epochs: number;
  readonly batch: number;
  readonly side?: number;
  readonly rate: number;
  readonly optimizer: OptimizerSpec;
  readonly schedule: Schedule;
  readonly warmup: number;
  readonly clip?: number;
  readonly accumulate: number;
  readonly label_smoothing: number;
  readonly batch_norm_momentum: number;
  readonly dropout: number;
  readonly drop_connect: number;
  readonly freeze?: 'first-half' | readonly string[];
  readonly only?: readonly string[];
  readonly sharpness?: SharpnessOptions;
  readonly adversarial?: AdversarialSpec;
  readonly augment: readonly TransformSpec[];
  readonly mix?: TransformSpec;
  readonly ema?: number;
  readonly best_by: string;
  readonly keep: 'best' | 'last';
  readonly patience?: number;
}

/** Weights that are the mean of others. */
export interface AverageStage {
  readonly name: string;
  readonly of: string;
  readonly epochs: readonly number[];
  readonly method: 'uniform' | 'greedy';
  readonly statistics: 'averaged' | 'estimated';
}

/** Robustness of checkpoints on the test set. */
export interface EvaluateStage {
  readonly checkpoints: readonly string[];
  readonly threats: readonly Threat[];
  readonly count: number;
  readonly attacks: readonly AttackName[];
  /** Another test resolution than the card's. */
  readonly input?: InputSize;
}

/** Attacks by the name that a recipe gives them. */
export type AttackName = 'fgsm' | 'pgd-20' | 'pgd-100' | 'margin' | 'square';

/** Scores of checkpoints. */
export interface ScoreStage {
  readonly checkpoints: readonly string[];
  readonly benchmarks: readonly string[];
  /** Another test resolution than the card's, but for `pixels`. */
  readonly input?: InputSize;
}

/** Two stages over several seeds. */
export interface CompareStage {
  readonly stage: string;
  readonly with: string;
  readonly seeds: readonly number[];
  readonly benchmarks: readonly string[];
  readonly threats: readonly Threat[];
  readonly count: number;
}

/** The weights that a run begins with. */
export const UNTRAINED = 'untrained';
/** The picture itself as a network, the baseline of every score. */
export const PIXELS = 'pixels';

/** JSON Schema of a recipe, draft 2020-12. */
export const recipeSchema = JSON.parse(
  readFileSync(join(packageRoot, 'models', 'recipe.schema.json'), 'utf8'),
);

/**
 * Reads a recipe and writes every default out. Throws `recipe-invalid` with line and column.
 * @param file name of the text in messages
 */
export function parseRecipe(text: string, file: string): Recipe {
  const check = { file, schema: recipeSchema, code: 'recipe-invalid' } as const;
  const { value, place } = readCheckedYaml<Recipe>(text, check);
  return completeRecipe(value, { file, place });
}

/**
 * A recipe that follows the schema, with every default. Throws `recipe-invalid` for names that no stage before has,
 * and for what excludes each other.
 * @param how.place what stands before a message, by JSON pointer
 */
export function completeRecipe(
  value: object,
  how: { readonly file: string; readonly place: (pointer: string) => string },
): Recipe {
  const recipe = withDefaults(value);
  checkNames(recipe, how);
  return recipe;
}

/** The one key of a stage. */
export const kindOf = (stage: Stage): string => Object.keys(stage)[0];

/** The name that later stages know a stage by, where it makes a network. */
export function networkName(stage: Stage): string | undefined {
  if ('train' in stage) return stage.train.name;
  return 'average' in stage ? stage.average.name : undefined;
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
    throw refuse('mix', 'attacks know one class a picture: mix pictures in a stage of its own');
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
