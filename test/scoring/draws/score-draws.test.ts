import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { mean } from '../../../src/numerics/statistics/statistics.js';
import { tQuantile } from '../../../src/numerics/statistics/student-t.js';
import { averageDifference, averagedDraws } from '../../../src/scoring/draws/averaged-draws.js';
import { drawnUnits } from '../../../src/scoring/draws/drawn-units.js';
import { decodeDraws, encodeDraws } from '../../../src/scoring/draws/encode-draws.js';
import { generalisationLines } from '../../../src/scoring/draws/generalisation-words.js';
import {
  type ComparedScore,
  type DrawnScore,
  scoreDifference,
} from '../../../src/scoring/draws/score-difference.js';
import {
  estimated,
  oneFactorDraws,
  type ScoreDraws,
  spreadOfVariances,
  twoFactorDraws,
} from '../../../src/scoring/draws/score-draws.js';
import { tolerances } from '../../tolerances.js';

const random = new RandomState(11);
const ids = Array.from({ length: 80 }, (_, i) => i);
const sample = random.standardNormal(80);
const units = drawnUnits('images', ids);
const means = (values: ArrayLike<number>) =>
  oneFactorDraws(units, ids, (drawn) => mean(drawn.map((i) => values[i]))) as ScoreDraws;

describe('an interval', () => {
  test('is the estimate ± t of the standard error, as Student has it of a mean', () => {
    const value = mean(sample);
    const { ci, generalises } = estimated(value, means(sample));
    const sd = Math.sqrt(mean(sample.map((x) => (x - value) ** 2)) * (80 / 79));
    const half = (tQuantile(0.975, 79) * sd) / Math.sqrt(80);
    const [low, high] = ci as readonly [number, number];
    expect((low + high) / 2).toBeCloseTo(value, 12);
    expect(Math.abs((high - low) / (2 * half) - 1)).toBeLessThan(tolerances.intervalWidth);
    expect(generalises).toEqual({ to: 'images', units: { images: 80 }, degrees: 79 });
  });

  test('is none where fewer than half of the draws are finite, or nothing can be drawn', () => {
    const draws = means(sample);
    const holes = draws.both.map((drawn, r) => (r % 3 === 0 ? drawn : Number.NaN));
    expect(estimated(1, { ...draws, both: holes }).ci).toBeNull();
    expect(oneFactorDraws(drawnUnits('images', ['alone']), ['alone'], () => 1)).toBeUndefined();
    expect(estimated(1, undefined)).toEqual({ ci: null });
    expect(estimated(Number.NaN, draws)).toEqual({ ci: null });
  });

  test('of a clipped score stays within its bounds', () => {
    expect(estimated(0.01, means(sample), { bounds: [0, 1] }).ci?.[0]).toBe(0);
  });

  test('says that animals are not generalised to, in the words of every view', () => {
    const neuroids = drawnUnits(
      'neuroids',
      ids,
      ids.map((id) => id % 2),
    );
    const { both } = means(sample);
    const draws = twoFactorDraws([neuroids, units], {
      both: Float64Array.from(both),
      first: Float64Array.from(both),
      second: Float64Array.from(both),
    });
    const { generalises } = estimated(0.5, draws, { animals: 2 });
    expect(generalises).toEqual({
      to: 'images and neuroids',
      units: { neuroids: 80, images: 80 },
      degrees: 78,
      animals: 2,
    });
    expect(generalisationLines([{ benchmark: 'b', generalises }])).toEqual([
      'The 95 % interval on b generalises to new images and neuroids (80 × 80). Two animals, within which neuroids are drawn, say nothing about other animals.',
    ]);
  });

  test('has the degrees of freedom of the factor that varies, where the other has few units', () => {
    const counted = (of: 'subjects' | 'images', count: number) => ({
      ...{ of, count, strata: 1 },
      digest: of,
    });
    const units = [counted('subjects', 5), counted('images', 800)] as const;
    const degreesAt = (first: number, second: number) =>
      spreadOfVariances(units, { both: first + second, first, second }).degrees;
    expect(degreesAt(1, 0)).toBe(4);
    expect(degreesAt(0, 1)).toBe(799);
    // (1.25 + 1.00125)² / (1.25² / 4 + 1.00125² / 799)
    expect(degreesAt(1, 1)).toBeCloseTo(12.93, 2);
    expect(spreadOfVariances([units[0]], 2)).toEqual({ variance: 2.5, degrees: 4 });
    // With many units of both Student's t is that of the smaller number.
    const many = [counted('subjects', 60), counted('images', 800)] as const;
    expect(spreadOfVariances(many, { both: 2, first: 1, second: 1 }).degrees).toBe(59);
  });

  test('is bounded by the mean of both shares with neuroids, by the larger with subjects', () => {
    const counted = (of: 'subjects' | 'images' | 'neuroids', count: number) => ({
      ...{ of, count, strata: 1 },
      digest: of,
    });
    const varianceWith = (of: 'subjects' | 'neuroids') =>
      spreadOfVariances([counted(of, 5), counted('images', 3)], { both: 10, first: 4, second: 2 })
        .variance;
    // Shares of 4 · 5/4 and 2 · 3/2; their combination is 0.5.
    expect(varianceWith('neuroids')).toBe(4);
    expect(varianceWith('subjects')).toBe(5);
  });

  test('leaves out a factor that cannot be drawn', () => {
    const one = drawnUnits('neuroids', ['n']);
    const { both } = means(sample);
    const values = Float64Array.from(both);
    const draws = twoFactorDraws([one, units], { both: values, first: values, second: values });
    expect(draws).toEqual({ ...means(sample) });
  });
});

