import { describe, expect, test } from 'vitest';
import { mean, nanMean } from '../../../src/numerics/statistics/statistics.js';
import { tQuantile } from '../../../src/numerics/statistics/student-t.js';
import {
  contrastVariance,
  sampleVariance,
  twoFactorVariance,
} from '../../../src/numerics/statistics/two-factor-variance.js';
import {
  drawnTest,
  signedRankTest,
  tTest,
  tTestAboveZero,
} from '../../numerics/statistics/model-tests.js';
import { numbers, type OracleArray, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';
import { covarianceOfDraws, evaluateDraw, noiseCeiling, type RdmDraw } from './rdm-evaluation.js';

const { statistics: within } = tolerances;

function near(found: number, wanted: number, bound: number, what: string) {
  if (!Number.isFinite(wanted)) expect(found, what).toBe(wanted);
  else
    expect(Math.abs(found - wanted), `${what}: ${found} and ${wanted}`).toBeLessThanOrEqual(bound);
}

const nearAll = (found: ArrayLike<number>, wanted: OracleArray, bound: number, what: string) => {
  const values = numbers(wanted);
  expect(found.length, what).toBe(values.length);
  values.forEach((value, i) => {
    near(found[i], value, bound, `${what} ${i}`);
  });
};

const rowsOf = (array: OracleArray) => {
  const width = array.shape.at(-1) as number;
  const flat = numbers(array);
  return Array.from({ length: flat.length / width }, (_, i) =>
    flat.slice(i * width, (i + 1) * width),
  );
};

type Pick = (covariance: Float64Array) => number;

describe('noise ceilings of RDMs', () => {
  const { cases } = oracle('20-statistics/noise_ceilings.json');
  const known = [...cases].filter(({ method }) => method !== 'euclid');

  test.each(known.map((each) => [`${each.method}, ${each.kind}`, each]))('%s', (what, each) => {
    const { method, data, groups, lower, upper, error } = each;
    const found = noiseCeiling(rowsOf(data), [...groups], method);
    // A constant RDM cannot be correlated: the original stops, here the ceiling is unknown.
    if (error) return expect([found.lower, found.upper]).toEqual([Number.NaN, Number.NaN]);
    near(found.lower, Number(lower), within.draws, `${what} lower`);
    near(found.upper, Number(upper), within.draws, `${what} upper`);
  });

  test('a Euclidean distance is no similarity, there as here', () => {
    for (const { method, error } of cases) expect(method === 'euclid' && !error).toBe(false);
  });
});

describe('models on the RDMs of subjects, draw by draw', () => {
  const { cases } = oracle('20-statistics/rsatoolbox_evaluations.json');

  test.each([...cases].map((each, i) => [`${i}: ${each.kind}, ${each.method}`, each]))(
    '%s',
    (what, wanted) => {
      const { kind, method, n_rdm: first, n_cond: stimuli } = wanted;
      const set = { subjects: rowsOf(wanted.data), models: rowsOf(wanted.models), stimuli, method };
      if (wanted.error) {
        expect(() => evaluateDraw(set, {})).toThrow(/pair 3 is missing in one of two RDMs/);
        return;
      }
      const models = set.models.length;
      const all = Array.from({ length: models }, (_, m) => m);
      const second = stimuli;
      const least = Math.min(first, second);
      const rdms = wanted.draws_rdm && rowsOf(wanted.draws_rdm);
      const patterns = wanted.draws_pattern && rowsOf(wanted.draws_pattern);
      const draws: number = (rdms ?? patterns ?? [0]).length;
      const drawn = (which: 'both' | 'first' | 'second') =>
        Array.from({ length: draws }, (_, r) =>
          evaluateDraw(set, {
            subjects: which === 'second' ? undefined : rdms?.[r],
            stimuli: which === 'first' ? undefined : patterns?.[r],
          }),
        );

      const evaluate = () => {
        if (kind === 'fixed') return fixedOf();
        if (kind !== 'dual_bootstrap') return singleOf(drawn('both'));
        // A draw of too few stimuli counts for none of the three.
        const [both, subjects, shown] = [drawn('both'), drawn('first'), drawn('second')];
        return dualOf([
          both,
          subjects.map((each, r) => (Number.isNaN(both[r].lower) ? both[r] : each)),
          shown,
        ]);
      };
      const fixedOf = () => {
        const each = set.subjects.map((rdm) => evaluateDraw({ ...set, subjects: [rdm] }, {}));
        const by = all.map((m) => Float64Array.from(each, (one) => one.models[m]));
        const variances = all.flatMap((i) =>
          all.map((j) => {
            const [a, b] = [mean(by[i]), mean(by[j])];
            const sum = by[i].reduce((s, value, k) => s + (value - a) * (by[j][k] - b), 0);
            return sum / first ** 2;
          }),
        );
        nearAll(
          by.flatMap((row) => [...row]),
          wanted.evaluations,
          within.draws,
          `${what} draws`,
        );
        const { lower, upper } = evaluateDraw(set, {});
        nearAll([lower, upper], wanted.noise_ceiling, within.draws, `${what} ceiling`);
        const ranked = all.flatMap((i) =>
          all.map((j) => (i === j ? 1 : signedRankTest(by[i].map((v, k) => v - by[j][k])))),
        );
        nearAll(ranked, wanted.p_pair_ranksum, within.draws, `${what} signed ranks`);
        return {
          means: by.map(mean),
          lower,
          variances,
          of: sampled(first, variances),
          degrees: first - 1,
        };
      };
      const singleOf = (own: readonly RdmDraw[]) => {
        const flat = own.flatMap((draw) => [...draw.models]);
        nearAll(flat, wanted.evaluations, within.draws, `${what} draws`);
        const ceilings = [...own.map(({ lower }) => lower), ...own.map(({ upper }) => upper)];
        nearAll(ceilings, wanted.noise_ceiling, within.draws, `${what} ceilings`);
        const n = kind === 'bootstrap' ? least : kind === 'bootstrap_rdm' ? first : second;
        const variances = covariance(own);
        return {
          means: all.map((m) => nanMean(own.map((draw) => draw.models[m]))),
          lower: nanMean(own.map((draw) => draw.lower)),
          variances,
          of: sampled(n, variances),
          degrees: n - 1,
        };
      };
      /** Draws of subjects alone have no error of the ceiling there. */
      const covariance = (own: readonly RdmDraw[]) => {
        const whole = covarianceOfDraws(own);
        if (kind !== 'bootstrap_rdm') return whole;
        return whole.filter(
          (_, at) => Math.floor(at / (models + 2)) < models && at % (models + 2) < models,
        );
      };
      const dualOf = (three: readonly (readonly RdmDraw[])[]) => {
        const usable = three[0].filter((draw) => Number.isFinite(draw.lower)).length;
        expect(usable).toBe(wanted.usable_draws);
        const flat = three[0].flatMap((_, r) =>
          all.flatMap((m) => three.map((own) => own[r].models[m])),
        );
        nearAll(flat, wanted.evaluations, within.draws, `${what} draws`);
        const ceilings = (['lower', 'upper'] as const).flatMap((end) =>
          three[0].flatMap((_, r) => three.map((own) => own[r][end])),
        );
        nearAll(ceilings, wanted.noise_ceiling, within.draws, `${what} ceilings`);
        const good = three.map((own) =>
          own.filter((_, r) => three.every((other) => Number.isFinite(other[r].lower))),
        );
        const covariances = good.map(covarianceOfDraws);
        const two = (sizes?: { first: number; second: number }) => (pick: Pick) =>
          twoFactorVariance(
            {
              both: pick(covariances[0]),
              first: pick(covariances[1]),
              second: pick(covariances[2]),
            },
            sizes,
          );
        check(covariances[0].length, two(), wanted.large_sample, `${what} large`);
        check(covariances[0].length, two({ first, second }), wanted.small_sample, `${what} small`);
        const pairs = all.flatMap((i) =>
          all.map((j) =>
            i === j
              ? 1
              : drawnTest(
                  ...([i, j].map((m) => good[0].map((d) => d.models[m])) as [number[], number[]]),
                ),
          ),
        );
        nearAll(pairs, wanted.p_pair_bootstrap_both, within.share, `${what} p of draws`);
        return {
          means: all.map((m) => nanMean(three.flatMap((own) => own.map((draw) => draw.models[m])))),
          lower: nanMean(three.flatMap((own) => own.map((draw) => draw.lower))),
          variances: covariances.flatMap((each) => [...each]),
          of: two({ first, second }),
          degrees: least - 1,
        };
      };
      const sampled = (n: number, variances: ArrayLike<number>) => (pick: Pick) =>
        sampleVariance(pick(Float64Array.from(variances)), n);
      const check = (
        length: number,
        of: (pick: Pick) => number,
        forms: Record<string, OracleArray>,
        name: string,
      ) => {
        const size = Math.sqrt(length);
        const model = (i: number) => of((covariance) => covariance[i * size + i]);
        const apart = (i: number, j: number) => of((c) => contrastVariance(c, size, i, j));
        const pairs = all.flatMap((i) => all.slice(i + 1).map((j) => apart(i, j)));
        const ceilings = all.flatMap((i) =>
          size > models ? [apart(i, models), apart(i, models + 1)] : [model(i), model(i)],
        );
        nearAll(all.map(model), forms.model_var, within.variance, `${name} models`);
        nearAll(pairs, forms.diff_var, within.variance, `${name} differences`);
        nearAll(ceilings, forms.noise_ceil_var, within.variance, `${name} ceilings`);
        return { model, apart, ceilings };
      };

      const { means, lower, variances, of, degrees } = evaluate();
      nearAll(variances, wanted.variances, within.variance, `${what} variances`);
      nearAll(means, wanted.means, within.draws, `${what} means`);
      expect(degrees).toBe(wanted.dof);
      const length = kind === 'dual_bootstrap' ? variances.length / 3 : variances.length;
      const { model, apart, ceilings } = check(length, of, wanted, what);
      const errors = all.map((m) => Math.sqrt(model(m)));
      nearAll(errors, wanted.sem, within.draws, `${what} sem`);
      const half = errors.map((sem) => tQuantile(0.975, degrees) * sem);
      const ends = [-1, 1].flatMap((sign) => means.map((value, m) => value + sign * half[m]));
      nearAll(ends, wanted.ci95_t, within.draws, `${what} interval`);
      const pairs = all.flatMap((i) =>
        all.map((j) => (i === j ? 1 : tTest(means[i] - means[j], apart(i, j), degrees))),
      );
      nearAll(pairs, wanted.p_pair_t, within.test, `${what} p of pairs`);
      const zero = all.map((m) => tTestAboveZero(means[m], model(m), degrees));
      nearAll(zero, wanted.p_zero_t, within.test, `${what} p above zero`);
      const reach = all.map((m) => tTest(means[m] - lower, ceilings[2 * m], degrees));
      nearAll(reach, wanted.p_noise_t, within.test, `${what} p of the ceiling`);
    },
  );
});
