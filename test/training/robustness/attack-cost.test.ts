import { describe, expect, test } from 'vitest';
import { CallCount, expectedCalls } from '../../../src/training/robustness/attack-cost.js';
import { attacks } from '../../../src/training/robustness/attacks.js';

const pgd = attacks['pgd-20'];

describe('calls of an attack that are foreseen', () => {
  test('go to the end where one example withstands, and are few where all fall', () => {
    const of = (examples: number, withstand: number) =>
      expectedCalls(pgd, { examples, withstand, batch: 64 });
    expect(of(0, 0.5)).toBe(0);
    expect(of(64, 1)).toBe(21);
    expect(of(64, 0)).toBeLessThan(5);
    expect(of(64, 0.5)).toBeCloseTo(21, 5);
    // Three batches after each other.
    expect(of(192, 1)).toBeCloseTo(63, 5);
    expect(of(1920, 0)).toBeLessThan(30 * 4);
  });

  test('are the rest of those that last, once the others have fallen', () => {
    const count = new CallCount(pgd, { examples: 8, withstand: 0.5, batch: 8 });
    const searches = Array.from({ length: 8 }, () => ({ fooled: false }));
    for (const search of searches) count.begin(search);
    expect(count.left).toBeCloseTo(21, 0);
    for (const search of searches.slice(0, 7)) {
      search.fooled = true;
      count.end(search);
    }
    for (let call = 0; call < 6; call++) count.called();
    expect(count).toMatchObject({ made: 6, left: 15 });
    expect(count.withstand).toBeLessThan(0.5);
    searches[7].fooled = true;
    count.end(searches[7]);
    expect(count.left).toBe(0);
  });

  test('are shared by a batch where more examples wait than it holds', () => {
    const count = new CallCount(pgd, { examples: 40, withstand: 1, batch: 8 });
    for (let i = 0; i < 8; i++) count.begin({});
    expect(count.left).toBeCloseTo(5 * 21, 5);
    for (let call = 0; call < 10; call++) count.called();
    expect(count.left).toBeCloseTo(4 * 21 + 11, 5);
  });
});
