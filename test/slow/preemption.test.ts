import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { childrenOf, type Serving, serving } from '../service/process.js';
import { madeHome } from '../store/made-home.js';

const script = join(packageRoot, 'test', 'service', 'serve-with-stub.mjs');

let home: string;
let service: Serving;
beforeEach(async () => {
  home = await madeHome('ventral-preemption-');
  service = await serving(script, home, '1', 'shipped');
});
afterEach(async () => {
  service.child.kill('SIGKILL');
  await service.ended;
  await rm(home, { recursive: true, force: true });
});

/** Long enough for a machine that does other work; a wait without an end would hold up the other tests. */
const PATIENCE_MS = 120_000;

async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`Not within ${PATIENCE_MS} ms: ${look}`);
    await sleep(20);
  }
}

/** State and nice value of a process (proc(5)); undefined once it is gone. */
function statOf(pid: number): { readonly state: string; readonly nice: number } | undefined {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return { state: fields[0], nice: Number(fields[16]) };
}

const goesOn = (pid: number) => () => (statOf(pid)?.state !== 'T' ? true : undefined);

const ownJobs = async () =>
  (await service.call('GET', '/v1/scores?owner=ventral&state=running')).body.items;

/**
 * Lets a user have a job while one of the service runs, and waits until that stands still. It may end in that moment, so
 * that nothing stands still: then the next one is tried.
 * @param milliseconds how long the user's job takes
 */
async function stoppedBy(milliseconds: number) {
  for (;;) {
    await until(async () => ((await ownJobs())[0]?.progress?.done > 0 ? true : undefined));
    const { body: users } = await post(milliseconds);
    const pid = await until(async () => {
      const found = childrenOf(service.child.pid as number).find(
        (child) => statOf(child)?.state === 'T',
      );
      return found ?? ((await jobOf(users.id)).finishedAt === null ? undefined : 'none');
    });
    const [own] = await ownJobs();
    if (pid !== 'none') return { id: own.id as string, pid, users: users.id as string };
  }
}

const jobOf = async (id: string) => (await service.call('GET', `/v1/scores/${id}`)).body;

/** A job of a user that keeps a process busy for so many milliseconds. */
const post = (milliseconds: number) =>
  service.post('/v1/scores', {
    model: 'gabor-v1',
    benchmarks: ['Simulated.V1-pls'],
    layers: { V1: `hold=${milliseconds}` },
  });

describe.runIf(process.platform === 'linux')('a job of the service itself', () => {
  it('stands still while a user has a job, and goes on where it was, in the same attempt', async () => {
    const { id, pid, users } = await stoppedBy(1500);
    expect(statOf(pid)?.nice).toBe(19);
    // Its slot is the user's.
    await until(async () => ((await jobOf(users)).state === 'running' ? true : undefined));
    await until(async () => ((await jobOf(users)).state === 'succeeded' ? true : undefined));
    expect(await jobOf(id)).toMatchObject({ state: 'running', attempt: 1, reason: null });
    await until(goesOn(pid));
    const ended = await until(async () => {
      const job = await jobOf(id);
      return job.finishedAt === null ? undefined : job;
    });
    expect(ended).toMatchObject({ state: 'succeeded', attempt: 1, failures: [] });
    expect(ended.results).toHaveLength(ended.benchmarks.length);
  });

  it('that stands still is cancelled, and does not outlive its service', async () => {
    const { id, pid } = await stoppedBy(20_000);
    expect((await service.call('DELETE', `/v1/scores/${id}`)).status).toBe(200);
    await until(() => (statOf(pid) === undefined ? true : undefined));
  });

  it('does not outlive a service that is killed while it stands still', async () => {
    const { pid } = await stoppedBy(20_000);
    service.child.kill('SIGKILL');
    await until(() => (statOf(pid) === undefined ? true : undefined));
    expect(statOf(pid)).toBeUndefined();
  });
});
