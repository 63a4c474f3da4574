import { expect, it } from 'vitest';
import { underLoad } from './load-run.js';

it('serves readers while a score runs, beside uploads, slow clients and clients that go away', async () => {
  const { reads, uploads, memory, left, job } = await underLoad({
    reads: 400,
    uploads: 50,
    size: 2 ** 21,
    slow: 50,
    leavers: 60,
  });
  process.stdout.write(
    `400 reads, 50 uploads of 2 MiB, 50 slow clients, 60 leavers: ${Math.round(memory / 2 ** 20)} MiB more\n`,
  );
  expect({ reads, uploads, left, job }).toEqual({
    reads: { 200: 400 },
    uploads: { 422: 50 },
    left: [],
    job: 'running',
  });
  // Fifty uploads in memory at once would be twice that.
  expect(memory).toBeLessThan(50 * 2 ** 20 + 100 * 2 ** 20);
});
