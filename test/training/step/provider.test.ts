import { expect, test } from 'vitest';
import { chooseProvider } from '../../../src/training/step/provider.js';

test('the CPU needs no trial', async () => {
  expect(await chooseProvider('cpu')).toEqual({
    provider: 'cpu',
    word: 'The steps run on the CPU.',
  });
});

test('a provider that cannot be had leaves the CPU, and it is said why', async () => {
  const { provider, word } = await chooseProvider('cuda');
  if (provider === 'cpu') expect(word).toMatch(/^The steps run on the CPU: cuda (failed|gives) /);
  else expect(word).toContain('cuda');
});
