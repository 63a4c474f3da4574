import { expect, it } from 'vitest';
import { mutate } from '../importing/mutated-networks.js';

it('a hundred damaged networks are imported or refused, each with one error of ours', async () => {
  const ends = await mutate(0, 100);
  expect([...ends.values()].reduce((sum, count) => sum + count)).toBe(100);
  // Neither of these alone would say anything.
  expect(ends.get('checkpoint-invalid')).toBeGreaterThan(10);
  expect(ends.get('imported')).toBeGreaterThan(5);
});
