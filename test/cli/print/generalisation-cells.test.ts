import { expect, test } from 'vitest';
import { generalisationCells } from '../../../src/cli/print/generalisation-cells.js';

test('what was drawn is said in one order, computed here or read from a service', () => {
  const degrees = 4;
  for (const units of [
    { neuroids: 102, images: 315 },
    { images: 315, neuroids: 102 },
  ])
    expect(generalisationCells({ to: 'images and neuroids', units, degrees })).toEqual([
      ...['images and neuroids', 'images 315, neuroids 102', null],
    ]);
});
