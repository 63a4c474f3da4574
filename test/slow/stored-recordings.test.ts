import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BINS,
  benchmark,
  both,
  bySubject,
  crowd,
  divided,
  LITTLE,
  lasting,
  makeStored,
  pair,
  removeStored,
} from '../scoring/measure/made-stored.js';

beforeAll(makeStored);
afterAll(removeStored);

describe('a score of recordings on scratch disk has the bits of one in memory', () => {
  test.each([
    ['ridge', 6],
    ['ridgecv', 6],
    ['dual-ridgecv', 50],
    ['linear', 50],
    ['neuron-to-neuron', 6],
  ])('%s of %i units, a fit for each subject', async (metric, units) => {
    const file = benchmark([...pair(), `metric: { name: ${metric} }`, ...bySubject]);
    const [whole, stored] = await both(file, LITTLE, units);
    expect(whole.score?.value).not.toBeNull();
    expect(whole.score?.parts?.values.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(lasting(stored.score)).toEqual(lasting(whole.score));
  });

  test.each([
    ['ridge', 6],
    ['ridge', 50],
    ['ridgecv', 6],
    ['ridgecv', 50],
    ['linear', 6],
    ['linear', 50],
    ['neuron-to-neuron', 6],
  ])('%s of %i units, neuroids in blocks', async (metric, units) => {
    const lines = [`metric: { name: ${metric} }`, 'ceiling: none'];
    const file = benchmark([...pair('crowd-train.nc', 'crowd-test.nc'), ...lines]);
    const [whole, stored] = await both(file, LITTLE, units);
    expect(whole.score?.raw.neuroids?.[0]).toHaveLength(crowd.length * BINS);
    expect(lasting(stored.score)).toEqual(lasting(whole.score));
  });
});

test.each([
  ['components that neuroids share', [...pair(), 'metric: { name: pls, components: 3 }']],
  ['float32 with missing repetitions', [...pair('train-32.nc', 'test-32.nc'), 'metric: ridge']],
  ['a subject without repetitions', [...pair('train.nc', 'once.nc'), 'metric: ridge']],
  ['some neuroids alone', [...pair(), 'metric: ridgecv', 'keep: { reliability: { above: 0.3 } }']],
  [
    'neuroids that lack a value left out',
    [...pair('train.nc', 'holes.nc'), 'metric: ridge', 'drop: incomplete-neuroids'],
  ],
  [
    'one set that a table divides',
    [...divided, 'metric: ridge', 'split: { table: splits.csv, column: two }'],
  ],
  [
    'one set that two columns divide',
    [...divided, 'metric: ridge', 'split: { table: splits.csv, columns: [one, two] }'],
  ],
])('the same with %s', async (_, lines) => {
  const named = lines.map((line) =>
    line.replace(/^metric: (\w+)$/, (_all, name) => `metric: { name: ${name} }`),
  );
  const [whole, stored] = await both(benchmark([...named, ...bySubject]), 64 * 1024);
  expect(whole.error).toBeUndefined();
  expect(lasting(stored.score)).toEqual(lasting(whole.score));
});

test('the ceiling of all neuroids together has the same draws', async () => {
  const lines = ['metric: { name: ridge }', 'ceiling: internal-consistency'];
  const [whole, stored] = await both(benchmark([...pair(), ...lines]), LITTLE);
  expect(whole.score?.ceiling?.splits).toHaveLength(10);
  expect(whole.score?.ci).not.toBeNull();
  expect(lasting(stored.score)).toEqual(lasting(whole.score));
});

test('likenesses by subject', async () => {
  const lines = ['metric: { name: rdm, per: subject }', 'ceiling: nili-upper'];
  const [whole, stored] = await both(benchmark([...pair(), ...lines]), LITTLE);
  expect(whole.score?.value).not.toBeNull();
  expect(lasting(stored.score)).toEqual(lasting(whole.score));
});
