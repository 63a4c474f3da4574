import fc from 'fast-check';
import { RandomState } from '../../src/numerics/random/random-state.js';

/** The choices of one case: equal seeds choose equally. */
export class Dice {
  readonly #random: RandomState;

  constructor(seed: number) {
    this.#random = new RandomState(seed >>> 0);
  }

  /** An integer from 0 to `count` − 1; 0 for a count of 0. */
  below(count: number): number {
    return count < 1 ? 0 : this.#random.interval(count - 1);
  }

  /** An integer from `low` to `high`. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.#random.double() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }

  /** A value of one of fast-check's arbitraries. */
  draw<T>(arbitrary: fc.Arbitrary<T>): T {
    return fc.sample(arbitrary, { seed: this.#random.uint32() | 0, numRuns: 1 })[0];
  }
}
