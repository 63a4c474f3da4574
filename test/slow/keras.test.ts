import { expect, it } from 'vitest';
import { mutate } from '../importing/mutated-networks.js';

it('a thousand damaged networks are imported or refused, each with one error of ours', async () => {
  const ends = await mutate(1_000, 1_000);
  const counts = [...ends].map(([end, count]) => `${end} ${count}`);
  process.stderr.write(`damaged networks: ${counts.join(', ')}\n`);
  expect([...ends.values()].reduce((sum, count) => sum + count)).toBe(1_000);
});
