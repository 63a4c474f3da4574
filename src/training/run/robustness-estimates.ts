import { networkName, type Recipe, UNTRAINED } from '../recipe/recipe.js';
import type { TrainingEvent } from '../record/training-event.js';
import { type RobustnessEstimate, UNKNOWN } from '../robustness/attack-cost.js';

/** Share of correct examples that usually stay correct under attack, with and without adversarial training. */
const TRAINED_AGAINST = 0.5;
const NOT_TRAINED_AGAINST = 0.05;

/** Expected robustness of a run's networks, from their last epochs: it decides the cost of an evaluation. */
export class RobustnessEstimates {
  readonly #recipe: Recipe;
  readonly #classes: number;
  readonly #told = new Map<string, RobustnessEstimate>();

  constructor(recipe: Recipe, classes: number) {
    this.#recipe = recipe;
    this.#classes = classes;
  }

  take(event: TrainingEvent): void {
    if (event.kind !== 'epoch') return;
    const { accuracy: right, robustAccuracy } = event.validation;
    const withstand =
      robustAccuracy === undefined || right === 0
        ? this.#usual(event.stage)
        : Math.min(1, robustAccuracy / right);
    this.#told.set(event.stage, { right, withstand });
  }

  of(checkpoint: string): RobustnessEstimate {
    if (checkpoint === UNTRAINED) return { ...UNKNOWN, right: 1 / this.#classes };
    const stage = this.#recipe.stages.find((each) => networkName(each) === checkpoint);
    const trained = stage && 'average' in stage ? stage.average.of : checkpoint;
    return this.#told.get(trained) ?? { ...UNKNOWN, withstand: this.#usual(trained) };
  }

  #usual(trained: string): number {
    const isAgainst = this.#recipe.stages.some(
      (each) => 'train' in each && each.train.name === trained && each.train.adversarial,
    );
    return isAgainst ? TRAINED_AGAINST : NOT_TRAINED_AGAINST;
  }
}
