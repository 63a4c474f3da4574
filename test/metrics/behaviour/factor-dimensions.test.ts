import { expect, test } from 'vitest';
import {
  dimensionShare,
  type Factor,
  factorPairs,
  factorShares,
  pairSums,
} from '../../../src/metrics/behaviour/factor-dimensions.js';
import { denseFeatures, selectRows } from '../../../src/numerics/algebra/features.js';
import { PythonRandom } from '../../../src/numerics/random/python-random.js';
import { numbers, oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';
import { expectClose } from '../close.js';

const golden = oracle('17-behaviour/islam2021.json');
const { stimulus_id, shape, texture, original_image_id: original } = golden.stimuli;
const pairs = factorPairs({ shape, texture, original }, 1751);

test('Python’s random.Random(1751)', () => {
  const { getrandbits32_first_8, mixed } = golden.python_random_1751;
  const bits = new PythonRandom(1751);
  expect(getrandbits32_first_8.map(() => `${bits.bits(32)}`)).toEqual(getrandbits32_first_8);
  const random = new PythonRandom(1751);
  for (const [call, value] of mixed) {
    const [name, size] = [call.split(' ')[0], Number(call.split(' ').at(-1))];
    if (name === 'getrandbits') expect(random.bits(size)).toBe(value);
    else if (size === 1) random.choice([0]);
    else expect(random.choice([...Array(size).keys()])).toBe(value);
  }
  expect(() => new PythonRandom(-1)).toThrow(/A seed is an integer/);
  expect(() => random.choice([])).toThrow(/nothing to choose from/);
});

test('pairs, shares and dimensions of Islam2021, stimulus by unit', async () => {
  expect(pairs).toHaveLength(golden.n_pairs);
  expect(
    golden.pairs_index_factor_partner.map((_: unknown, i: number) => [
      pairs[i].row,
      pairs[i].factor,
      pairs[i].partner,
    ]),
  ).toEqual([...golden.pairs_index_factor_partner]);
  const { shape: size } = golden.activations_stimulus_by_unit;
  const features = denseFeatures(size[0], size[1], numbers(golden.activations_stimulus_by_unit));
  expect(stimulus_id).toHaveLength(size[0]);
  const sums = await pairSums(features, pairs);
  const shares = factorShares(sums, pairs);
  const wanted = golden.scores_before_softmax;
  expectClose(shares, [wanted.shape, wanted.texture], tolerances.kinds.published);
  for (const region of ['V1', 'IT'])
    for (const factor of ['shape', 'texture', 'residual'] as Factor[])
      expect(dimensionShare(shares, size[1], factor)).toBe(
        golden.result[`Islam2021-${region}_${factor}_dimensionality`].score,
      );
  // The original takes the second axis for the stimuli, and fails on what its own models return.
  const failure = golden.live_model_order_presentation_by_neuroid;
  expect([failure.type, failure.message]).toEqual([
    'IndexError',
    expect.stringContaining('out of bounds for axis 1'),
  ]);
});

test('order of the units and wide blocks do not matter', async () => {
  const values = numbers(golden.activations_stimulus_by_unit);
  const narrow = denseFeatures(200, 64, values);
  const turned = Float64Array.from(values, (_, i) => values[i - (i % 64) + (63 - (i % 64))]);
  const of = async (features: typeof narrow) =>
    factorShares(await pairSums(features, pairs), pairs);
  const rows = [...Array(200).keys()];
  expectClose(await of(denseFeatures(200, 64, turned)), await of(narrow), tolerances.kinds.float64);
  expect(await of(selectRows(narrow, rows))).toEqual(await of(narrow));
});

test('a pair that does not exist is refused in words', () => {
  const plain = { shape: ['a', 'a'], texture: ['t', 't'], original: ['x', 'y'] };
  expect(() => factorPairs(plain, 1751)).toThrow(/need at least two values of it, found one/);
  const sparse = { shape: ['a', 'b'], texture: ['t', 'u'], original: ['x', 'y'] };
  expect(() => factorPairs(sparse, 1751)).toThrow(
    /no stimulus of original_image_id "x" with the texture "u"/,
  );
});
