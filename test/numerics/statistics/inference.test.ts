import { describe, expect, test } from 'vitest';
import {
  binomialInterval,
  wilsonInterval,
} from '../../../src/numerics/statistics/binomial-interval.js';
import {
  bootstrapError,
  bootstrapIndices,
} from '../../../src/numerics/statistics/bootstrap-error.js';
import { correlationTest } from '../../../src/numerics/statistics/correlation-test.js';
import { maxT } from '../../../src/numerics/statistics/max-t.js';
import { mcNemar } from '../../../src/numerics/statistics/mcnemar.js';
import {
  leaderGroups,
  maximalGroups,
  rankIntervals,
} from '../../../src/numerics/statistics/rank-groups.js';
import { mean, nanMean, nanMedian } from '../../../src/numerics/statistics/statistics.js';
import {
  contrastVariance,
  sampleVariance,
  twoFactorVariance,
} from '../../../src/numerics/statistics/two-factor-variance.js';
import { pairedReliability } from '../../../src/scoring/draws/instrument.js';
import { numbers, type OracleArray, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';
import { drawnAboveZero, drawnTest, signedRankTest, tTest, tTestAboveZero } from './model-tests.js';

const { statistics: within } = tolerances;

function near(found: number, wanted: number | string, bound: number, what: string) {
  const value = Number(wanted);
  if (!Number.isFinite(value)) expect(found, what).toBe(value);
  else expect(Math.abs(found - value), `${what}: ${found} and ${value}`).toBeLessThanOrEqual(bound);
}

const nearAll = (found: ArrayLike<number>, wanted: OracleArray, bound: number, what: string) => {
  const values = numbers(wanted);
  expect(found.length, what).toBe(values.length);
  values.forEach((value, i) => {
    near(found[i], value, bound * Math.max(1, Math.abs(value)), `${what} ${i}`);
  });
};

const pairsOf = (wanted: OracleArray) => {
  const flat = [...numbers(wanted)];
  return flat.flatMap((i, k) => (k % 2 === 0 ? [[i, flat[k + 1]]] : []));
};

describe('the variance over samples of two factors', () => {
  const { cases } = oracle('20-statistics/two_factor_variance.json');
  const matrices = [...cases].filter(({ kind }) => kind !== 'scalar');

  test('is combined of three, within its bounds', () => {
    for (const { kind, v, n_rdm: first, n_pattern: second, expected } of cases) {
      if (kind !== 'scalar') continue;
      const [both, rdm, pattern] = numbers(v);
      const sizes = first === null || second === null ? undefined : { first, second };
      const found = twoFactorVariance({ both, first: rdm, second: pattern }, sizes);
      near(found, expected, within.variance, `${[both, rdm, pattern, first, second]}`);
    }
  });

  test.each(matrices.map((each, i) => [`${each.kind} ${i}`, each]))(
    'of models, differences and ceilings: %s',
    (name, { variances, n_rdm: first, n_pattern: second, ...forms }) => {
      const size = variances.shape[1];
      const flat = numbers(variances);
      const [both, rdm, pattern] = [0, 1, 2].map((k) => flat.subarray(k * size ** 2));
      const check = (
        wanted: Record<string, OracleArray>,
        models: number,
        of: (contrast: (covariance: Float64Array) => number) => number,
      ) => {
        const all = Array.from({ length: models }, (_, i) => i);
        nearAll(
          all.map((i) => of((covariance) => covariance[i * size + i])),
          wanted.model_var,
          within.variance,
          `${name} models`,
        );
        const apart = (i: number, j: number) =>
          of((covariance) => contrastVariance(covariance, size, i, j));
        nearAll(
          all.flatMap((i) => all.slice(i + 1).map((j) => apart(i, j))),
          wanted.diff_var,
          within.variance,
          `${name} differences`,
        );
        if (models < size)
          nearAll(
            all.flatMap((i) => [apart(i, size - 2), apart(i, size - 1)]),
            wanted.noise_ceil_var,
            within.variance,
            `${name} ceilings`,
          );
      };
      const two =
        (sizes?: { first: number; second: number }) => (of: (c: Float64Array) => number) =>
          twoFactorVariance({ both: of(both), first: of(rdm), second: of(pattern) }, sizes);
      const sizes = { first, second };
      check(forms.nc_large, size - 2, two());
      check(forms.nc_only_n_rdm_given, size - 2, two());
      check(forms.nc_small, size - 2, two(sizes));
      check(forms.fixed_nc_large, size, two());
      check(forms.fixed_nc_small, size, two(sizes));
      check(forms.two_d_none, size - 2, (of) => of(both));
      check(forms.two_d_rdm, size - 2, (of) => sampleVariance(of(both), first));
      check(forms.two_d_pattern, size - 2, (of) => sampleVariance(of(both), second));
      check(forms.two_d_both, size - 2, (of) => sampleVariance(of(both), Math.min(first, second)));
      // Variances alone: nothing is shared between models.
      const alone = both.map((value, at) => (at % (size + 1) === 0 ? value : 0));
      check(forms.one_d, size - 2, (of) => of(alone));
    },
  );

  test('is at least the larger one-factor variance, or the mean of the two, and at most that of both', () => {
    const sizes = { first: 5, second: 3 };
    // a = 1.25, b = 1.5: x = 5, y = 3; combined 8 − 1.875 · (both − 6) = 0.5 and 4.25.
    const found = (both: number, floor: 'larger' | 'mean') =>
      twoFactorVariance({ both, first: 4, second: 2 }, { ...sizes, floor });
    expect([found(10, 'larger'), found(10, 'mean')]).toEqual([5, 4]);
    expect([found(8, 'larger'), found(8, 'mean')]).toEqual([5, 4.25]);
    expect([found(6.2, 'larger'), found(6.2, 'mean')]).toEqual([6.2, 6.2]);
    expect(twoFactorVariance({ both: 10, first: 4, second: 2 }, sizes)).toBe(5);
  });

  test('is unknown where a factor has one unit', () => {
    const found = twoFactorVariance({ both: 3, first: 1, second: 0 }, { first: 4, second: 1 });
    expect(found).toBeNaN();
  });
});

describe('models that differ, all pairs together', () => {
  const { cases } = oracle('20-statistics/max_t.json');

  test.each([...cases].map((each) => [each.kind, each]))('%s', (_, wanted) => {
    const values = numbers(wanted.values);
    const scale = wanted.scale ?? undefined;
    const found = maxT({ values, draws: numbers(wanted.draws), ...(scale ? { scale } : {}) });
    if (wanted.pairs) {
      const { pairs } = found;
      expect(pairs.map(({ models }) => models)).toEqual(pairsOf(wanted.pairs));
      const column = (of: (pair: (typeof pairs)[number]) => number) => pairs.map(of);
      nearAll(
        column(({ difference }) => difference),
        wanted.difference,
        within.draws,
        'difference',
      );
      nearAll(
        column(({ se }) => se),
        wanted.se,
        within.draws,
        'se',
      );
      nearAll(
        column(({ half }) => half),
        wanted.half,
        within.draws,
        'half',
      );
      nearAll(
        column(({ unadjusted }) => unadjusted),
        wanted.p_unadjusted,
        within.share,
        'unadjusted p',
      );
      nearAll(
        column(({ singleStep }) => singleStep),
        wanted.p_single_step,
        within.share,
        'single-step p',
      );
      nearAll(
        column(({ stepDown }) => stepDown),
        wanted.p_step_down,
        within.share,
        'step-down p',
      );
      near(found.quantile, wanted.q, within.draws, 'q');
      expect(found.steps).toHaveLength(wanted.q_steps.length);
      found.steps.forEach((q, i) => {
        near(q, wanted.q_steps[i], within.draws, `q of step ${i}`);
      });
    }
    const order = [...values.keys()].sort((a, b) => values[b] - values[a] || a - b);
    for (const [name, separated] of [
      ['single_step', found.singleStep],
      ['step_down', found.stepDown],
    ] as const) {
      const groups = wanted[name];
      if (!groups) continue;
      if (groups.separated) expect(separated).toEqual(pairsOf(groups.separated));
      const { low, high } = rankIntervals(values, separated);
      expect([low, high]).toEqual([[...numbers(groups.rank_low)], [...numbers(groups.rank_high)]]);
      expect(maximalGroups(values.length, separated)).toEqual(groups.maximal_groups);
      expect(leaderGroups(order, separated)).toEqual(groups.leader_anchored);
    }
  });
});

test('items that one model alone has right, and counted shares', () => {
  const { cases } = oracle('20-statistics/binomial.json');
  for (const each of cases) {
    const what = JSON.stringify(each);
    if (each.kind === 'share') {
      const { k, n, clopper_pearson: exact, wilson } = each;
      for (const end of [0, 1]) {
        near(binomialInterval(k, n)[end], exact[end], within.draws, what);
        near(wilsonInterval(k, n)[end], wilson[end], within.draws, what);
      }
      continue;
    }
    const found = mcNemar(each.b, each.c);
    near(found.exact, each.p_exact, within.draws, what);
    near(found.mid, each.p_mid, within.draws, what);
    near(found.chiSquare, each.p_chi2, within.draws, what);
    near(found.corrected, each.p_chi2_corrected, within.draws, what);
    const share = binomialInterval(each.b, each.b + each.c);
    for (const end of [0, 1])
      near(share[end], each.share_ci95_clopper_pearson[end], within.draws, what);
  }
});

test('correlations with their interval', () => {
  const { cases } = oracle('20-statistics/correlations.json');
  for (const { kind, x, y, n_used: count, pearson, spearman, kendall_b: tau } of cases) {
    const found = correlationTest(numbers(x), numbers(y));
    expect(found.count, kind).toBe(count);
    near(found.r, pearson.r, within.draws, `${kind} r`);
    near(found.p, pearson.p, within.draws, `${kind} p`);
    for (const end of [0, 1])
      near(found.interval[end], pearson.fisher_ci95[end], within.draws, `${kind} interval`);
    near(found.rho, spearman.r, within.draws, `${kind} rho`);
    near(found.tau, tau.r, within.draws, `${kind} tau`);
  }
});

test('the interval of a rank correlation is wider than that of r of the same size', () => {
  // ρ = 0.8 of five: atanh ± 1.96 √((1 + 0.32)/2).
  const { rho, rhoInterval } = correlationTest([1, 2, 3, 4, 5], [1, 3, 2, 5, 4]);
  expect(rho).toBeCloseTo(0.8, 12);
  expect(rhoInterval[0]).toBeCloseTo(Math.tanh(Math.atanh(0.8) - 1.959964 * Math.sqrt(0.66)), 6);
  expect(rhoInterval[1]).toBeCloseTo(0.991, 3);
  expect(correlationTest([1, 2, 3], [1, 3, 2]).rhoInterval).toEqual([-1, 1]);
  expect(correlationTest([1], [2]).rhoInterval).toEqual([Number.NaN, Number.NaN]);
});

test('how well a benchmark tells models apart', () => {
  const { cases } = oracle('20-statistics/reliability.json');
  for (const { scores, errors, ddof0, ddof1 } of cases) {
    const known = [...numbers(scores).keys()].filter((i) =>
      [numbers(scores)[i], numbers(errors)[i]].every(Number.isFinite),
    );
    const [values, own] = [scores, errors].map((of) => known.map((i) => numbers(of)[i]));
    // Errors that models do not share: of a difference both count.
    const variances = Float64Array.from(
      known.flatMap((_, i) => known.map((_, j) => own[i] ** 2 + own[j] ** 2)),
    );
    const found = pairedReliability(values, variances);
    near(found, ddof1, within.draws, 'ddof 1');
    const n = known.length;
    near(1 - ((1 - found) * n) / (n - 1), ddof0, within.draws, 'ddof 0');
  }
});

test('the bootstrapped error of the reference, and the positions that it draws', () => {
  const { cases } = oracle('20-statistics/bootstrap_error.json');
  for (const { kind, dims, values, over, aggregate, n_bootstrap, seed, ...wanted } of cases) {
    const sampled = { dims: [...dims], shape: [...values.shape], values: numbers(values) };
    const width = sampled.shape[1];
    const medians = (resampled: Float64Array) =>
      mean(
        Array.from({ length: resampled.length / width }, (_, split) =>
          nanMedian(resampled.subarray(split * width, (split + 1) * width)),
        ),
      );
    const how = {
      over: [...over],
      draws: n_bootstrap,
      seed,
      aggregate: aggregate === 'median' ? medians : nanMean,
    };
    if (wanted.error) {
      expect(() => bootstrapError(sampled, how)).toThrow(/no dimension animal/);
      continue;
    }
    near(bootstrapError(sampled, how), wanted.error_value, within.draws, kind);
    const drawn = bootstrapIndices(sampled, how);
    for (const dim of how.over) {
      const flat = drawn.flatMap((each) => each.get(dim) ?? []);
      expect(flat, `${kind} ${dim}`).toEqual([...numbers(wanted.draws[dim])]);
    }
  }
});

describe('tests of models as rsatoolbox has them', () => {
  const { cases } = oracle('20-statistics/model_tests.json');

  test.each([...cases].map((each) => [each.kind, each]))('%s', (kind, wanted) => {
    const { evaluations, dof, ceiling } = wanted;
    const [draws, models, subjects] = evaluations.shape;
    const flat = numbers(evaluations);
    const all = Array.from({ length: models }, (_, i) => i);
    const table = (of: (i: number, j: number) => number) =>
      all.flatMap((i) => all.map((j) => (i === j ? 1 : of(i, j))));
    if (subjects) {
      const of = (i: number) => flat.subarray(i * subjects, (i + 1) * subjects);
      const less = (i: number, j: number) => of(i).map((value, s) => value - of(j)[s]);
      nearAll(
        table((i, j) => signedRankTest(less(i, j))),
        wanted.p_ranksum,
        within.draws,
        kind,
      );
      nearAll(
        all.map((i) => signedRankTest(of(i))),
        wanted.p_ranksum_zero,
        within.draws,
        kind,
      );
      return;
    }
    const column = (i: number) =>
      Float64Array.from({ length: draws }, (_, r) => flat[r * models + i]);
    const means = all.map((i) => nanMean(column(i)));
    const [diff, own] = [numbers(wanted.diff_var), numbers(wanted.model_var)];
    const pairs = all.flatMap((i) => all.slice(i + 1).map((j) => `${i},${j}`));
    const variance = (i: number, j: number) =>
      diff[pairs.indexOf(`${Math.min(i, j)},${Math.max(i, j)}`)];
    nearAll(
      table((i, j) => tTest(means[i] - means[j], variance(i, j), dof)),
      wanted.p_t,
      within.test,
      `${kind} t`,
    );
    nearAll(
      // A draw without a value counts against the first of a pair, as the original counts it.
      table((i, j) => drawnTest(column(Math.min(i, j)), column(Math.max(i, j)))),
      wanted.p_bootstrap,
      within.share,
      `${kind} draws`,
    );
    nearAll(
      all.map((i) => tTestAboveZero(means[i], own[i], dof)),
      wanted.p_zero_t,
      within.test,
      `${kind} zero t`,
    );
    nearAll(
      all.map((i) => tTest(means[i] - ceiling, own[i], dof)),
      wanted.p_ceiling_t,
      within.test,
      `${kind} ceiling t`,
    );
    nearAll(
      all.map((i) => drawnAboveZero(column(i))),
      wanted.p_zero_bootstrap,
      within.share,
      `${kind} zero draws`,
    );
  });
});
