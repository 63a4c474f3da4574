import { expect, it } from 'vitest';
import { underLoad } from '../service/load-run.js';

it('serves 20,000 reads beside 50 large uploads, 500 slow clients and 600 that go away', async () => {
  const { reads, uploads, memory, left, job } = await underLoad({
    reads: 20_000,
    uploads: 50,
    size: 2 ** 25,
    slow: 500,
    leavers: 600,
  });
  process.stdout.write(
    `20,000 reads, 50 uploads of 32 MiB, 500 slow clients, 600 leavers: ${Math.round(memory / 2 ** 20)} MiB more\n`,
  );
  expect({ reads, uploads, left, job }).toEqual({
    reads: { 200: 20_000 },
    uploads: { 422: 50 },
    left: [],
    job: 'running',
  });
  // The uploads are 1,600 MiB.
  expect(memory).toBeLessThan(300 * 2 ** 20);
});
