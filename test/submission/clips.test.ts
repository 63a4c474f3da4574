import { expect, test } from 'vitest';
import { packageNetwork } from '../../src/submission/packaged-network.js';
import { madeVideoNetwork } from '../activations/clip-networks.js';
import { modelFile, plainCard } from '../activations/made-networks.js';

test('a network of videos is no package', async () => {
  const file = modelFile(madeVideoNetwork({ frames: 4, side: 8 }));
  const card = { ...plainCard({ layout: 'NCTHW' }), readout: 'pool' };
  await expect(packageNetwork(file, card)).rejects.toMatchObject({
    code: 'package-invalid',
    message: expect.stringContaining(
      'takes clips of 4 frames, and packages feed images one by one',
    ),
  });
});
