import { networkName, type Recipe, UNTRAINED } from '../recipe/recipe.js';
import type { TrainingEvent } from '../record/training-event.js';
import { type Outlook, UNKNOWN } from '../robustness/attack-cost.js';

/** Share of what it names right that a network withstands, trained against attacks or not. */
const TRAINED_AGAINST = 0.5;
const NOT_TRAINED_AGAINST = 0.05;

/** How the networks of a run may stand against attacks, by what their epochs have told: what an evaluation costs hangs on it. */
export class Outlooks {
  readonly #recipe: Recipe;
  readonly #classes: number;
  readonly #told = new Map<string, Outlook>();

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

  of(checkpoint: string): Outlook {
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
