import { expect, test } from 'vitest';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { averagedDraws } from '../../../src/scoring/draws/averaged-draws.js';
import { encodeDraws } from '../../../src/scoring/draws/encode-draws.js';
import { modelGroups } from '../../../src/scoring/draws/model-groups.js';
import { lessDraws, scoreDifference } from '../../../src/scoring/draws/score-difference.js';
import {
  halfWidth,
  type ScoreDraws,
  type Spread,
  spreadOf,
} from '../../../src/scoring/draws/score-draws.js';
import { GroupSums, type StoredRow } from '../../../src/service/registry/group-sums.js';

const random = new RandomState(8);
const vector = (value: number) =>
  Float32Array.from(random.standardNormal(200), (each) => value + 0.05 * each);
const digest = `sha256:${'1'.repeat(64)}`;
const counted = (of: 'images' | 'neuroids') => ({ of, count: 90, strata: 1, digest });

function draws(value: number): ScoreDraws {
  const [both, first, second] = [vector(value), vector(value), vector(value)];
  return { units: [counted('neuroids'), counted('images')], both, first, second };
}

/** Models with two scores each. */
const models = Array.from({ length: 24 }, (_, k) => {
  const value = 0.2 + 0.03 * k;
  const parts = ['a', 'b'].map((benchmark) => ({
    ...{ benchmark, version: 1, weight: 0.5, digest: `sha256:${benchmark}` },
    draws: draws(value),
  }));
  return { id: `m${k}`, key: `row ${k}`, value, se: 0.01, parts };
});
const stored = ({ key, parts }: (typeof models)[number]): StoredRow => ({
  ...{ key, average: true },
  parts: parts.map(({ draws: of, ...part }) => ({ ...part, bytes: encodeDraws(of) })),
});

test('stored draws give the groups that their weighted sums give', () => {
  const sums = new GroupSums();
  expect(sums.lacking(['row 0', 'row 1'])).toEqual(['row 0', 'row 1']);
  sums.add(models.map(stored));
  expect(sums.lacking(['row 0', 'another'])).toEqual(['another']);
  const expected = (of: typeof models) =>
    modelGroups(of.map(({ parts, ...model }) => ({ ...model, draws: averagedDraws(parts) })));
  expect(sums.groups(models)).toEqual(expected(models));
  const changed = models.with(5, { ...models[20], id: 'm5', key: 'new', value: 0.9 });
  expect(sums.groups(changed)).toBeUndefined();
  sums.add([stored(changed[5])]);
  expect(sums.groups(changed)).toEqual(expected(changed));
});

test.each(['neuroids', 'subjects'] as const)(
  'a benchmark with %s separates a pair by the standard error that its difference has',
  (of) => {
    // Mostly interaction: three times the share of each factor, of which one is larger.
    const row = (k: number) => {
      const spread = (sd: number) =>
        Float64Array.from(random.standardNormal(200), (each) => sd * each);
      const [first, second, apart] = [0.05, 0.03, 0.08].map(spread);
      const drawn: ScoreDraws = {
        units: [{ ...counted('neuroids'), of, count: 16 }, counted('images')],
        both: Float32Array.from(first, (each, r) => each + second[r] + apart[r]),
        first: Float32Array.from(first),
        second: Float32Array.from(second),
      };
      return { id: `m${k}`, key: `row ${k}`, value: 0.1 * k, se: 0.01, drawn };
    };
    const pair = [row(0), row(1)];
    const score = (k: number) => ({
      ...{ benchmark: 'a', version: 1, value: pair[k].value, ci: null },
      provenance: { draws: digest },
    });
    const sums = new GroupSums();
    const part = { ...{ benchmark: 'a', version: 1, weight: 1 }, digest };
    sums.add(
      pair.map(({ key, drawn }) => ({
        ...{ key, average: false },
        parts: [{ ...part, bytes: encodeDraws(drawn) }],
      })),
    );
    const spread = spreadOf(lessDraws(pair[1].drawn, pair[0].drawn)) as Spread;
    const { ci } = scoreDifference(
      { score: score(0), draws: pair[0].drawn },
      { score: score(1), draws: pair[1].drawn },
    );
    expect((ci as readonly number[])[1] - 0.1).toBeCloseTo(halfWidth(spread), 9);
    // The smallest difference that is found is 2.8 standard errors.
    const found = sums.groups(pair)?.instrument.detectable as number;
    expect(found / 2.8).toBeCloseTo(Math.sqrt(spread.variance), 6);
  },
);

test('a model of which a score has no draws, or damaged ones, is compared by its interval', () => {
  const sums = new GroupSums();
  const [one, other, third] = models;
  const damaged = stored(other);
  const parts = damaged.parts?.map((part) => ({ ...part, bytes: part.bytes.subarray(1) }));
  sums.add([
    stored(one),
    { ...damaged, parts },
    { key: third.key, average: true, parts: undefined },
  ]);
  expect(sums.groups([one, other, third])?.pairs).toEqual({ paired: 0, unpaired: 3 });
});
