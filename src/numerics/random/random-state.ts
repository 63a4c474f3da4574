import { accurateLog } from './accurate-log.js';

/**
 * numpy's legacy RandomState, bit for bit: the splits of the reference are drawn from it
 * (spec §2.1). Mersenne Twister: Matsumoto and Nishimura 1998; Poisson: Hörmann 1993 (PTRS).
 */

const N = 624;
const M = 397;

/** One step of the recurrence: the upper bit of a word and the others of the next. */
function twisted(word: number, next: number): number {
  const y = (word & 0x80000000) | (next & 0x7fffffff);
  return (y >>> 1) ^ (-(y & 1) & 0x9908b0df);
}

/** Mixes the bits of a word of the state, as a signed integer. */
function tempered(word: number): number {
  let y = word ^ (word >>> 11);
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  return y ^ (y >>> 18);
}

/** The state of a generator, as `RandomState.get_state()` shows it. */
export interface RandomStateSnapshot {
  readonly key: Uint32Array;
  readonly position: number;
  readonly hasGauss: boolean;
  readonly cachedGaussian: number;
}

/** A stream of random numbers equal to `numpy.random.RandomState(seed)` for an integer seed. */
export class RandomState {
  readonly #key = new Uint32Array(N);
  #position = N;
  #gauss: number | undefined;

  /**
   * Seeds with an integer from 0 to 2³² − 1, or with a list of them (`init_by_array`).
   * @throws RangeError for any other seed
   */
  constructor(seed: number | readonly number[]) {
    const words = typeof seed === 'number' ? [seed] : seed;
    if (words.length === 0 || words.some((word) => word !== word >>> 0))
      throw new RangeError(`A seed is an integer from 0 to 4294967295, not ${seed}`);
    this.#initialise(typeof seed === 'number' ? seed : 19650218);
    if (typeof seed !== 'number') this.#mix(seed);
  }

