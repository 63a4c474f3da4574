import { describe, expect, test } from 'vitest';
import { subjectCeiling } from '../../../src/metrics/ceilings/subject-ceilings.js';
import type { MatrixSimilarity } from '../../../src/metrics/metric.js';
import { dissimilarities, rdmMetric } from '../../../src/metrics/rdm.js';
import { denseFeatures } from '../../../src/numerics/algebra/features.js';
import type { Matrix } from '../../../src/numerics/algebra/matrix.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import type { Benchmark } from '../../../src/scoring/benchmark/benchmark.js';
import { DRAWS } from '../../../src/scoring/draws/drawn-units.js';
import { estimated } from '../../../src/scoring/draws/score-draws.js';
import type { Part } from '../../../src/scoring/measure/parts.js';
import { subjectDraws } from '../../../src/scoring/measure/subject-draws.js';

const STIMULI = 20;
const similarity = rdmMetric.similarity as MatrixSimilarity;
const random = new RandomState(8);
const shared = random.standardNormal(STIMULI * 10);

/** A matrix of responses that have something in common with all others. */
async function made(noise: number): Promise<Matrix> {
  const own = random.standardNormal(shared.length);
  const data = Float64Array.from(shared, (value, i) => value + noise * own[i]);
  return dissimilarities(denseFeatures(STIMULI, 10, data));
}

type Choice = Pick<Benchmark, 'ceiling'>['ceiling'];

async function drawn(
  count: number,
  choice: Choice,
  how: { readonly published?: boolean; readonly similarity?: MatrixSimilarity } = {},
) {
  const subjects = [];
  for (let s = 0; s < count; s++) {
    const matrix = await made(1);
    const ceiling = how.published
      ? subjectCeiling('nili-upper', [matrix], similarity.compare)
      : undefined;
    subjects.push({ name: `s${s}`, matrix, ceiling });
  }
  const matrices = subjects.map(({ matrix }) => matrix);
  const ceiling =
    choice.name === 'fixed'
      ? choice.value
      : choice.name === 'nili-upper' || choice.name === 'leave-one-out'
        ? subjectCeiling(choice.name, matrices, similarity.compare)
        : null;
  const model = await made(1);
  const bound = ceiling === null ? 1 : typeof ceiling === 'number' ? ceiling : ceiling.value;
  const parts = subjects.map(({ name, matrix }): Part => {
    const raw = similarity.compare(model, matrix);
    return { name, raw, ceiling: bound, value: raw / bound };
  });
  const draws = subjectDraws({
    benchmark: { ceiling: choice } as Benchmark,
    stimulusIds: Array.from({ length: STIMULI }, (_, i) => `im${String(i).padStart(2, '0')}`),
    ...{ similarity, subjects, ceiling, ...how },
  })(model, parts);
  const value = parts.reduce((sum, part) => sum + part.value, 0) / count;
  return { draws, value, interval: estimated(value, draws) };
}

describe('recorded matrices of stimuli', () => {
  test.each(['nili-upper', 'leave-one-out'] as const)(
    'are drawn over subjects and stimuli under %s, their ceiling on the same draws',
    async (name) => {
      const { draws, value, interval } = await drawn(6, { name } as Choice);
      expect(draws?.units).toMatchObject([
        { of: 'subjects', count: 6 },
        { of: 'images', count: STIMULI },
      ]);
      expect(draws?.both).toHaveLength(DRAWS);
      const { ci, generalises } = interval;
      expect(generalises?.to).toBe('images and subjects');
      expect(ci?.[0]).toBeLessThan(value);
      const finite = draws?.second?.filter(Number.isFinite) ?? [];
      const centre = [...finite].reduce((sum, each) => sum + each, 0) / finite.length;
      expect(Math.abs(centre - value)).toBeLessThan(0.25);
    },
  );

  test('are drawn over stimuli alone where subjects are few, and without a ceiling or with a given one', async () => {
    for (const choice of [{ name: 'none' }, { name: 'fixed', value: 0.5 }, { name: 'nili-upper' }])
      expect((await drawn(2, choice as Choice)).interval.generalises?.to).toBe('images');
  });

  test('keep their stimuli where the ceiling cannot follow them', async () => {
    const cases = [
      [{ name: 'between-subjects' }, { published: true }],
      [{ name: 'nili-upper', per: 'subject' }, {}],
      [{ name: 'none' }, { similarity: { ...similarity, correlation: undefined } }],
    ] as const;
    for (const [choice, how] of cases) {
      const options = how as Parameters<typeof drawn>[2];
      const many = await drawn(5, choice as unknown as Choice, options);
      expect(many.interval.generalises?.to).toBe('subjects');
      const few = await drawn(4, choice as unknown as Choice, options);
      expect(few.interval.ci).toBeNull();
    }
  });
});
