import { expect, test } from 'vitest';
import { comparedWithPyTorch, TOLERANCE } from '../training/torch-fixture.js';

test('efficientnet-b1 has the loss, the statistics and the gradients that PyTorch has', async () => {
  const { loss, input, far } = await comparedWithPyTorch('efficientnet-b1');
  expect(loss).toBeLessThan(TOLERANCE);
  expect(input).toBeLessThan(TOLERANCE);
  expect(far).toEqual([]);
});