  #initialise(seed: number): void {
    const key = this.#key;
    key[0] = seed;
    for (let i = 1; i < N; i++)
      key[i] = (Math.imul(1812433253, key[i - 1] ^ (key[i - 1] >>> 30)) + i) >>> 0;
  }

  #mix(words: readonly number[]): void {
    const key = this.#key;
    let i = 1;
    const step = (factor: number, added: number) => {
      key[i] = (key[i] ^ Math.imul(key[i - 1] ^ (key[i - 1] >>> 30), factor)) + added;
      i++;
      if (i < N) return;
      key[0] = key[N - 1];
      i = 1;
    };
    for (let k = 0; k < Math.max(N, words.length); k++)
      step(1664525, words[k % words.length] + (k % words.length));
    for (let k = 0; k < N - 1; k++) step(1566083941, -i);
    key[0] = 0x80000000;
  }

  #regenerate(): void {
    const key = this.#key;
    for (let i = 0; i < N - M; i++) key[i] = key[i + M] ^ twisted(key[i], key[i + 1]);
    for (let i = N - M; i < N - 1; i++) key[i] = key[i + M - N] ^ twisted(key[i], key[i + 1]);
    key[N - 1] = key[M - 1] ^ twisted(key[N - 1], key[0]);
    this.#position = 0;
  }

  /** The next 32 random bits as an unsigned integer. */
  uint32(): number {
    if (this.#position === N) this.#regenerate();
    return tempered(this.#key[this.#position++]) >>> 0;
  }

  /** A float64 in [0, 1) with 53 random bits. */
  double(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** `n` numbers in [0, 1), as `random_sample(n)` and `rand(n)`. */
  randomSample(n: number): Float64Array {
    return Float64Array.from({ length: n }, () => this.double());
  }

  /** An integer in [0, max], max < 2³², by masked rejection; 0 consumes nothing. */
  interval(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (this.uint32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** Fills an array with integers in [0, max], max < 2³¹, as that many calls of {@link interval} do. */
  intervals(max: number, into: Uint32Array): void {
    if (max === 0) {
      into.fill(0);
      return;
    }
    const mask = 0xffffffff >>> Math.clz32(max);
    let filled = 0;
    while (filled < into.length) {
      if (this.#position === N) this.#regenerate();
      const key = this.#key;
      let position = this.#position;
      while (position < N && filled < into.length) {
        const value = tempered(key[position++]) & mask;
        into[filled] = value;
        // 1 where value ≤ max: a processor would guess a branch wrong every third time.
        filled += (value - max - 1) >>> 31;
      }
      this.#position = position;
    }
  }

  /** `n` integers in [low, high), high − low ≤ 2³². */
  randint(low: number, high: number, n: number): number[] {
    return Array.from({ length: n }, () => low + this.interval(high - 1 - low));
  }

  /** Shuffles in place, from the end. */
  shuffle(array: unknown[]): void {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.interval(i);
      const item = array[i];
      array[i] = array[j];
      array[j] = item;
    }
  }

  /** A shuffled copy, or a shuffled 0 … n − 1. */
  permutation(n: number): number[];
  permutation<T>(items: readonly T[]): T[];
  permutation<T>(items: number | readonly T[]): (T | number)[] {
    const copy: (T | number)[] = typeof items === 'number' ? [] : [...items];
    if (typeof items === 'number') for (let i = 0; i < items; i++) copy.push(i);
    this.shuffle(copy);
    return copy;
  }

  /** `size` of 0 … n − 1 without replacement (always a full permutation, as numpy draws it). */
  choice(n: number, size: number): number[] {
    return this.permutation(n).slice(0, size);
  }

  /** `n` standard normal numbers by the polar method; an odd one is kept for the next call. */
  standardNormal(n: number): Float64Array {
    return Float64Array.from({ length: n }, () => this.#normal());
  }

  #normal(): number {
    if (this.#gauss !== undefined) {
      const kept = this.#gauss;
      this.#gauss = undefined;
      return kept;
    }
    for (;;) {
      const x1 = 2 * this.double() - 1;
      const x2 = 2 * this.double() - 1;
      const r2 = x1 * x1 + x2 * x2;
      if (r2 >= 1 || r2 === 0) continue;
      const f = Math.sqrt((-2 * accurateLog(r2)) / r2);
      this.#gauss = f * x1;
      return f * x2;
    }
  }

  /** One Poisson number of mean `lam`: products below 10, transformed rejection from there on. */
  poisson(lam: number): number {
    if (lam >= 10) return this.#poissonRejection(lam);
    if (lam === 0) return 0;
    const limit = Math.exp(-lam);
    let product = this.double();
    let count = 0;
    for (; product > limit; count++) product *= this.double();
    return count;
  }

  #poissonRejection(lam: number): number {
    const b = 0.931 + 2.53 * Math.sqrt(lam);
    const a = -0.059 + 0.02483 * b;
    const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
    const vr = 0.9277 - 3.6224 / (b - 2);
    const logLam = Math.log(lam);
    for (;;) {
      const u = this.double() - 0.5;
      const v = this.double();
      const us = 0.5 - Math.abs(u);
      const k = Math.floor(((2 * a) / us + b) * u + lam + 0.43);
      if (us >= 0.07 && v <= vr) return k;
      if (k < 0 || (us < 0.013 && v > us)) continue;
      const bound = Math.log(v) + Math.log(inverseAlpha) - Math.log(a / (us * us) + b);
      if (bound <= -lam + k * logLam - logGamma(k + 1)) return k;
    }
  }

  /** A copy of the state. */
  snapshot(): RandomStateSnapshot {
    return {
      key: this.#key.slice(),
      position: this.#position,
      hasGauss: this.#gauss !== undefined,
      cachedGaussian: this.#gauss ?? 0,
    };
  }
}

/** Coefficients B₂ₖ / (2k(2k − 1)) of Stirling's series, as numpy rounds them. */
const stirling = [
  8.333333333333333e-2, -2.777777777777778e-3, 7.936507936507937e-4, -5.952380952380952e-4,
  8.417508417508418e-4, -1.917526917526918e-3, 6.41025641025641e-3, -2.955065359477124e-2,
  1.796443723690307e-1, -1.3924322169059,
];

/** ln Γ(x) for x > 0: Stirling's series at x ≥ 7, brought back by the recurrence below it. */
export function logGamma(x: number): number {
  if (x === 1 || x === 2) return 0;
  const steps = x < 7 ? Math.trunc(7 - x) : 0;
  let x0 = x + steps;
  const inverseSquare = (1 / x0) * (1 / x0);
  const series = stirling.reduceRight((sum, coefficient) => sum * inverseSquare + coefficient, 0);
  let value = series / x0 + 0.5 * 1.8378770664093453 + (x0 - 0.5) * Math.log(x0) - x0;
  for (let k = 0; k < steps; k++) value -= Math.log(--x0);
  return value;
}
