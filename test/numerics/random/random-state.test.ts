import { expect, test } from 'vitest';
import { Pcg64 } from '../../../src/numerics/random/pcg64.js';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { numbers, type OracleArray, oracle } from '../../oracle.js';

const rng = oracle('01-rng/rng.json');
const list = (array: OracleArray) => [...numbers(array)];

interface Call {
  n: number;
  low: number;
  high: number;
  size: number;
  a: number[];
  values: OracleArray;
}

const operations: Record<string, (random: RandomState, args: number[]) => ArrayLike<number>> = {
  permutation: (random, [n]) => random.permutation(n),
  random_sample: (random, [n]) => random.randomSample(n),
  choice_no_replacement: (random, [n, size]) => random.choice(n, size),
  shuffle_list_range: (random, [n]) => {
    const items = Array.from({ length: n }, (_, i) => i);
    random.shuffle(items);
    return items;
  },
  randint: (random, [low, high, n]) => random.randint(low, high, n),
  standard_normal: (random, [n]) => random.standardNormal(n),
};

for (let index = 0; index < rng.cases.length; index++) {
  const golden = rng.cases[index];
  const seed: number = golden.seed;
  const fresh = () => new RandomState(seed);

  test(`seed ${seed}: 700 raw outputs and single calls`, () => {
    const random = fresh();
    expect(Array.from({ length: 700 }, () => random.uint32())).toEqual(
      list(golden.raw_uint32_first_700),
    );
    const single = golden.single;
    expect([...fresh().randomSample(20)]).toEqual(list(single.random_sample_20));
    expect([...fresh().standardNormal(9)]).toEqual(list(single.standard_normal_9));
    for (const { low, high, size, values } of [
      ...single.randint,
      ...single.randint_low_high,
    ] as Call[])
      expect(fresh().randint(low, high, size)).toEqual(list(values));
    for (const { n, values } of single.permutation as Call[])
      expect(fresh().permutation(n)).toEqual(list(values));
    for (const { n, values } of single.shuffle_list_range as Call[])
      expect(operations.shuffle_list_range(fresh(), [n])).toEqual(list(values));
    for (const { n, size, values } of single.choice_no_replacement as Call[])
      expect(fresh().choice(n, size)).toEqual(list(values));
    for (const { a, size, values } of single.choice_no_replacement_values as Call[])
      expect(fresh().permutation(a).slice(0, size)).toEqual(list(values));
  });

  test(`seed ${seed}: a mixed sequence leaves the generator in the same state`, () => {
    const random = fresh();
    for (const { op, args, values } of golden.sequence)
      expect(Array.from(operations[op](random, args)), op).toEqual(list(values));
    const state = random.snapshot();
    const final = golden.final_state;
    expect(state.position).toBe(final.pos);
    expect([...state.key.slice(0, 5)]).toEqual(list(final.key_first5));
    expect(state.hasGauss).toBe(final.has_gauss === 1);
    expect(state.cachedGaussian).toBe(final.cached_gaussian);
  });
}

test('default_rng (PCG64)', () => {
  for (let index = 0; index < rng.default_rng_pcg64.length; index++) {
    const golden = rng.default_rng_pcg64[index];
    const fresh = () => new Pcg64(golden.seed);
    const random = fresh();
    expect(Array.from({ length: 5 }, () => random.double())).toEqual(list(golden.random_5));
    expect(fresh().permutation(20)).toEqual(list(golden.permutation_20));
    const twice = fresh();
    for (const values of golden.two_permutations_of_7)
      expect(twice.permutation(7)).toEqual(list(values));
    const items = Array.from({ length: 11 }, (_, i) => i);
    fresh().shuffle(items);
    expect(items).toEqual(list(golden.shuffle_11));
    expect(fresh().integers(0, 100, 8)).toEqual(list(golden.integers_0_100_8));
  }
});

const pcg64 = oracle('15-reverse-pls/pcg64.json');

test.each(Array.from(pcg64.cases.keys() as Iterable<number>))(
  'default_rng, case %i: words, permutations and integers of one generator',
  (index) => {
    const golden = pcg64.cases[index];
    const fresh = () => new Pcg64(golden.seed);
    const words = fresh();
    expect(Array.from({ length: 8 }, () => String(words.uint64()))).toEqual(
      golden.raw_uint64_first_8.map(String),
    );
    const permuted = (random: Pcg64, array: readonly unknown[]) => {
      const copy = [...array];
      random.shuffle(copy);
      return copy;
    };
    const shuffling = fresh();
    for (const { array, permutation } of golden.permutations_one_generator)
      expect(permuted(shuffling, array)).toEqual(permutation);
    const drawing = fresh();
    for (const { high, size, values } of golden.integers_one_generator)
      expect(drawing.integers(0, high, size)).toEqual(values);
    const mixed = fresh();
    const [first, integers, double, last] = golden.mixed_one_generator;
    expect(permuted(mixed, [10, 20, 30])).toEqual(first[1]);
    expect(mixed.integers(0, 5, 3)).toEqual(integers[1]);
    expect(mixed.double()).toBe(double[1]);
    expect(permuted(mixed, [1, 2, 3, 4])).toEqual(last[1]);
  },
);

test('an array of integers is what as many calls give, over many states of the generator', () => {
  for (const max of [0, 1, 86, 189, 255, 256, 2 ** 31 - 1]) {
    const [one, many] = [new RandomState(7), new RandomState(7)];
    for (const length of [1, 623, 2000]) {
      const filled = new Uint32Array(length);
      many.intervals(max, filled);
      expect([...filled]).toEqual(Array.from(filled, () => one.interval(max)));
    }
    expect(many.snapshot()).toEqual(one.snapshot());
  }
});
