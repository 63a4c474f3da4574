import { expect, test } from 'vitest';
import { RandomWeights } from '../../models/random-weights.js';
import { tolerances } from '../tolerances.js';

test('random weights have the variance that is asked for, and are the same for a name every time', () => {
  const random = new RandomWeights('net');
  const weights = random.next(20_000, 0.25);
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  const variance = weights.reduce((sum, weight) => sum + weight ** 2, 0) / weights.length;
  expect(Math.abs(mean)).toBeLessThan(tolerances.sampling);
  expect(Math.abs(variance / 0.25 - 1)).toBeLessThan(tolerances.sampling);
  expect(Math.max(...weights)).toBeLessThanOrEqual(Math.fround(Math.sqrt(0.75)));
  expect(new RandomWeights('net').next(20_000, 0.25)).toEqual(weights);
  expect(random.next(20_000, 0.25)).not.toEqual(weights);
  expect(new RandomWeights('other').next(20_000, 0.25)).not.toEqual(weights);
});
