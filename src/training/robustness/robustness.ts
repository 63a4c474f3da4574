import { binomialInterval } from '../../numerics/statistics/binomial-interval.js';
import type { Threat } from '../attack/threat.js';
import type { AttackName } from '../recipe/recipe.js';
import type { TrainingEvent } from '../record/training-event.js';

/** How many examples a network names right, and within what the share lies. */
export interface Figure {
  readonly correct: number;
  readonly count: number;
  /** correct/count. */
  readonly accuracy: number;
  /** 95 %, Clopper and Pearson (1934). */
  readonly interval: readonly [low: number, high: number];
}

/** What one attack left. */
export interface AttackFigure extends Figure {
  readonly attack: AttackName;
  /** The attack in words. */
  readonly title: string;
}

/** Everything about one radius. */
export interface ThreatResult extends Threat {
  readonly attacks: readonly AttackFigure[];
  /** Examples that no attack turned. */
  readonly worst: Figure;
}

/** A look at whether the attacks can be believed. */
export interface SelfCheck {
  readonly name: string;
  /** Null where there was nothing to look at. */
  readonly passed: boolean | null;
  /** The finding, with its numbers. */
  readonly found: string;
}

/** Robustness of a network: every figure is over the same examples. */
export interface Robustness {
  readonly clean: Figure;
  readonly threats: readonly ThreatResult[];
  readonly checks: readonly SelfCheck[];
  /** Whether a check failed: then the figures are too high. */
  readonly maskingSuspected: boolean;
}

/** What a failed check says. */
export const MASKING = 'gradient masking suspected';

/** A count with its share and interval. */
export function figure(correct: number, count: number): Figure {
  return { correct, count, accuracy: correct / count, interval: binomialInterval(correct, count) };
}

/**
 * The result as events of a run: the clean figure as attack `clean` with epsilon 0, the worst case as `worst`.
 * @param checkpoint name of the network in the run
 */
export function robustnessEvents(
  checkpoint: string,
  { clean, threats }: Robustness,
): (TrainingEvent & { readonly kind: 'robustness' })[] {
  const event = (attack: string, { norm, epsilon }: Threat, { correct, count, interval }: Figure) =>
    ({
      kind: 'robustness',
      checkpoint,
      attack,
      norm,
      epsilon,
      correct,
      count,
      interval,
    }) as const;
  const norms = [...new Set(threats.map(({ norm }) => norm))];
  return [
    ...norms.map((norm) => event('clean', { norm, epsilon: 0 }, clean)),
    ...threats.flatMap((threat) => [
      ...threat.attacks.map((found) => event(found.attack, threat, found)),
      event('worst', threat, threat.worst),
    ]),
  ];
}
