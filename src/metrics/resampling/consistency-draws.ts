import { nanMean } from '../../numerics/statistics/statistics.js';
import { countsOf, type Drawn, type TwoFactorDraws } from './two-factor-draws.js';

/** Whether a model and subjects were right, by condition and image. */
export interface RightAnswers {
  /** Condition → one vector of 0 and 1 over its images. */
  readonly model: readonly ArrayLike<number>[];
  /** Subject → condition → the same. */
  readonly subjects: readonly (readonly ArrayLike<number>[])[];
}

/** Draws of subjects, and of images within each condition. */
export interface DrawnConditions {
  readonly subjects: readonly Drawn[];
  /** Draw → condition → positions among its images. */
  readonly images: readonly (readonly Drawn[])[];
}

/**
 * Mean over subjects of the mean over conditions of Cohen's κ with the model, signed; NaN where agreement is expected to be 1,
 * which means skip.
 */
export function meanConsistency({ model, subjects }: RightAnswers): number {
  const once = model.map(({ length }) => new Uint16Array(length).fill(1));
  return meanOf(subjects.map((answers) => ofSubject(model, answers, once)));
}

/** {@link meanConsistency} over draws of subjects (first factor) and of images within conditions (second). */
export function meanConsistencyDraws(
  { model, subjects }: RightAnswers,
  drawn: DrawnConditions,
): TwoFactorDraws {
  const once = model.map(({ length }) => new Uint16Array(length).fill(1));
  const by = (counts: readonly Uint16Array[]) =>
    subjects.map((answers) => ofSubject(model, answers, counts));
  const take = (values: readonly number[], positions: Drawn) =>
    meanOf(Array.from(positions, (s) => values[s]));
  const whole = by(once);
  const images = drawn.images.map((conditions) =>
    by(conditions.map((positions, c) => countsOf(positions, model[c].length))),
  );
  return {
    both: Float64Array.from(images, (values, r) => take(values, drawn.subjects[r])),
    first: Float64Array.from(drawn.subjects, (positions) => take(whole, positions)),
    second: Float64Array.from(images, meanOf),
  };
}

const meanOf = (values: readonly number[]) => nanMean(values);

function ofSubject(
  model: RightAnswers['model'],
  answers: readonly ArrayLike<number>[],
  counts: readonly Uint16Array[],
): number {
  return nanMean(model.map((own, c) => weightedKappa(own, answers[c], counts[c])));
}

/** Cohen's κ of right and wrong answers to images that count as often as they were drawn. */
function weightedKappa(a: ArrayLike<number>, b: ArrayLike<number>, counts: Uint16Array): number {
  let [total, right, other, same] = [0, 0, 0, 0];
  for (let i = 0; i < counts.length; i++) {
    total += counts[i];
    if (a[i]) right += counts[i];
    if (b[i]) other += counts[i];
    if (Boolean(a[i]) === Boolean(b[i])) same += counts[i];
  }
  const [pa, pb] = [right / total, other / total];
  const expected = pa * pb + (1 - pa) * (1 - pb);
  return expected === 1 ? Number.NaN : (same / total - expected) / (1 - expected);
}
