import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InputSize } from '../../activations/card/card.js';
import { packageRoot } from '../../formats/package-root.js';
import type { Threat } from '../attack/threat.js';
import type { TransformSpec } from '../augment/training-batch.js';
import type { LabelledSource } from '../data/labelled-set.js';
import type { AdamOptions, SgdOptions } from '../optimize/optimizers.js';
import type { Schedule } from '../optimize/schedules.js';
import type { SharpnessOptions } from '../optimize/sharpness.js';

/** A training, with every default written out (`models/recipe.schema.json`). */
export interface Recipe {
  readonly name: string;
  readonly seed: number;
  readonly model: string;
  readonly weights: 'as-given' | 'redrawn';
  readonly data: {
    readonly train: LabelledSource;
    readonly validation: LabelledSource | { readonly share: number };
    readonly test: LabelledSource;
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

/** How images are made hard before a step learns from them. */
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

/** The weights that a run starts with. */
export const UNTRAINED = 'untrained';
/** The image itself as a network, the baseline of every score. */
export const PIXELS = 'pixels';

/** JSON Schema of a recipe, draft 2020-12. */
export const recipeSchema = JSON.parse(
  readFileSync(join(packageRoot, 'models', 'recipe.schema.json'), 'utf8'),
);

/** The one key of a stage. */
export const kindOf = (stage: Stage): string => Object.keys(stage)[0];

/** The name that later stages know a stage by, where it makes a network. */
export function networkName(stage: Stage): string | undefined {
  if ('train' in stage) return stage.train.name;
  return 'average' in stage ? stage.average.name : undefined;
}
