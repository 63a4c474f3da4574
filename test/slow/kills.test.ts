import { readdir, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { childrenOf, serve } from '../service/process.js';
import { callUrl, card, multipart, network } from '../service/running-service.js';
import { madeHome } from '../store/made-home.js';

const INSTANTS = 10;
const BENCHMARKS = ['Simulated.V1-pls', 'Simulated.V4-pls'];

let home: string;
beforeEach(async () => {
  home = await madeHome('ventral-kills-');
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** Names under the home that stand for something half-written. */
async function halfWritten(): Promise<string[]> {
  const names = await readdir(home, { recursive: true });
  return names.filter(
    (name) => !name.startsWith('db') && /\.(tmp|part|new)$|^tmp\/(?!service$)/.test(name),
  );
}

async function upload(url: string): Promise<string> {
  const form = multipart([
    { name: 'file', filename: 'net.onnx', content: await network() },
    { name: 'card', content: await card() },
  ]);
  return (await callUrl(`${url}/v1/models`, 'POST', form)).body.id;
}

async function orphansEnd(parent: number): Promise<void> {
  const deadline = Date.now() + 2000;
  while (childrenOf(parent).length > 0) {
    expect(Date.now()).toBeLessThan(deadline);
    await sleep(20);
  }
}

/** How long a whole job takes here, so that the kills fall into it. */
async function duration(): Promise<number> {
  const apart = await madeHome('ventral-kills-');
  const service = await serve(apart);
  const model = await upload(service.url);
  const start = Date.now();
  const asked = {
    headers: { 'Content-Type': 'application/json', Prefer: 'wait=60' },
    body: JSON.stringify({ model, benchmarks: BENCHMARKS }),
  };
  const job = await callUrl(`${service.url}/v1/scores`, 'POST', asked);
  expect(job.body).toMatchObject({ state: 'succeeded' });
  const taken = Date.now() - start;
  await service.end('SIGTERM');
  await rm(apart, { recursive: true });
  return taken;
}

it(`survives ${INSTANTS} kills in the middle of a score: no orphan, nothing half-written, and the job ends`, async () => {
  const whole = await duration();
  let service = await serve(home);
  const model = await upload(service.url);
  const { body: job } = await service.post('/v1/scores', { model, benchmarks: BENCHMARKS });
  expect(job.state).toBe('queued');
  for (let instant = 0; instant < INSTANTS; instant++) {
    await sleep((whole * instant) / INSTANTS);
    const { pid } = service.child;
    await service.end('SIGKILL');
    await orphansEnd(pid as number);
    service = await serve(home);
  }
  let now = await service.call('GET', `/v1/scores/${job.id}`);
  for (
    const deadline = Date.now() + 300_000;
    ['queued', 'running'].includes(now.body.state) && Date.now() < deadline;
  ) {
    await sleep(200);
    now = await service.call('GET', `/v1/scores/${job.id}`);
  }
  expect(now.body).toMatchObject({ state: 'succeeded', failures: [] });
  expect(now.body.results.map(({ benchmark }: { benchmark: string }) => benchmark)).toEqual(
    BENCHMARKS,
  );
  expect((await service.call('GET', '/v1/models')).body.items).toHaveLength(1);
  expect(await halfWritten()).toEqual([]);
  expect(await service.end('SIGTERM')).toMatchObject({ status: 0 });
  expect((await readdir(home)).toSorted()).not.toContain('owner.json');
});
