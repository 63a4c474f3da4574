import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { residentBytes } from '../fuzz/resident-bytes.js';
import { fuzzCheckpoints } from '../importing/checkpoints/fuzz-checkpoints.js';

/** What the process may have grown by, once code is compiled and pools are filled. */
const mostGrowth = 128 * 2 ** 20;

test('2,000 mutated checkpoints of every kind are each read or refused, in memory that stays', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ventral-checkpoints-'));
  try {
    const first = await fuzzCheckpoints(folder, 10_000, 400);
    const before = residentBytes(process.pid);
    const rest = await fuzzCheckpoints(folder, 10_400, 1600);
    const growth = residentBytes(process.pid) - before;
    const counts = JSON.stringify([first, rest].map(({ read, refused }) => ({ read, ...refused })));
    process.stderr.write(`checkpoints: ${counts}, grown by ${Math.round(growth / 2 ** 20)} MiB\n`);
    expect([...first.findings, ...rest.findings]).toEqual([]);
    expect(growth).toBeLessThan(mostGrowth);
  } finally {
    await rm(folder, { recursive: true });
  }
});
