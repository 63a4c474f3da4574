import { describe, expect, test } from 'vitest';
import { choiceAgreement, choiceCeiling } from '../../src/metrics/choice-distribution.js';
import { niliUpper, rdmSimilarity } from '../../src/metrics/rdm.js';
import { matrix } from '../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../src/numerics/random/random-state.js';
import { tolerances } from '../tolerances.js';

const rdm = (...values: number[]) => Float64Array.from(values);
const close = (value: number, wanted: number) =>
  expect(Math.abs(value - wanted)).toBeLessThanOrEqual(tolerances.float64);

describe('dissimilarities of subjects', () => {
  // Ranks by hand. Model 1 2 3 4 5 6; a the same, b turned round, c with two neighbours exchanged.
  const model = rdm(1, 2, 3, 4, 5, 6);
  const a = rdm(0.1, 0.2, 0.3, 0.4, 0.5, 0.6);
  const b = rdm(6, 5, 4, 3, 2, 1);
  const c = rdm(2, 1, 3, 4, 5, 6);
  const rC = 1 - (6 * 2) / (6 * 35);

  test('are compared one by one, then averaged; squares before the mean', () => {
    const each = { perSubject: true, squared: false };
    close(rdmSimilarity(model, [a, b, c], each).value, (1 - 1 + rC) / 3);
    close(rdmSimilarity(model, [a, b, c], { ...each, squared: true }).value, (1 + 1 + rC ** 2) / 3);
    const [one, turned] = rdmSimilarity(model, [a, b], each).bySubject;
    close(one, 1);
    close(turned, -1);
  });

  test('or as their mean', () => {
    const mean = { perSubject: false, squared: false };
    // (a + c) / 2 is 1.05 0.6 1.65 2.2 2.75 3.3: as c.
    close(rdmSimilarity(model, [a, c], mean).value, rC);
    expect(rdmSimilarity(model, [a, c], mean).bySubject).toHaveLength(1);
  });

  test('bound a model by each against the mean of all; one subject bounds by 1', () => {
    expect(niliUpper([a], false).value).toBe(1);
    close(niliUpper([a, c], false).value, (rC + 1) / 2);
    close(niliUpper([a, c], true).value, (rC ** 2 + 1) / 2);
  });

  test('that do not vary have no correlation', () => {
    const flat = rdm(1, 1, 1, 1, 1, 1);
    const compared = rdmSimilarity(flat, [a], { perSubject: true, squared: false });
    expect(compared.value).toBeNaN();
  });
});

describe('distributions of choices', () => {
  const people = (counts: number[][]) => ({
    stimulusIds: counts.map((_, i) => i),
    labels: counts[0].map((_, i) => `l${i}`),
    counts: matrix(counts.length, counts[0].length, Float64Array.from(counts.flat())),
  });
  const probabilities = (values: number[][]) =>
    matrix(values.length, values[0].length, Float64Array.from(values.flat()));

  test('agree by 1 where they are equal and 0 where they share no class', () => {
    const one = people([
      [30, 20, 0],
      [0, 0, 50],
    ]);
    const { value, byStimulus } = choiceAgreement(
      probabilities([
        [0.6, 0.4, 0],
        [0.5, 0.5, 0],
      ]),
      one,
    );
    close(byStimulus[0], 1);
    close(byStimulus[1], 0);
    close(value, 0.5);
  });

  test('agree as the Jensen-Shannon divergence says', () => {
    // p = (1, 0), q = (1/2, 1/2): m = (3/4, 1/4); (log2(4/3) + (log2(2/3) + log2(2)) / 2) / 2.
    const wanted = 1 - (Math.log2(4 / 3) + (Math.log2(2 / 3) + 1) / 2) / 2;
    close(choiceAgreement(probabilities([[0.5, 0.5]]), people([[9, 0]])).value, wanted);
    // Logits over more classes than the labels: rows are scaled.
    close(choiceAgreement(probabilities([[0.1, 0.1]]), people([[9, 0]])).value, wanted);
  });

  test('have halves of people as ceiling: the same for a seed, 1 where all agree', () => {
    expect(
      choiceCeiling(
        people([
          [7, 0],
          [0, 4],
        ]),
        3,
        new RandomState(0),
      ).value,
    ).toBe(1);
    const split = people([
      [6, 4],
      [2, 9],
    ]);
    const ceiling = choiceCeiling(split, 5, new RandomState(0));
    expect(ceiling.splits).toHaveLength(5);
    expect(ceiling.value).toBeGreaterThan(0.5);
    expect(ceiling.value).toBeLessThan(1);
    expect(choiceCeiling(split, 5, new RandomState(0)).splits).toEqual(ceiling.splits);
    expect(choiceCeiling(split, 5, new RandomState(1)).splits).not.toEqual(ceiling.splits);
  });

  test('of one person have no ceiling', () => {
    expect(() => choiceCeiling(people([[1, 0]]), 2, new RandomState(0))).toThrow(
      expect.objectContaining({ code: 'trials-invalid' }),
    );
  });
});
