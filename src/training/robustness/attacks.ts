import type { RandomState } from '../../numerics/random/random-state.js';
import type { Threat } from '../attack/threat.js';
import type { AttackName } from '../recipe/recipe.js';
import type { LossName } from '../step/step-graph.js';
import type { Search } from './attack-slots.js';
import { type Example, GradientSearch } from './gradient-search.js';
import { SquareSearch } from './square-search.js';

/** An attack of an evaluation. */
export interface Attack {
  readonly title: string;
  /** The objective that it maximises. */
  readonly loss: LossName;
  /** Calls of the network for an example that withstands it. */
  readonly calls: number;
  /** Passes forward that a call costs for each example of its batch. */
  readonly passes: number;
  /** @param dims [channels, height, width] */
  search(example: Example, threat: Threat, random: RandomState, dims: readonly number[]): Search;
}

/** Passes forward that a pass forward and backward costs. */
export const GRADIENT_PASSES = 3;
const RESTARTS = 4;
const QUERIES = 1000;

const gradient = (title: string, loss: LossName, steps: number, restarts = 0): Attack => ({
  title,
  loss,
  // The last place of each start is looked at, too.
  calls: (steps + 1) * (1 + restarts),
  passes: GRADIENT_PASSES,
  search(example, threat, random) {
    const options = { steps, stepSize: pgdStep(threat.epsilon, steps), starts: 1 + restarts };
    return new GradientSearch(example, threat, options, random);
  },
});

/** Step size as in `robustness`; a single step uses the whole radius. */
export const pgdStep = (epsilon: number, steps: number): number =>
  steps === 1 ? epsilon : (2.5 * epsilon) / steps;

/** From the cheapest to the costliest. */
export const attacks: Readonly<Record<AttackName, Attack>> = {
  fgsm: gradient('FGSM', 'cross-entropy', 1),
  'pgd-20': gradient('PGD-20', 'cross-entropy', 20),
  'pgd-100': gradient(`PGD-100, ${RESTARTS} restarts`, 'cross-entropy', 100, RESTARTS),
  margin: gradient('PGD-100 on the margin', 'margin', 100),
  square: {
    title: `Square, ${QUERIES} queries`,
    loss: 'margin',
    calls: 1 + QUERIES,
    passes: 1,
    search: (example, threat, random, dims) =>
      new SquareSearch(example, dims, threat, QUERIES, random),
  },
};

/** Names of all attacks. */
export const attackNames = Object.keys(attacks) as AttackName[];
