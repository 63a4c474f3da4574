import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { besideAutograd, readFixture } from './exported-networks.js';
import { TOLERANCE } from './torch-fixture.js';

const folder = join(import.meta.dirname, '../fixtures/training/exports');
const fixture = readFixture(folder);

describe.each([
  ['as on a CPU', {}],
  ['in forms for every provider', { portable: true }],
])('%s', (_, kernels) => {
  test.each(Object.keys(fixture.networks))(
    '%s, exported by PyTorch, has the loss and the gradients that PyTorch has',
    async (name) => {
      const { loss, input, far } = await besideAutograd(folder, fixture, name, kernels);
      expect(loss).toBeLessThan(TOLERANCE);
      expect(input).toBeLessThan(TOLERANCE);
      expect(far).toEqual([]);
    },
  );
});
