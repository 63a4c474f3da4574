import { nanMean } from '../../numerics/statistics/statistics.js';
import type { RightAnswers } from '../error-consistency.js';
import type { DrawnFactors, Times, TwoFactorDraws } from './two-factor-draws.js';

/**
 * Mean over subjects of the mean over conditions of Cohen's κ with the model, signed; NaN where agreement is expected to be 1,
 * which means skip.
 */
export function meanConsistency({ model, subjects }: RightAnswers): number {
  const once = new Uint16Array(model.reduce((sum, { length }) => sum + length, 0)).fill(1);
  return nanMean(subjects.map((answers) => meanKappa(model, answers, once)));
}

/**
 * {@link meanConsistency} over draws of subjects (first factor) and of images within conditions (second), which stand
 * condition after condition.
 */
export function meanConsistencyDraws(
  { model, subjects }: RightAnswers,
  drawn: DrawnFactors,
): TwoFactorDraws {
  return drawnMeans(
    drawn,
    (times) => Float64Array.from(subjects, (answers) => meanKappa(model, answers, times)),
    Array.from(subjects, (_, s) => [s]),
  );
}

/** The same between all pairs of subjects: the ceiling. A subject is never paired with itself. */
export function pairConsistencyDraws(
  subjects: RightAnswers['subjects'],
  drawn: DrawnFactors,
): TwoFactorDraws {
  const pairs = subjects.flatMap((_, a) =>
    Array.from({ length: subjects.length - a - 1 }, (_, i) => [a, a + 1 + i]),
  );
  const values = (times: Times) =>
    Float64Array.from(pairs, ([a, b]) => meanKappa(subjects[a], subjects[b], times));
  return drawnMeans(drawn, values, pairs);
}

/**
 * The mean of values that belong to subjects, each as often as the product of how often its subjects were drawn.
 * @param values of the subjects or pairs, under a draw of the images
 */
function drawnMeans(
  { first, second }: DrawnFactors,
  values: (times: Times) => Float64Array,
  subjects: readonly (readonly number[])[],
): TwoFactorDraws {
  const mean = (of: Float64Array, times: Times) => {
    let [sum, count] = [0, 0];
    for (let i = 0; i < of.length; i++) {
      if (Number.isNaN(of[i])) continue;
      const weight = subjects[i].reduce((product, s) => product * times[s], 1);
      sum += weight * of[i];
      count += weight;
    }
    return sum / count;
  };
  const { units } = second;
  const whole = values(new Uint16Array(units).fill(1));
  const [both, alone] = [new Float64Array(second.draws), new Float64Array(second.draws)];
  const people = first[Symbol.iterator]();
  let draw = 0;
  for (const times of second) {
    const drawn = values(times);
    both[draw] = mean(drawn, people.next().value);
    alone[draw++] = nanMean(drawn);
  }
  const one = new Float64Array(first.draws);
  let at = 0;
  for (const times of first) one[at++] = mean(whole, times);
  return { both, first: one, second: alone };
}

/** Mean over conditions; `times` of their images stand one after the other. */
function meanKappa(
  a: readonly ArrayLike<number>[],
  b: readonly ArrayLike<number>[],
  times: Times,
): number {
  let [from, sum, count] = [0, 0, 0];
  for (let c = 0; c < a.length; c++) {
    const kappa = weightedKappa(a[c], b[c], times, from);
    from += a[c].length;
    if (Number.isNaN(kappa)) continue;
    sum += kappa;
    count++;
  }
  return sum / count;
}

/** Cohen's κ of right and wrong answers to images that count as often as they were drawn. */
function weightedKappa(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  times: Times,
  from: number,
): number {
  let [total, right, other, both] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const weight = times[from + i];
    total += weight;
    if (a[i]) right += weight;
    if (b[i]) other += weight;
    if (a[i] && b[i]) both += weight;
  }
  const same = total - right - other + 2 * both;
  const [pa, pb] = [right / total, other / total];
  const expected = pa * pb + (1 - pa) * (1 - pb);
  return expected === 1 ? Number.NaN : (same / total - expected) / (1 - expected);
}
