import { describe, expect, test } from 'vitest';
import {
  beforeTheFall,
  expectedRate,
  explained,
  fitCurve,
  measuredThreshold,
  ratesOf,
  thresholdOf,
  unlikelihood,
} from '../../../src/metrics/behaviour/psychometric-curve.js';
import { thresholdCeiling, thresholdScore } from '../../../src/metrics/behaviour/threshold.js';
import { numbers, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';
import { expectClose } from '../close.js';

const golden = oracle('17-behaviour/malania2007.json');

describe('psychometric curves of Malania2007', () => {
  /** The optimum of `few points` and `one value` is not unique (oracle README). */
  const informational = ['few points', 'one value'];

  test.each([...golden.fits.keys()])('case %i', (at) => {
    const wanted = golden.fits[at];
    const x = [...numbers(wanted.x)];
    const correct = Array.from(numbers(wanted.correct), Boolean);
    const all = ratesOf(x, correct);
    expect(all.x).toEqual([...numbers(wanted.unique_x)]);
    expectClose(all.rate, numbers(wanted.rate), tolerances.kinds.float64);
    const rates = beforeTheFall(all);
    expect(rates.x).toHaveLength(wanted.kept);
    expect(rates.x.length >= all.x.length / 3).toBe(wanted.at_least_third);
    const found = measuredThreshold(x, correct);
    expect('why' in found).toBe(wanted.threshold_75 === 'fit_fail');
    if (wanted.grid_search === null) return;
    const curve = fitCurve(rates);
    // No optimum of the original's is likelier.
    const { neg_log_likelihood, r2 } = wanted.grid_search;
    expect(unlikelihood(curve, rates)).toBeLessThan(
      neg_log_likelihood + tolerances.kinds.threshold,
    );
    if (informational.includes(wanted.name) || 'why' in found) return;
    const [slope, centre, lapse] = numbers(wanted.grid_search.alpha_beta_lambda);
    expectClose(
      [curve.slope, curve.centre, curve.lapse],
      [slope, centre, lapse],
      tolerances.kinds.threshold,
    );
    expectClose([explained(curve, rates)], [r2], tolerances.kinds.threshold);
    expectClose([found.value], [wanted.threshold_75], tolerances.kinds.threshold);
    const [low, high] = [rates.x[0], rates.x[rates.x.length - 1]].map((size) =>
      expectedRate(curve, size),
    );
    const middle = (low + high) / 2;
    expectClose([middle], [wanted.inflection_accuracy], tolerances.kinds.threshold);
    const at50 = thresholdOf(curve, middle);
    expectClose([at50], [wanted.threshold_inflection], tolerances.kinds.threshold);
  });
});

describe('thresholds of a model and of people', () => {
  const { human } = golden;
  const [baseline, condition] = [human.after_filter.baseline, human.after_filter.condition].map(
    numbers,
  );
  const elevations = Array.from(condition, (value, i) => value / baseline[i]);

  test('elevations', () => {
    expectClose(elevations, numbers(human.elevations), tolerances.kinds.float64);
    const all = numbers(human.condition);
    const kept = human.subjects.filter((_: string, i: number) => !Number.isNaN(all[i]));
    expect(kept).toEqual(human.after_filter.subjects);
    const bases = numbers(human.baseline).filter((_, i) => !Number.isNaN(all[i]));
    expect([...bases]).toEqual([...baseline]);
  });

  test('scores', () => {
    for (const { source, score, error, raw } of human.elevation_scores) {
      const found = thresholdScore(source, elevations);
      expect(found.value).toBeCloseTo(score, 12);
      expect(found.error).toBeCloseTo(error, 12);
      expectClose(found.splits, numbers(raw), tolerances.kinds.float64);
    }
    for (const { source, score } of human.threshold_scores)
      expect(thresholdScore(source, [...baseline]).value).toBeCloseTo(score, 12);
    expect(thresholdScore(undefined, elevations)).toMatchObject({ value: 0, error: 0 });
  });

  test('ceilings', () => {
    const own = thresholdCeiling(elevations);
    expect(own.value).toBeCloseTo(human.elevation_ceiling.score, 12);
    expect(own.error).toBeCloseTo(human.elevation_ceiling.error, 12);
    expectClose(own.splits, numbers(human.elevation_ceiling.raw), tolerances.kinds.float64);
    const alone = thresholdCeiling([...baseline]);
    expect(alone.value).toBeCloseTo(human.threshold_ceiling.score, 12);
    expect(alone.error).toBeCloseTo(human.threshold_ceiling.error, 12);
    expect(own.resample([0, 1, 2, 3, 4])).toBe(own.value);
  });
});

test('the registered benchmarks, which take the label for the size, give chance 0 and nothing else that is meant', () => {
  const [chance, ...others] = golden.registered_benchmark_informational;
  expect(chance).toMatchObject({ decodable: false, score: 0 });
  const answers = Array.from({ length: 100 }, (_, i) => i % 2 === 0);
  const found = measuredThreshold(
    answers.map((_, i) => i),
    answers,
  );
  expect(found).toEqual({ why: '50 % of the answers are right, 60 % expected' });
  // Labels of text fail in the original, and those of −1 and 1 fit a curve to two sizes.
  expect(others.map(({ labels }: { labels: unknown }) => labels)).toEqual([
    ['left', 'right'],
    [-1, 1],
  ]);
});
