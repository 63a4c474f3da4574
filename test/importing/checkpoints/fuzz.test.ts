import { expect, it } from 'vitest';
import { fuzzCheckpoints } from './fuzz-checkpoints.js';
import { ownFolder } from './made-checkpoints.js';

const folder = ownFolder();

it('150 mutated checkpoints are each read or refused by one error', async () => {
  const { findings, read, refused } = await fuzzCheckpoints(folder.path, 1, 150);
  expect(findings).toEqual([]);
  expect(read).toBeGreaterThan(0);
  expect(Object.keys(refused).length).toBeGreaterThan(2);
});
