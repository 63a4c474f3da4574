import type { ConsistencyResult } from '../../metrics/error-consistency.js';
import {
  meanConsistency,
  meanConsistencyDraws,
  pairConsistencyDraws,
} from '../../metrics/resampling/consistency-draws.js';
import type { DrawnFactors, TwoFactorDraws } from '../../metrics/resampling/two-factor-draws.js';
import { type DrawnUnits, drawnUnits, drawsInOrder, LEAST_SUBJECTS } from './drawn-units.js';
import { type ScoreDraws, singleDraws, twoFactorDraws } from './score-draws.js';

/** Ceilings over draws, which depend on no model. */
const drawnCeilings = new WeakMap<ConsistencyResult, TwoFactorDraws>();

/**
 * Error consistency over draws of subjects and of images within conditions, of images alone where subjects are few. The signed
 * mean is drawn: the reference's absolute one folds at 0.
 * @returns the signed value, too
 */
export function consistencyDraws(
  raw: ConsistencyResult,
  ceiling: ConsistencyResult | number | null,
  [people, images] = observedUnits(raw),
): { readonly signed: number; readonly draws: ScoreDraws | undefined } {
  const { model = [], subjects } = raw.right;
  const names = imageNames(raw);
  const factors: DrawnFactors = {
    first: drawsInOrder(people, raw.subjects),
    second: drawsInOrder(images, names),
  };
  const own = meanConsistencyDraws({ model, subjects }, factors);
  const bounds =
    ceiling === null || typeof ceiling === 'number' ? (ceiling ?? 1) : over(ceiling, factors);
  const value = (of: keyof TwoFactorDraws) =>
    own[of].map((kappa, r) => kappa / (typeof bounds === 'number' ? bounds : bounds[of][r]));
  const draws =
    people.count < LEAST_SUBJECTS
      ? singleDraws(images, value('second'))
      : twoFactorDraws([people, images], {
          both: value('both'),
          first: value('first'),
          second: value('second'),
        });
  const bound = typeof ceiling === 'object' ? (ceiling?.value ?? 1) : ceiling;
  return {
    signed: meanConsistency({ model, subjects }) / bound,
    draws: draws && { ...draws, right: rightOf(model, names, images) },
  };
}

/** The subjects and images that are drawn. */
export function observedUnits({
  subjects,
  conditions,
  stimuli,
}: Pick<ConsistencyResult, 'subjects' | 'conditions' | 'stimuli'>): readonly [
  DrawnUnits,
  DrawnUnits,
] {
  const groups = stimuli.flatMap((ids, c) => ids.map(() => conditions[c]));
  const images = drawnUnits('images', imageNames({ conditions, stimuli }), groups);
  return [drawnUnits('subjects', subjects), images];
}

const imageNames = ({ conditions, stimuli }: Pick<ConsistencyResult, 'conditions' | 'stimuli'>) =>
  stimuli.flatMap((ids, c) => ids.map((id) => imageName(conditions[c], id)));

const imageName = (condition: string, id: string | number) => JSON.stringify([condition, id]);

function over(ceiling: ConsistencyResult, factors: DrawnFactors): TwoFactorDraws {
  const drawn = drawnCeilings.get(ceiling) ?? pairConsistencyDraws(ceiling.right.subjects, factors);
  drawnCeilings.set(ceiling, drawn);
  return drawn;
}

function rightOf(
  model: readonly Uint8Array[],
  names: readonly string[],
  { count, position }: DrawnUnits,
): Uint8Array {
  const right = new Uint8Array(count);
  const answers = model.flatMap((own) => [...own]);
  names.forEach((name, i) => {
    right[position(name)] = answers[i];
  });
  return right;
}
