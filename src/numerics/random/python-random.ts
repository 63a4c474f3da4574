/**
 * Python's `random.Random(seed)`, bit for bit: the same Mersenne Twister as numpy's, seeded by a list of 32-bit words.
 */
import { RandomState } from './random-state.js';

/** A stream of random numbers equal to `random.Random(seed)` for an integer seed. */
export class PythonRandom {
  readonly #words: RandomState;

  /** Seeds with an integer from 0 to 2³² − 1; throws RangeError otherwise. */
  constructor(seed: number) {
    this.#words = new RandomState([seed]);
  }

  /** `getrandbits(count)` for 1 to 32 bits. */
  bits(count: number): number {
    return this.#words.uint32() >>> (32 - count);
  }

  /** `choice(items)`; throws RangeError where there are none. */
  choice<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to choose from');
    const bits = 32 - Math.clz32(items.length);
    for (;;) {
      const position = this.bits(bits);
      if (position < items.length) return items[position];
    }
  }
}
