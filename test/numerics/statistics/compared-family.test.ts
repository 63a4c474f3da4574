import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { compareFamily } from '../../../src/numerics/statistics/compared-family.js';
import type { PairedFamily } from '../../../src/numerics/statistics/paired-family.js';
import { stepDown } from '../../../src/numerics/statistics/step-down.js';

const DRAWS = 60;
const random = new RandomState(4);
const drawn = () => Float32Array.from(random.standardNormal(DRAWS));

/** A model of a family, by its rows. */
interface Row {
  readonly value: number;
  readonly both: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/** Sometimes a draw has no value; sometimes two models are equal. */
const POOL: readonly Row[] = Array.from({ length: 60 }, (_, k) => {
  const both = drawn();
  if (k % 11 === 0) both[k] = Number.NaN;
  return { value: (k % 9) * 0.4, both, first: drawn(), second: drawn() };
});

const familyOf = (rows: readonly Row[]): PairedFamily => ({
  values: rows.map(({ value }) => value),
  both: rows.map(({ both }) => both),
  first: rows.map(({ first }) => first),
  second: rows.map(({ second }) => second),
  sizes: { first: 20, second: 30 },
});

const subset = fc.shuffledSubarray([...POOL.keys()], { minLength: 30 });

test('a family of mostly the same rows has the numbers that it has alone, to the last bit', () => {
  fc.assert(
    fc.property(fc.array(subset, { minLength: 2, maxLength: 4 }), fc.nat(59), (boards, changed) => {
      let former: ReturnType<typeof compareFamily> | undefined;
      for (const [step, board] of boards.entries()) {
        const rows = board.map((k) =>
          k === changed ? { ...POOL[k], value: POOL[k].value + step } : POOL[k],
        );
        const family = familyOf(rows);
        const renewed = compareFamily(family, former);
        const alone = compareFamily(family);
        expect(renewed.pairs).toEqual(alone.pairs);
        for (const most of [0.3, 1, 2.5, Number.POSITIVE_INFINITY])
          expect(renewed.largest.quantile(most, 0.1)).toBe(alone.largest.quantile(most, 0.1));
        const level = { level: 0.05, degrees: 200 };
        expect(stepDown(renewed, level)).toEqual(stepDown(alone, level));
        former = renewed;
      }
    }),
    { numRuns: 30 },
  );
});

test('one row that changes again and again, and one that leaves', () => {
  const rows = POOL.slice(0, 40);
  let former = compareFamily(familyOf(rows));
  for (let step = 0; step < 20; step++) {
    const next = rows.filter((_, k) => k !== step + 1);
    next[step % 7] = { ...POOL[45], value: step, both: drawn() };
    const family = familyOf(next);
    const renewed = compareFamily(family, former);
    const alone = compareFamily(family);
    expect(renewed.pairs).toEqual(alone.pairs);
    for (const most of [0.5, 1.5, Number.POSITIVE_INFINITY])
      expect(renewed.largest.quantile(most, 0.2)).toBe(alone.largest.quantile(most, 0.2));
    former = renewed;
  }
});
