import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openLabelledSet } from '../../../src/training/data/open-labelled-set.js';
import { partOf, splitOf } from '../../../src/training/data/split.js';

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

test('a part is a set of its own', async () => {
  const source = { generate: 'objects-on-backgrounds', seed: 4, count: 12, side: 16 } as const;
  const set = await openLabelledSet(source, '.');
  const part = partOf(set, [11, 0, 3]);
  expect(part.classes).toEqual(set.classes);
  expect([...part.labels]).toEqual([1, 0, 3]);
  expect(await part.picture(2)).toEqual(await set.picture(3));
  const digests = [set, part, partOf(set, [0, 3, 11]), partOf(set, [0])].map((of) => of.digest);
  expect(new Set(digests).size).toBe(4);
  expect(partOf(set, Int32Array.of(11, 0, 3)).digest).toBe(part.digest);
  expect(() => partOf(set, [12])).toThrow(RangeError);
});