describe('stored draws', () => {
  test('come back as they were', () => {
    const number = fc.float({ noNaN: false });
    const vector = (length: number) => fc.array(number, { minLength: length, maxLength: length });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }).chain((n) => fc.tuple(vector(n), vector(n), vector(n))),
        fc.option(fc.array(fc.constantFrom(0, 1), { maxLength: 30 })),
        fc.boolean(),
        ([both, first, second], right, two) => {
          const counted = [means(sample).units[0], means(sample).units[0]];
          const draws = {
            units: two ? counted : counted.slice(1),
            both: Float32Array.from(both),
            ...(two ? { first: Float32Array.from(first), second: Float32Array.from(second) } : {}),
            ...(two ? { observed: { splits: 1, values: Float32Array.from(both) } } : {}),
            ...(right ? { right: Uint8Array.from(right) } : {}),
          } as unknown as ScoreDraws;
          expect(decodeDraws(encodeDraws(draws))).toEqual(draws);
        },
      ),
    );
  });

  test('that are cut short, longer, or another thing are none', () => {
    const bytes = encodeDraws({ ...means(sample), right: Uint8Array.of(1, 0, 1) });
    expect(decodeDraws(bytes.subarray(0, bytes.length - 1))).toBeUndefined();
    expect(decodeDraws(Uint8Array.of(...bytes, 0))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (any) => {
        expect(decodeDraws(any)).toBeUndefined();
      }),
    );
    const text = new TextDecoder('latin1').decode(bytes);
    for (const [from, to] of [
      ['"strata":1', '"strata":9'],
      ['"count":80', '"count":01'],
      ['"images"', '"people"'],
      ['"draws":1000', '"draws":9999'],
    ])
      expect(
        decodeDraws(Uint8Array.from(text.replace(from, to), (each) => each.charCodeAt(0))),
      ).toEqual(from === '"strata":1' ? expect.anything() : undefined);
  });
});

