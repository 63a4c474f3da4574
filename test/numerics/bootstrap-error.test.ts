import { expect, test } from 'vitest';
import {
  bootstrapDraws,
  bootstrapError,
  bootstrapIndices,
} from '../../src/numerics/statistics/bootstrap-error.js';
import { mean, nanMean, nanMedian } from '../../src/numerics/statistics/statistics.js';
import { numbers, oracle } from '../oracle.js';
import { tolerances } from '../tolerances.js';

const golden = oracle('18-bootstrap/bootstrap.json');

/** Statistics of values in the shape of a case, by the words of the oracle. */
const aggregates = (width: number): Record<string, (values: Float64Array) => number> => ({
  mean: nanMean,
  'square of the mean': (values) => mean(values) ** 2,
  'median over neuroid, then mean': (values) =>
    mean(
      Array.from({ length: values.length / width }, (_, row) =>
        nanMedian(values.subarray(row * width, (row + 1) * width)),
      ),
    ),
});

test.each(Array.from(golden.cases.keys() as Iterable<number>))(
  'case %i of the original',
  (index) => {
    const wanted = golden.cases[index];
    const { name, dims, over, seed, values: array, n_bootstrap: draws } = wanted;
    const sampled = { dims, shape: array.shape, values: numbers(array) };
    const how = {
      over,
      draws,
      seed,
      aggregate: aggregates(array.shape.at(-1))[wanted.aggregate],
    };
    if (wanted.error) {
      expect(() => bootstrapError(sampled, how), name).toThrow('There is no dimension stimulus');
      return;
    }
    const indices = bootstrapIndices(sampled, how);
    wanted.first_3_indices.forEach((of: object, i: number) => {
      expect(Object.fromEntries(indices[i]), name).toEqual(of);
    });
    const bound =
      array.dtype === 'float32' ? tolerances.bootstrap.float32 : tolerances.bootstrap.float64;
    const drawn = bootstrapDraws(sampled, how);
    wanted.first_10_draws.forEach((draw: number | string, i: number) => {
      close(drawn[i], Number(draw), bound, `${name}, draw ${i}`);
    });
    close(bootstrapError(sampled, how), Number(wanted.result), bound, name);
  },
);

test('an error is attached with what it was drawn over, or is declared to be none', () => {
  const [kept, made, none] = [golden.attach[0], golden.attach[1], golden.attach[2]];
  // The raw values beside it are the scored object's own business.
  expect([kept.raw_is, made.raw_is]).toEqual(['kept', 'the values']);
  expect([kept.error_over, kept.n_bootstrap]).toEqual([['subject'], 100]);
  expect(kept.error).toBe(made.error);
  const [subjects] = [golden.cases[7]];
  expect([subjects.over, subjects.n_bootstrap]).toEqual([['subject'], 100]);
  expect(Number(none.declared.error)).toBeNaN();
});

function close(found: number, wanted: number, bound: number, what: string) {
  if (Number.isNaN(wanted)) expect(found, what).toBeNaN();
  else expect(Math.abs(found - wanted), what).toBeLessThanOrEqual(bound);
}
