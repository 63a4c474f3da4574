import { describe, expect, test } from 'vitest';
import { drawnCorrelations } from '../../../src/metrics/resampling/rdm-draws.js';
import {
  type Draws,
  differenceOfDraws,
  drawsWithin,
  varianceOfDraws,
} from '../../../src/metrics/resampling/two-factor-draws.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { isConstant } from '../../../src/numerics/statistics/pearson.js';
import { mean } from '../../../src/numerics/statistics/statistics.js';
import { twoFactorVariance } from '../../../src/numerics/statistics/two-factor-variance.js';
import { tested } from '../../../src/scoring/draws/score-difference.js';
import { numbers, type OracleArray, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';
import { compareRdms } from './rdm-evaluation.js';

const { statistics: within } = tolerances;

const rowsOf = (array: OracleArray) => {
  const width = array.shape.at(-1) as number;
  const flat = numbers(array);
  return Array.from({ length: flat.length / width }, (_, i) =>
    flat.slice(i * width, (i + 1) * width),
  );
};

/** Draws that are given as positions. */
function drawsAt(positions: readonly ArrayLike<number>[], units: number): Draws {
  return {
    draws: positions.length,
    units,
    *[Symbol.iterator]() {
      for (const drawn of positions) {
        const times = new Uint16Array(units);
        for (const at of Array.from(drawn)) times[at]++;
        yield times;
      }
    },
  };
}

const near = (found: number, wanted: number, bound: number, what: string) => {
  if (Number.isNaN(wanted)) expect(found, what).toBeNaN();
  else expect(Math.abs(found - wanted), `${what}: ${found}, ${wanted}`).toBeLessThanOrEqual(bound);
};

describe('RDMs over draws of subjects and stimuli, as rsatoolbox has them', () => {
  const { cases } = oracle('20-statistics/rsatoolbox_evaluations.json');
  const known = [...cases].filter(
    ({ kind, method, error }) => kind === 'dual_bootstrap' && method === 'spearman' && !error,
  );

  test('there are such cases', () => expect(known.length).toBeGreaterThan(0));

  test.each(known.map((each, i) => [i, each]))(
    'models, variances of two factors and tests: case %i',
    (_, wanted) => {
      const { n_rdm: first, n_cond: second } = wanted;
      const [subjects, models] = [rowsOf(wanted.data), rowsOf(wanted.models)];
      const people = rowsOf(wanted.draws_rdm);
      const stimuli = drawsAt(rowsOf(wanted.draws_pattern), second);
      const whole = drawsAt([Array.from({ length: second }, (_, i) => i)], second);
      const drawn = models.map((model) => {
        const compared = {
          rdms: subjects.map(() => model),
          others: subjects,
          correlation: 'spearman',
        } as const;
        const [undrawn] = drawnCorrelations(compared, whole);
        const shown = [...drawnCorrelations(compared, stimuli)];
        const over = (of: (draw: number) => number) => Float64Array.from(shown.keys(), of);
        const ofPeople = (values: Float64Array, draw: number) =>
          mean(Array.from(people[draw], (s) => values[s]));
        return {
          both: over((draw) => ofPeople(shown[draw], draw)),
          first: over((draw) => ofPeople(undrawn, draw)),
          second: over((draw) => mean(shown[draw])),
        };
      });
      const evaluations = numbers(wanted.evaluations);
      const at = (draw: number, m: number, k: number) =>
        evaluations[(draw * models.length + m) * 3 + k];
      drawn.forEach(({ both, first: rdm, second: pattern }, m) => {
        for (const draw of both.keys())
          [both, rdm, pattern].forEach((of, k) => {
            near(of[draw], at(draw, m, k), within.draws, `model ${m}, draw ${draw}, ${k}`);
          });
      });
      const sizes = { first, second };
      const degrees = Math.min(first, second) - 1;
      expect(degrees).toBe(wanted.dof);
      const [own, apart] = [numbers(wanted.model_var), numbers(wanted.diff_var)];
      drawn.forEach((each, m) => {
        near(twoFactorVariance(varianceOfDraws(each), sizes), own[m], within.draws, `model ${m}`);
      });
      const [means, p] = [numbers(wanted.means), numbers(wanted.p_pair_t)];
      let pair = 0;
      for (let i = 0; i < models.length; i++)
        for (let j = i + 1; j < models.length; j++) {
          const variance = twoFactorVariance(
            varianceOfDraws(differenceOfDraws(drawn[i], drawn[j])),
            sizes,
          );
          near(variance, apart[pair++], within.draws, `${i} and ${j}`);
          const found = tested(means[i] - means[j], { variance, degrees }, 1);
          near(found.p as number, p[i * models.length + j], within.draws, `p of ${i} and ${j}`);
        }
    },
  );
});

describe('pairs that are counted', () => {
  const random = new RandomState(3);
  const STIMULI = 7;
  const pairs = (STIMULI * (STIMULI - 1)) / 2;
  /** With ties. */
  const rdm = () => Float64Array.from(random.randomSample(pairs), (u) => Math.ceil(9 * u));
  const all = Array.from({ length: STIMULI }, (_, i) => i);
  const place = (i: number, j: number) => i * STIMULI - (i * (i + 1)) / 2 + (j - i - 1);
  const draws = drawsWithin([all], 200, () => new RandomState(5));

  test.each([
    ['spearman', 'spearman'],
    ['pearson', 'corr'],
  ] as const)('give the %s correlations of the pairs themselves', (correlation, method) => {
    const [model, one, other] = [rdm(), rdm(), rdm()];
    const compared = { rdms: [model, model], others: [one, other], correlation };
    const found = [...drawnCorrelations(compared, draws)];
    let draw = 0;
    for (const times of draws) {
      const stimuli = all.flatMap((i) => new Array<number>(times[i]).fill(i));
      const shown = stimuli.flatMap((i, k) =>
        stimuli.slice(k + 1).flatMap((j) => (i === j ? [] : place(i, j))),
      );
      const of = (rdm: Float64Array) => Float64Array.from(shown, (at) => rdm[at]);
      [one, other].forEach((subject, s) => {
        const [x, y] = [of(model), of(subject)];
        const flat = isConstant(x) || isConstant(y) || shown.length < 3;
        const wanted = flat ? Number.NaN : compareRdms(x, y, method);
        near(found[draw][s], wanted, within.draws, `draw ${draw}`);
      });
      draw++;
    }
  });

  test('say nothing of two stimuli', () => {
    const twice = drawsAt([[0, 0, 1, 1, 1, 0, 0]], STIMULI);
    const compared = { rdms: [rdm()], others: [rdm()], correlation: 'spearman' } as const;
    expect([...drawnCorrelations(compared, twice)]).toEqual([Float64Array.of(Number.NaN)]);
  });
});
