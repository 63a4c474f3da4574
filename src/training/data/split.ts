import { randomStream } from '../../numerics/random/random-stream.js';
import type { LabelledSet } from './labelled-set.js';

/** Positions of a set in two disjoint lists, both ascending, that have every one of them. */
export interface ExampleSplit {
  readonly training: Int32Array;
  readonly validation: Int32Array;
}

/**
 * Sets a share of each class aside, drawn by the seed: round(share · its examples), though at least one of a class
 * stays on either side where it has two.
 * @throws RangeError for a share outside 0 … 1
 */
export function splitOf(
  set: Pick<LabelledSet, 'classes' | 'labels'>,
  { share, seed }: { readonly share: number; readonly seed: number },
): ExampleSplit {
  if (!(share > 0 && share < 1)) throw new RangeError(`A share lies between 0 and 1, not ${share}`);
  const held = new Uint8Array(set.labels.length);
  const members: number[][] = set.classes.map(() => []);
  set.labels.forEach((label, index) => {
    members[label].push(index);
  });
  for (const [label, indices] of members.entries()) {
    const shuffled = randomStream(seed, `validation of class ${label}`).permutation(indices);
    const most = Math.max(0, indices.length - 1);
    const count = Math.min(most, Math.max(1, Math.round(share * indices.length)));
    for (const index of shuffled.slice(0, count)) held[index] = 1;
  }
  const all = Int32Array.from(held, (_, index) => index);
  return {
    training: all.filter((index) => held[index] === 0),
    validation: all.filter((index) => held[index] === 1),
  };
}
