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
    (times) => times,
  );
}

/**
 * The same between all pairs of subjects: the ceiling. A subject is never paired with itself: a pair counts 1 + f · (d + e), with
 * d and e how much more than once its two were drawn, and f = (n − 1)/(n − 2), which makes the variance over draws that of the
 * jackknife of a U statistic. The product of how often the two were drawn counts what is peculiar to a pair three times, and what
 * a subject shares with all others less than once.
 */
export function pairConsistencyDraws(
  subjects: RightAnswers['subjects'],
  drawn: DrawnFactors,
): TwoFactorDraws {
  const pairs = subjects.flatMap((_, a) =>
    Array.from({ length: subjects.length - a - 1 }, (_, i) => [a, a + 1 + i]),
  );
  const values = (times: Times) =>
    Float64Array.from(pairs, ([a, b]) => meanKappa(subjects[a], subjects[b], times));
  const n = subjects.length;
  const step = n > 2 ? (n - 1) / (n - 2) : 1;
  return drawnMeans(drawn, values, (times) =>
    Float64Array.from(pairs, ([a, b]) => 1 + step * (times[a] + times[b] - 2)),
  );
}

/**
 * The weighted mean of values that belong to subjects.
 * @param values of the subjects or pairs, under a draw of the images
 * @param weights of these, under a draw of the subjects
 */
function drawnMeans(
  { first, second }: DrawnFactors,
  values: (times: Times) => Float64Array,
  weights: (times: Times) => ArrayLike<number>,
): TwoFactorDraws {
  const mean = (of: Float64Array, times: Times) => {
    const weight = weights(times);
    let [sum, count] = [0, 0];
    for (let i = 0; i < of.length; i++) {
      if (Number.isNaN(of[i])) continue;
      sum += weight[i] * of[i];
      count += weight[i];
    }
    return count > 0 ? sum / count : Number.NaN;
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
    const theirs = weight * b[i];
    total += weight;
    // Without branches: who is right cannot be foreseen.
    right += weight * a[i];
    other += theirs;
    both += theirs * a[i];
  }
  const same = total - right - other + 2 * both;
  const [pa, pb] = [right / total, other / total];
  const expected = pa * pb + (1 - pa) * (1 - pb);
  return expected === 1 ? Number.NaN : (same / total - expected) / (1 - expected);
}
