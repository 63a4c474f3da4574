import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitOf } from '../../../src/training/data/split.js';

const labelled = fc
  .array(fc.nat(4), { minLength: 1, maxLength: 200 })
  .map((labels) => ({ classes: ['a', 'b', 'c', 'd', 'e'], labels: Int32Array.from(labels) }));
const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });

test('both sides have every example once, and each class its share', () => {
  fc.assert(
    fc.property(labelled, share, fc.nat(), (set, share, seed) => {
      const { training, validation } = splitOf(set, { share, seed });
      const all = [...training, ...validation].sort((a, b) => a - b);
      expect(all).toEqual(Array.from(set.labels, (_, i) => i));
      expect([...training]).toEqual([...training].sort((a, b) => a - b));
      set.classes.forEach((_, label) => {
        const of = (indices: Int32Array) => indices.filter((i) => set.labels[i] === label).length;
        const total = of(training) + of(validation);
        expect(Math.abs(of(validation) - share * total)).toBeLessThanOrEqual(1);
        if (total > 1) expect(Math.min(of(training), of(validation))).toBeGreaterThan(0);
      });
    }),
  );
});

test('a seed gives one split, and another seed another', () => {
  const set = { classes: ['a', 'b'], labels: Int32Array.from({ length: 20 }, (_, i) => i % 2) };
  const held = (seed: number) => [...splitOf(set, { share: 0.3, seed }).validation];
  expect(held(1)).toEqual([0, 3, 6, 9, 18, 19]);
  expect(held(1)).toEqual(held(1));
  expect(held(1)).not.toEqual(held(2));
  expect(() => splitOf(set, { share: 1, seed: 1 })).toThrow(RangeError);
});
