import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { claimTraining } from '../../../src/service/work/training-claim.js';
import { processStart } from '../../../src/store/files/process-identity.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-claim-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('the folder of a training belongs to one living process, and to the next once that is gone', async () => {
  const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
  const pid = other.pid as number;
  await writeFile(join(folder, 'trained-by'), `${pid} ${processStart(pid)}`);
  await expect(claimTraining(folder)).rejects.toMatchObject({ code: 'not-ready' });
  other.kill('SIGKILL');
  await once(other, 'exit');
  const release = await claimTraining(folder);
  expect(await readdir(folder)).toEqual(['trained-by']);
  await release();
  expect(await readdir(folder)).toEqual([]);
  // Somebody else with the number of a process that is gone.
  await writeFile(join(folder, 'trained-by'), `${process.ppid} another-boot:1`);
  await (await claimTraining(folder))();
});
