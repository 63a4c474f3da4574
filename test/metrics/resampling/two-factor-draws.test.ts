import { describe, expect, test } from 'vitest';
import { pickRows } from '../../../src/metrics/cross-regressed-correlation.js';
import {
  meanConsistency,
  meanConsistencyDraws,
} from '../../../src/metrics/resampling/consistency-draws.js';
import { meanOfDraws, medianDraws } from '../../../src/metrics/resampling/correlation-draws.js';
import {
  differenceOfDraws,
  type TwoFactorDraws,
  varianceOfDraws,
} from '../../../src/metrics/resampling/two-factor-draws.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { percentile } from '../../../src/numerics/statistics/statistics.js';
import { twoFactorVariance } from '../../../src/numerics/statistics/two-factor-variance.js';
import { numbers, type OracleArray, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';
import { givenDraws } from './given-draws.js';

const { statistics: within } = tolerances;

function near(found: number, wanted: number | string, bound: number, what: string) {
  const value = Number(wanted);
  if (!Number.isFinite(value)) expect(found, what).toBe(value);
  else expect(Math.abs(found - value), `${what}: ${found} and ${value}`).toBeLessThanOrEqual(bound);
}

/** Rows of an array of several dimensions, as typed vectors. */
const rowsOf = (array: OracleArray, width = array.shape.at(-1) as number) => {
  const flat = numbers(array);
  return Array.from({ length: flat.length / width }, (_, i) =>
    flat.subarray(i * width, (i + 1) * width),
  );
};

interface Wanted {
  readonly value: number;
  readonly draws?: OracleArray;
  readonly variance: OracleArray;
  readonly two_factor_large: number;
  readonly two_factor_small?: number | string;
}

function check(
  found: { readonly value: number; readonly draws: TwoFactorDraws },
  wanted: Wanted,
  sizes: { readonly first: number; readonly second: number } | undefined,
  what: string,
) {
  near(found.value, wanted.value, within.draws, `${what} value`);
  const { both, first, second } = found.draws;
  if (wanted.draws)
    rowsOf(wanted.draws).forEach((row, r) => {
      [both, first, second].forEach((column, k) => {
        near(column[r], row[k], within.draws, `${what} draw ${r}, ${k}`);
      });
    });
  const variances = varianceOfDraws(found.draws);
  const [b, f, s] = numbers(wanted.variance);
  near(variances.both, b, within.variance, `${what} of both`);
  near(variances.first, f, within.variance, `${what} of the first`);
  near(variances.second, s, within.variance, `${what} of the second`);
  near(twoFactorVariance(variances), wanted.two_factor_large, within.variance, `${what} large`);
  if (wanted.two_factor_small !== undefined)
    near(
      twoFactorVariance(variances, sizes),
      wanted.two_factor_small,
      within.variance,
      `${what} small`,
    );
}

describe('draws of neuroids and stimuli, of the median of r', () => {
  const { cases } = oracle('20-statistics/pearson_median_draws.json');
  test.each([...cases].map((each) => [each.kind, each]))('%s', async (kind, each) => {
    const [rows, cols] = each.observed.shape;
    const observed = { rows, cols, data: numbers(each.observed) };
    const testSets = rowsOf(each.test_sets);
    const neuroids = Array.from({ length: cols }, (_, k) => k);
    const every = Array.from({ length: rows }, (_, i) => i);
    const drawn = {
      first: givenDraws(rowsOf(each.draws_neuroid), cols),
      second: givenDraws(rowsOf(each.draws_stimulus), rows),
    };
    const once = { first: givenDraws([neuroids], cols), second: givenDraws([every], rows) };
    const sizes = { first: cols, second: rows };
    const found: { readonly value: number; readonly draws: TwoFactorDraws }[] = [];
    for (const [m, model] of [...each.models].entries()) {
      const splits = rowsOf(model.predictions, testSets[0].length * cols).map((data, split) => ({
        stimuli: testSets[split],
        neuroids,
        observed: pickRows(observed, Array.from(testSets[split])),
        predicted: { rows: testSets[0].length, cols, data },
      }));
      const over = async (factors: typeof drawn) =>
        meanOfDraws(await Promise.all(splits.map((split) => medianDraws(split, factors))));
      const whole = await over(once);
      near(whole.first[0], whole.second[0], within.draws, `${kind}, model ${m}, once`);
      const one = { value: whole.both[0], draws: await over(drawn) };
      check(one, model, sizes, `${kind}, model ${m}`);
      found.push(one);
    }
    const [a, b] = found;
    const draws = differenceOfDraws(a.draws, b.draws);
    check({ value: a.value - b.value, draws }, each.difference, sizes, `${kind}, difference`);
    rowsOf(each.difference.percentile95).forEach((row, end) => {
      [draws.both, draws.first, draws.second].forEach((column, k) => {
        const finite = column.filter(Number.isFinite);
        near(percentile(finite, [2.5, 97.5][end]), row[k], within.draws, `${kind} percentile`);
      });
    });
  });
});

test('draws that step a part of the way vary as bootstraps of many stimuli, and less where they are few', async () => {
  const random = new RandomState(5);
  const spread = async (rows: number, step: number) => {
    const cols = 30;
    const observed = { rows, cols, data: Float64Array.from(random.standardNormal(rows * cols)) };
    const data = observed.data.map((value) => value + random.standardNormal(1)[0]);
    const range = (n: number) => Array.from({ length: n }, (_, i) => i);
    const positions = (n: number) => range(300).map(() => random.randint(0, n, n));
    const drawn = await medianDraws(
      { stimuli: range(rows), neuroids: range(cols), observed, predicted: { rows, cols, data } },
      { first: givenDraws(positions(cols), cols), second: givenDraws(positions(rows), rows) },
      { step },
    );
    return Math.sqrt(varianceOfDraws(drawn).second);
  };
  // The median of neuroids that are all alike is the roughest of statistics.
  const many = (await spread(400, 0.5)) / (await spread(400, 1));
  expect(Math.abs(many - 1)).toBeLessThan(0.4);
  expect((await spread(6, 0.5)) / (await spread(6, 1))).toBeLessThan(0.8);
});

describe('draws of subjects and images, of error consistency', () => {
  const { cases } = oracle('20-statistics/error_consistency_draws.json');
  test.each([...cases].map((each) => [each.kind, each]))('%s', (kind, each) => {
    const [, conditions] = each.subjects_correct.shape;
    const nested = (array: OracleArray) => {
      const flat = rowsOf(array);
      return Array.from({ length: flat.length / conditions }, (_, i) =>
        flat.slice(i * conditions, (i + 1) * conditions),
      );
    };
    const subjects = nested(each.subjects_correct);
    const lengths = subjects[0].map(({ length }) => length);
    const starts = lengths.map((_, c) => lengths.slice(0, c).reduce((sum, n) => sum + n, 0));
    const images = nested(each.draws_image).map((conditions) =>
      conditions.flatMap((positions, c) => Array.from(positions, (i) => starts[c] + i)),
    );
    const drawn = {
      first: givenDraws(rowsOf(each.draws_subject), subjects.length),
      second: givenDraws(
        images,
        lengths.reduce((sum, n) => sum + n, 0),
      ),
    };
    [...each.models].forEach((model, m) => {
      const answers = { model: nested(each.models_correct)[m], subjects };
      const found = {
        value: meanConsistency(answers),
        draws: meanConsistencyDraws(answers, drawn),
      };
      check(found, model, undefined, `${kind}, model ${m}`);
    });
  });
});
