import { expect, test } from 'vitest';
import { keepPictures } from '../../../src/training/data/kept-pictures.js';
import type { LabelledSet } from '../../../src/training/data/labelled-set.js';

test('pictures are kept up to a bound, and are the same either way', async () => {
  const read: number[] = [];
  const set: LabelledSet = {
    classes: ['a'],
    labels: new Int32Array(4),
    digest: 'sha256:0',
    async picture(index) {
      read.push(index);
      return { pixels: new Uint8Array(12).fill(index), height: 2, width: 2, label: 0 };
    },
    close: async () => {},
  };
  const kept = keepPictures(set, 30);
  for (const index of [0, 1, 2, 0, 1, 2])
    expect((await kept.picture(index)).pixels).toEqual(new Uint8Array(12).fill(index));
  // Two of twelve bytes fit into thirty.
  expect(read).toEqual([0, 1, 2, 2]);
});
