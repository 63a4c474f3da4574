import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { type GroupedModel, modelGroups } from '../../../src/scoring/draws/model-groups.js';

/** Models that were drawn alike, each with an error of its own. */
function drawn(values: readonly number[], sd = 0.01, key = 'a'): GroupedModel[] {
  const random = new RandomState(7);
  return values.map((value, k) => ({
    ...{ id: `${key}${k}`, value, se: sd },
    draws: {
      ...{ key, degrees: 150 },
      both: Float32Array.from(random.standardNormal(1000), (each) => value + sd * each),
    },
  }));
}
const plain = (id: string, value: number, se: number | null): GroupedModel => ({ id, value, se });
const ofAll = (models: readonly GroupedModel[]) => {
  const { models: groups } = modelGroups(models);
  return models.map(({ id }) => groups.get(id));
};

describe('groups of models', () => {
  it('say which ranks a model may have, what is tied with it, and by letters which are together', () => {
    const found = ofAll(drawn([0.3, 0.9, 0.62, 0.58, 0.6]));
    expect(found.map((each) => each?.rank)).toEqual([5, 1, 2, 4, 3]);
    expect(found.map((each) => each?.ranks)).toEqual([
      [5, 5],
      [1, 1],
      [2, 3],
      [3, 4],
      [2, 4],
    ]);
    // Not to be separated is not transitive.
    expect(found.map((each) => each?.letters)).toEqual(['d', 'a', 'b', 'c', 'bc']);
    expect(found[4]?.tied).toEqual({ withBest: false, total: 2, models: ['a2', 'a3'] });
    expect(found[1]?.tied).toEqual({ withBest: true, total: 0, models: [] });
  });

  it('separate a small difference of models that err together, which independent errors would hide', () => {
    const [shared] = drawn([0.5], 0.05);
    const both = shared.draws?.both as Float32Array;
    const better = { ...shared, id: 'better', value: 0.52 };
    const noise = new RandomState(9).standardNormal(1000);
    const draws = {
      key: 'a',
      degrees: 150,
      both: both.map((value, r) => value + 0.02 + 0.001 * noise[r]),
    };
    const { separated, pairs } = modelGroups([shared, { ...better, draws }]);
    expect([separated, pairs]).toEqual([1, { paired: 1, unpaired: 0 }]);
    expect(
      modelGroups([shared, better].map(({ id, value, se }) => plain(id, value, se))).separated,
    ).toBe(0);
  });

  it('tie equal models at the place that they share', () => {
    const [one] = drawn([0.5]);
    const [a, b] = ofAll([one, { ...one, id: 'twin' }]);
    expect([a?.ranks, b?.ranks, a?.rank, b?.rank]).toEqual([[1, 2], [1, 2], 1, 1]);
    expect([a?.letters, b?.letters]).toEqual(['a', 'a']);
  });

  it('compare models that were not drawn alike by their intervals, with the share of one pair, and mark them', () => {
    const models = [...drawn([0.9, 0.5]), plain('other', 0.7, 0.05), plain('none', 0.1, null)];
    const { compared, pairs, models: groups } = modelGroups(models);
    expect([compared, pairs]).toEqual([3, { paired: 1, unpaired: 2 }]);
    expect(groups.get('none')).toBeUndefined();
    expect([groups.get('other')?.paired, groups.get('a0')?.paired]).toEqual([false, true]);
    // 0.2 / hypot(0.05, 0.01) = 3.9 > z(1 − 0.05 / 6) = 2.39
    expect(groups.get('other')?.ranks).toEqual([2, 2]);
    const close = modelGroups([...drawn([0.9, 0.5]), plain('other', 0.78, 0.05)]).models;
    expect(close.get('other')?.ranks).toEqual([1, 2]);
  });

  it('do not depend on the order of the models', () => {
    const models = [
      ...drawn([0.5, 0.52, 0.6, 0.61, 0.4]),
      plain('x', 0.55, 0.02),
      plain('y', 0.5, 0.02),
    ];
    const expected = modelGroups(models);
    fc.assert(
      fc.property(fc.shuffledSubarray(models, { minLength: models.length }), (shuffled) => {
        expect(modelGroups(shuffled)).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });

  it('give no letters above 30 models, and nothing of none', () => {
    const many = modelGroups(Array.from({ length: 31 }, (_, k) => plain(`m${k}`, k, 0.1)));
    expect(many.models.get('m3')?.letters).toBeNull();
    expect(modelGroups([])).toMatchObject({ compared: 0, separated: 0 });
  });
});

describe('a column as an instrument', () => {
  const spread = (sd: number, count = 20) =>
    modelGroups(
      drawn(
        Array.from({ length: count }, (_, k) => k / count),
        sd,
      ),
    ).instrument;

  it('is the more reliable the smaller the errors, with an interval and the number of models', () => {
    const fine = spread(0.01);
    expect(fine.models).toBe(20);
    expect(fine.reliability).toBeGreaterThan(0.99);
    expect(fine.ci?.[0]).toBeLessThanOrEqual(fine.reliability as number);
    expect(fine.ci?.[1]).toBeGreaterThanOrEqual(fine.reliability as number);
    // 2.80 · √2 · 0.01
    expect(fine.detectable).toBeCloseTo(0.0396, 2);
    expect(spread(0.2).reliability).toBeLessThan(fine.reliability as number);
  });

  it('has 0 where errors exceed differences, and keeps the number', () => {
    const { reliability, unbounded } = spread(2);
    expect(reliability).toBe(0);
    expect(unbounded).toBeLessThan(0);
  });

  it('says nothing of fewer than ten models', () => {
    expect(spread(0.01, 9)).toMatchObject({ reliability: null, ci: null, models: 9 });
  });
});
