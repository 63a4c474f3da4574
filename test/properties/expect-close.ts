import { expect } from 'vitest';
import { tolerances } from '../tolerances.js';

/** Asserts that numbers agree within a share of their size, NaN with NaN. */
export function expectClose(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number = tolerances.float64,
): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++) {
    const [a, b] = [found[i], expected[i]];
    if (Number.isNaN(b) || !Number.isFinite(b)) expect(a, `at ${i}`).toBe(b);
    else if (!(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b))))
      expect.fail(`at ${i}: ${a} and ${b} differ by more than ${tolerance}`);
  }
}
