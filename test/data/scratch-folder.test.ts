import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sweepScratch } from '../../src/data/scratch-folder.js';
import { sweepSimulated } from '../../src/scoring/benchmark/simulated-data.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ventral-scratch-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** A PID namespace that is nobody's here. */
const ELSEWHERE = 1;
/** No Linux process has this number. */
const DEAD = 2 ** 22 + 1;

async function left(root: string, name: string, minutes: number): Promise<void> {
  await mkdir(join(root, name), { recursive: true });
  const then = new Date(Date.now() - minutes * 60_000);
  await utimes(join(root, name), then, then);
}

it('sweeps folders of dead processes, and of processes out of sight once they are old', async () => {
  const host = hostname();
  await left(home, `scratch-${host}-${DEAD}-dead`, 0);
  await left(home, `scratch-${host}-${process.pid}-alive`, 60);
  await left(home, `scratch-${host}-${ELSEWHERE}.7-young`, 9);
  await left(home, `scratch-${host}-${ELSEWHERE}.7-old`, 11);
  await left(home, `scratch-other.host-${ELSEWHERE}.7-old`, 11);
  await left(home, 'scratch-of-mine', 11);
  await sweepScratch(home, 600_000);
  expect((await readdir(home)).toSorted()).toEqual(
    [
      `scratch-${host}-${process.pid}-alive`,
      `scratch-${host}-${ELSEWHERE}.7-young`,
      `scratch-other.host-${ELSEWHERE}.7-old`,
      'scratch-of-mine',
    ].toSorted(),
  );
});

it('sweeps what a killed generator left, and nothing where none ran', async () => {
  await sweepSimulated(home);
  const root = join(home, 'cache', 'simulated');
  await left(root, `scratch-${hostname()}-${ELSEWHERE}.7-old`, 11);
  await left(root, 'v1-1-v1', 60);
  await sweepSimulated(home);
  expect(await readdir(root)).toEqual(['v1-1-v1']);
});
