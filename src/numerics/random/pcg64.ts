/**
 * numpy's `default_rng(seed)` (PCG64 seeded by SeedSequence), bit for bit, as far as metrics of the
 * reference draw from it. PCG XSL-RR 128/64: O'Neill 2014; bounded integers: Lemire 2019.
 */

const MASK64 = (1n << 64n) - 1n;
const MASK128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

const scramble = (value: number) => (value ^ (value >>> 16)) >>> 0;

/** Words of `SeedSequence(seed).generate_state(count)`: 32-bit, for a seed below 2⁵³, which enters as its own words, lowest first. */
function seedWords(seed: number, count: number): Uint32Array {
  const pool = new Uint32Array(4);
  let constant = 0x43b0d7e5;
  const hash = (value: number) => {
    const mixed = value ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    return scramble(Math.imul(mixed, constant));
  };
  const entropy = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  for (let i = 0; i < 4; i++) pool[i] = hash(entropy[i] ?? 0);
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from === to) continue;
      const hashed = hash(pool[from]);
      pool[to] = scramble(Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, hashed));
    }
  }
  let output = 0x8b51f9dd;
  return Uint32Array.from({ length: count }, (_, i) => {
    const mixed = pool[i % 4] ^ output;
    output = Math.imul(output, 0x58f38ded);
    return scramble(Math.imul(mixed, output));
  });
}

/** A stream equal to `numpy.random.default_rng(seed)` for an integer seed below 2⁵³. */
export class Pcg64 {
  #state: bigint;
  readonly #increment: bigint;
  #half: number | undefined;

  constructor(seed: number) {
    const words = seedWords(seed, 8);
    const uint64 = (i: number) => (BigInt(words[2 * i + 1]) << 32n) | BigInt(words[2 * i]);
    const start = (uint64(0) << 64n) | uint64(1);
    this.#increment = ((((uint64(2) << 64n) | uint64(3)) << 1n) | 1n) & MASK128;
    this.#state = this.#step(0n);
    this.#state = this.#step((this.#state + start) & MASK128);
  }

  #step(state: bigint): bigint {
    return (state * MULTIPLIER + this.#increment) & MASK128;
  }

  /** The next 64 random bits. */
  uint64(): bigint {
    this.#state = this.#step(this.#state);
    const folded = (this.#state >> 64n) ^ (this.#state & MASK64);
    const turn = this.#state >> 122n;
    return ((folded >> turn) | (folded << (64n - turn))) & MASK64;
  }

  /** The next 32 random bits: the low half of 64, then the high half. */
  uint32(): number {
    if (this.#half !== undefined) {
      const kept = this.#half;
      this.#half = undefined;
      return kept;
    }
    const bits = this.uint64();
    this.#half = Number(bits >> 32n);
    return Number(bits & 0xffffffffn);
  }

  /** A float64 in [0, 1). */
  double(): number {
    return Number(this.uint64() >> 11n) / 9007199254740992;
  }

  /** An integer in [0, max], max < 2³², by masked rejection, as shuffles draw it. */
  interval(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (this.uint32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** An integer in [0, max], max < 2³² − 1, by Lemire's multiplication; 0 consumes nothing. */
  #bounded(max: number): number {
    if (max === 0) return 0;
    const range = BigInt(max + 1);
    const threshold = BigInt((0xffffffff - max) % (max + 1));
    for (;;) {
      const product = BigInt(this.uint32()) * range;
      if ((product & 0xffffffffn) >= threshold) return Number(product >> 32n);
    }
  }

  /** `n` integers in [low, high). */
  integers(low: number, high: number, n: number): number[] {
    return Array.from({ length: n }, () => low + this.#bounded(high - 1 - low));
  }

  /** Shuffles in place, from the end. */
  shuffle(array: unknown[]): void {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.interval(i);
      [array[i], array[j]] = [array[j], array[i]];
    }
  }

  /** A shuffled 0 … n − 1. */
  permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    this.shuffle(order);
    return order;
  }
}
