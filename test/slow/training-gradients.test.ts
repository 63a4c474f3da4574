import { expect, test } from 'vitest';
import { comparedWithPyTorch, TOLERANCE } from '../training/torch-fixture.js';

test.each(['resnet-50', 'efficientnet-b1'])(
  '%s has the loss, the statistics and the gradients that PyTorch has',
  async (name) => {
    const { loss, input, far } = await comparedWithPyTorch(name);
    expect(loss).toBeLessThan(TOLERANCE);
    expect(input).toBeLessThan(TOLERANCE);
    expect(far).toEqual([]);
  },
);
