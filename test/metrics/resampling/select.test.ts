import fc from 'fast-check';
import { expect, test } from 'vitest';
import { medianOf, medianOfKnown } from '../../../src/metrics/resampling/select.js';

const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);
const medians = (values: readonly number[]) => {
  const known = sorted(values.filter((value) => !Number.isNaN(value)));
  const upper = known.length >> 1;
  if (known.length === 0) return Number.NaN;
  return known.length % 2 === 1 ? known[upper] : (known[upper - 1] + known[upper]) / 2;
};

test('the median of what is known is that of the sorted values', () => {
  const value = fc.oneof(
    fc.double({ noNaN: true, min: -1, max: 1 }),
    fc.constantFrom(-1, 0, 0.5, 0.5, 1, Number.NaN, Number.POSITIVE_INFINITY),
  );
  fc.assert(
    fc.property(fc.array(value, { maxLength: 70 }), (values) => {
      const given = Float64Array.from(values);
      expect(medianOfKnown(given) + 0).toBe(medians(values) + 0);
      // What is given stays as it is.
      expect(given).toEqual(Float64Array.from(values));
      const known = given.filter((each) => !Number.isNaN(each));
      expect(medianOf(known, known.length) + 0).toBe(medians(values) + 0);
    }),
    { numRuns: 3000 },
  );
});

test.each([
  ['equal values', () => 0.25],
  ['two values', (i: number) => i % 2],
  ['ascending values', (i: number) => i],
  ['descending values', (i: number) => -i],
])('thousands of %s', (_, value) => {
  const values = Array.from({ length: 20_001 }, (_, i) => value(i));
  expect(medianOfKnown(Float64Array.from(values))).toBe(medians(values));
});
