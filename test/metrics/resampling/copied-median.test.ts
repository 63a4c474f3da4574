import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copiedMedian } from '../../../src/metrics/resampling/copied-median.js';
import { medianOf } from '../../../src/metrics/resampling/select.js';
import { interpolatedMedianOf } from './interpolated-median.js';

test.each([
  { what: 'median', interpolated: false, middle: medianOf },
  { what: 'interpolated median', interpolated: true, middle: interpolatedMedianOf },
])('the $what of counted copies is that of made ones, to the bit', ({ interpolated, middle }) => {
  const value = fc.oneof(
    fc.double({ min: -1, max: 1, noNaN: true }),
    fc.constantFrom(0.25, 0.5, -1, Number.NaN),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(value, fc.nat({ max: 4 })), { maxLength: 12 }), (drawn) => {
      const values = Float64Array.from(drawn, ([each]) => each);
      // A unit's count stands elsewhere than its value.
      const units = values.map((_, c) => drawn.length - 1 - c);
      const times = new Uint16Array(drawn.length);
      for (const [c, [, count]] of drawn.entries()) times[units[c]] = count;
      const copies = drawn.flatMap(([each, count]) =>
        Number.isNaN(each) ? [] : new Array<number>(count).fill(each),
      );
      expect(copiedMedian(values, units, interpolated)(times)).toEqual(
        middle(Float64Array.from(copies), copies.length),
      );
    }),
    { numRuns: 2000 },
  );
});