describe('a difference', () => {
  const score = (value: number, more: Partial<ComparedScore> = {}): ComparedScore => ({
    ...{ benchmark: 'b', version: 1, value, ci: [value - 0.3, value + 0.4] },
    provenance: { draws: 'sha256:a' },
    ...more,
  });
  const shifted = (by: number): DrawnScore => ({
    score: score(by),
    draws: { ...means(sample), both: means(sample).both.map((drawn) => drawn + by) },
  });

  test('is sharp where the two move together, whatever their own intervals', () => {
    const { difference, ci, paired, p } = scoreDifference(shifted(0.25), shifted(0.5));
    expect({ difference, ci, paired, p }).toEqual({
      ...{ difference: 0.25, ci: [0.25, 0.25], paired: true, p: 0 },
    });
    expect(scoreDifference(shifted(1), shifted(1))).toMatchObject({ ci: [0, 0], p: 1 });
  });

  test('of independent models has p and an interval that agree', () => {
    const other = random.standardNormal(80);
    const [a, b] = [sample, other].map((values) => ({
      score: score(mean(values)),
      draws: means(values),
    }));
    const { difference, ci, p, generalises } = scoreDifference(a, b);
    const apart = (ci as readonly number[]).every((end) => end > 0 === (difference as number) > 0);
    expect(apart).toBe((p as number) < 0.05);
    expect(generalises).toMatchObject({ to: 'images', degrees: 79 });
    const [there, back] = [scoreDifference(a, b), scoreDifference(b, a)];
    expect(back.ci?.map((end) => -end).reverse()).toEqual(there.ci);
  });

  test.each([
    ['without draws', { draws: undefined }, /score again/],
    ['of other data', { score: score(2, { provenance: { draws: 'sha256:b' } }) }, /different/],
    ['of an earlier version', { score: score(2, { provenance: {} }) }, /different/],
  ])('%s is not paired: the errors are taken as independent', (_, more, why) => {
    const found = scoreDifference(shifted(1), { ...shifted(2), ...more });
    const half = Math.hypot(0.35, 0.35);
    expect(found).toMatchObject({ difference: 1, paired: false, p: null });
    expect(found.ci?.[1]).toBeCloseTo(1 + half, 12);
    expect(found.reason).toMatch(why);
  });

  test('counts images that one alone has right', () => {
    const answers = (right: readonly number[]) => ({
      score: score(0.5),
      draws: { ...means(sample), right: Uint8Array.from(right) },
    });
    const { mcNemar } = scoreDifference(answers([1, 1, 0, 0, 0]), answers([1, 0, 1, 1, 1]));
    expect(mcNemar).toMatchObject({ from: 1, to: 3 });
    expect(mcNemar?.p).toBeCloseTo(0.625, 12);
  });
});

describe('a difference of averages', () => {
  const part = (shift: number, weight: number, benchmark: string) => ({
    ...{ benchmark, version: 1, weight, digest: 'sha256:a' },
    draws: { ...means(sample), both: means(sample).both.map((drawn) => drawn + shift) },
  });
  const average = (shift: number) => ({
    ...{ value: shift, ci: [shift - 1, shift + 1] as const },
    draws: averagedDraws([part(shift, 0.5, 'a'), part(shift, 0.5, 'b')]),
  });

  test('is paired where all of their scores are, and sharp where they move together', () => {
    expect(averageDifference(average(0.25), average(0.5))).toMatchObject({
      ...{ difference: 0.25, paired: true, ci: [0.25, 0.25] },
    });
  });

  test('is not where less than half of the draws have a value', () => {
    const rare = (shift: number) => {
      const { draws, ...rest } = average(shift);
      const both = draws?.both.map((drawn, r) => (r < 3 ? drawn : Number.NaN));
      return { ...rest, draws: draws && both && { ...draws, both } };
    };
    const found = averageDifference(rare(0.25), rare(0.5));
    expect(found).toMatchObject({ difference: 0.25, paired: false, p: null });
  });

  test('is not where one averages other scores', () => {
    const other = { ...average(0.5), draws: averagedDraws([part(0.5, 1, 'a')]) };
    expect(averageDifference(average(0.25), other)).toMatchObject({ paired: false, p: null });
    expect(averageDifference(average(0.25), { ...other, value: null })).toMatchObject({
      difference: null,
    });
  });
});
