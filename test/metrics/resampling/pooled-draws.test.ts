import { describe, expect, test } from 'vitest';
import {
  meanOfDraws,
  medianDraws,
  type TestPredictions,
} from '../../../src/metrics/resampling/correlation-draws.js';
import { pooledMedianDraws } from '../../../src/metrics/resampling/pooled-draws.js';
import { drawsWithin, varianceOfDraws } from '../../../src/metrics/resampling/two-factor-draws.js';
import { matrix } from '../../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { pearson } from '../../../src/numerics/statistics/pearson.js';
import { mean, nanMedian } from '../../../src/numerics/statistics/statistics.js';
import { interpolatedMedianOf } from './interpolated-median.js';

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Responses of neuroids to images, and a prediction that is right by half. */
function recorded(images: number, neuroids: number, random: RandomState) {
  const size = images * neuroids;
  const y = Float64Array.from(random.standardNormal(size));
  const noise = random.standardNormal(size);
  return { neuroids, y, p: y.map((value, i) => value + noise[i]) };
}

const splitOf = (
  { neuroids, y, p }: ReturnType<typeof recorded>,
  stimuli: readonly number[],
): TestPredictions => {
  const pick = (from: Float64Array) =>
    matrix(
      stimuli.length,
      neuroids,
      Float64Array.from(stimuli.flatMap((i) => range(neuroids).map((k) => from[i * neuroids + k]))),
    );
  return { stimuli, neuroids: range(neuroids), observed: pick(y), predicted: pick(p) };
};

test('a median between values that have copies moves with their number', () => {
  const median = (...values: number[]) => interpolatedMedianOf(Float64Array.from(values));
  expect(median(3, 1, 2)).toBe(2);
  expect(median(4, 1, 2, 3)).toBe(2.5);
  expect(median(5, 5, 5)).toBe(5);
  // Twice 1, at 1, and once 2, at 2.5: a half of 3 is a third of the way.
  expect(median(2, 1, 1)).toBeCloseTo(4 / 3, 12);
  expect(median(1, 2, 2)).toBeCloseTo(5 / 3, 12);
  expect(median()).toBeNaN();
});

const draws = (units: number, count: number, seed: number) =>
  drawsWithin([range(units)], count, () => new RandomState(seed));
const places = (groups: readonly (readonly number[])[]) => ({
  groups,
  random: () => new RandomState(3),
});

describe('images that take each other’s places in test sets', () => {
  test('are a bootstrap where one split tests all', async () => {
    const split = splitOf(recorded(20, 7, new RandomState(1)), range(20));
    const factors = { first: draws(7, 50, 1), second: draws(20, 50, 2) };
    const [found] = await pooledMedianDraws([split], factors, places([range(20)]));
    const wanted = await medianDraws(split, factors);
    found.second.forEach((value, r) => {
      expect(value, `draw ${r}`).toBeCloseTo(wanted.second[r], 10);
    });
    // Of neuroids the median is interpolated: it is within what the plain one is, mostly.
    const [own, plain] = [found, wanted].map((each) => varianceOfDraws(each).first);
    expect(own / plain).toBeGreaterThan(0.5);
    expect(own / plain).toBeLessThan(1);
  });

  test('hold the interaction of both where each neuroid has images of its own', async () => {
    const made = recorded(60, 40, new RandomState(1));
    const factors = { first: draws(40, 1000, 1), second: draws(60, 1000, 2) };
    const [found] = await pooledMedianDraws(
      [splitOf(made, range(60))],
      factors,
      places([range(60)]),
    );
    const { both, first, second } = varianceOfDraws(found);
    // The noise of each neuroid is its own here: images change nothing else.
    const interaction = both - first - second;
    expect(interaction / second).toBeGreaterThan(0.7);
    expect(interaction / second).toBeLessThan(1.3);
    // Where all neuroids are one, images change all alike.
    const same = { ...made };
    for (const of of ['y', 'p'] as const)
      same[of] = made[of].map((_, i) => made[of][40 * Math.floor(i / 40)]);
    const [alike] = await pooledMedianDraws(
      [splitOf(same, range(60))],
      factors,
      places([range(60)]),
    );
    const shared = varianceOfDraws(alike);
    expect(shared.first).toBeLessThan(1e-20);
    expect((shared.both - shared.second) / shared.second).toBeLessThan(0.3);
  });

  test('are of their own class', async () => {
    const made = recorded(12, 3, new RandomState(1));
    const splits = [range(6), range(6).map((i) => i + 6)].map((some) => splitOf(made, some));
    const alone = range(12).map((i) => [i]);
    const factors = {
      first: draws(3, 20, 1),
      second: drawsWithin(alone, 20, () => new RandomState(2)),
    };
    const drawn = await pooledMedianDraws(splits, factors, places(alone));
    for (const { second } of drawn) expect(new Set(second).size).toBe(1);
    const free = await pooledMedianDraws(splits, factors, places([range(12)]));
    for (const { second } of free) expect(new Set(second).size).toBeGreaterThan(10);
  });

  test('leave out what no split tests and what was not recorded', async () => {
    const made = recorded(12, 3, new RandomState(1));
    made.y[4 * 3] = Number.NaN;
    const splits = [range(5), [2, 3, 4, 5]].map((some) => splitOf(made, some));
    const factors = { first: draws(3, 20, 1), second: draws(12, 20, 2) };
    const drawn = await pooledMedianDraws(splits, factors, places([range(12)]));
    for (const each of drawn)
      for (const values of Object.values(each)) expect(values.every(Number.isFinite)).toBe(true);
  });

  test('vary as new images do, in test sets of six', async () => {
    const random = new RandomState(11);
    const [images, neuroids] = [60, 16];
    const testSets = range(10).map(() => [...random.permutation(images)].slice(0, 6));
    const factors = { first: draws(neuroids, 200, 1), second: draws(images, 200, 2) };
    const values: number[] = [];
    const variances: number[] = [];
    const whole: number[] = [];
    for (let e = 0; e < 150; e++) {
      const made = recorded(images, neuroids, random);
      const splits = testSets.map((some) => splitOf(made, some));
      values.push(mean(splits.map(medianOf)));
      if (e >= 8) continue;
      const drawn = await pooledMedianDraws(splits, factors, places([range(images)]));
      variances.push(varianceOfDraws(meanOfDraws(drawn)).second);
      const counted = await Promise.all(splits.map((split) => medianDraws(split, factors)));
      whole.push(varianceOfDraws(meanOfDraws(counted)).second);
    }
    const centre = mean(values);
    const truth = mean(values.map((value) => (value - centre) ** 2));
    expect(mean(variances) / truth).toBeGreaterThan(0.7);
    expect(mean(variances) / truth).toBeLessThan(1.4);
    // A bootstrap within the test sets is far off.
    expect(mean(whole) / truth).toBeGreaterThan(1.8);
  });
});

const medianOf = ({ observed, predicted }: TestPredictions) =>
  nanMedian(
    range(observed.cols).map((c) =>
      pearson(
        ...([observed, predicted].map(({ rows, cols, data }) =>
          range(rows).map((i) => data[i * cols + c]),
        ) as [number[], number[]]),
      ),
    ),
  );
