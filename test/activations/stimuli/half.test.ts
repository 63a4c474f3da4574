import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromHalf, toHalf } from '../../../src/activations/stimuli/half.js';

/** Every finite half-precision number, ascending from +0. */
const positive = fromHalf(Uint16Array.from({ length: 0x7c00 }, (_, bits) => bits));

test('every one of the 65,536 patterns comes back', () => {
  const bits = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
  const back = toHalf(fromHalf(bits));
  const isNan = (pattern: number) => (pattern & 0x7c00) === 0x7c00 && (pattern & 0x3ff) !== 0;
  const lost = bits.filter((pattern) =>
    isNan(pattern) ? !isNan(back[pattern]) : back[pattern] !== pattern,
  );
  expect([...lost]).toEqual([]);
});

test('a number becomes the nearest one, the even one of two', () => {
  fc.assert(
    fc.property(fc.float({ min: 0, max: 65504, noNaN: true }), (value) => {
      const bits = toHalf(Float32Array.of(value))[0];
      const found = positive[bits];
      for (const neighbour of [bits - 1, bits + 1]) {
        if (neighbour < 0 || neighbour >= positive.length) continue;
        const [mine, other] = [Math.abs(value - found), Math.abs(value - positive[neighbour])];
        expect(mine).toBeLessThanOrEqual(other);
        if (mine === other) expect(bits % 2).toBe(0);
      }
    }),
  );
});

test('the sign is kept, and what is too large becomes infinity', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true }), (value) => {
      const [plus, minus] = fromHalf(toHalf(Float32Array.of(value, -value)));
      expect(minus).toBe(-plus);
    }),
  );
  const far = fromHalf(toHalf(Float32Array.of(65519, 65520, -1e9)));
  expect([...far]).toEqual([65504, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
});
