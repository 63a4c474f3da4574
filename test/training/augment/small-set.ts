import { RandomState } from '../../../src/numerics/random/random-state.js';
import type { LabelledImage, LabelledSet } from '../../../src/training/data/labelled-set.js';

/** A set in memory: noise of a colour for each class, with a square object where masks are asked for. */
export function smallSet({
  count,
  side = 20,
  classes = ['apple', 'boat', 'cup'],
  masks = false,
}: {
  readonly count: number;
  readonly side?: number;
  readonly classes?: readonly string[];
  readonly masks?: boolean;
}): LabelledSet {
  const pictures = Array.from({ length: count }, (_, i): LabelledImage => {
    const random = new RandomState(i);
    const pixels = Uint8Array.from({ length: side * side * 3 }, () => random.interval(255));
    const label = i % classes.length;
    if (!masks) return { pixels, width: side, height: side, label };
    const [left, top] = [random.interval(side / 2 - 1), random.interval(side / 2 - 1)];
    const mask = new Uint8Array(side * side);
    for (let y = top; y < top + side / 2; y++)
      mask.fill(255, y * side + left, y * side + left + side / 2);
    return { pixels, width: side, height: side, label, mask };
  });
  return {
    classes,
    labels: Int32Array.from(pictures, ({ label }) => label),
    digest: `sha256:${'0'.repeat(64)}`,
    picture: async (index) => pictures[index],
    close: async () => {},
  };
}
