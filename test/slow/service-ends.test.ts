import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { openEmbeddedDatabase } from '../../src/store/database/embedded-database.js';
import { childrenOf, serve, serving } from '../service/process.js';
import { madeHome } from '../store/made-home.js';

let home: string;
beforeEach(async () => {
  home = await madeHome('ventral-ends-');
});
afterEach(() => rm(home, { recursive: true, force: true }));

const stubbed = () => serving(join(packageRoot, 'test', 'service', 'serve-with-stub.mjs'), home);
const score = (what: string) => ({
  model: 'pixels',
  benchmarks: ['FreemanZiemba2013public.V1-pls'],
  layers: { V1: what },
});

async function until(test: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 6000; i++) {
    if (await test()) return;
    await sleep(20);
  }
  throw new Error(`never ${what}`);
}

describe('a service that ends while it scores', () => {
  it('by a kill leaves no process, and the job ends after the next start', async () => {
    const first = await stubbed();
    const job = (await first.post('/v1/scores', score('hold=2000'))).body;
    await until(() => childrenOf(first.child.pid!).length === 1, 'scoring');
    await first.end('SIGKILL');
    await until(() => childrenOf(first.child.pid!).length === 0, 'without orphans');
    // Something half-made, as a kill in another moment leaves it.
    await mkdir(join(home, 'models', 'f'.repeat(64)), { recursive: true });
    const second = await stubbed();
    expect(await readdir(join(home, 'models'))).toEqual([]);
    await until(
      async () => (await second.call('GET', `/v1/scores/${job.id}`)).body.state === 'succeeded',
      'succeeded',
    );
    expect((await second.call('GET', `/v1/scores/${job.id}`)).body.results).toHaveLength(1);
    expect(await readdir(join(home, 'tmp', 'service'))).toEqual([]);
    expect(await second.end('SIGTERM')).toMatchObject({ status: 0 });
  });

  it('by a signal ends the process at once, and the job ends after the next start', async () => {
    const first = await stubbed();
    const job = (await first.post('/v1/scores', score('hold=1500'))).body;
    await until(() => childrenOf(first.child.pid!).length === 1, 'scoring');
    const waiting = first.call('POST', '/v1/scores', {
      headers: { 'Content-Type': 'application/json', Prefer: 'wait=60' },
      body: JSON.stringify(score('later')),
    });
    await sleep(100);
    const start = Date.now();
    expect(await first.end('SIGTERM')).toMatchObject({ status: 0 });
    expect(Date.now() - start).toBeLessThan(10_000);
    expect(await waiting).toMatchObject({ status: 202, body: { state: 'queued' } });
    expect(childrenOf(first.child.pid!)).toEqual([]);
    expect(existsSync(join(home, 'owner.json'))).toBe(false);
    const second = await stubbed();
    for (const id of [job.id, (await waiting).body.id]) {
      await until(
        async () => (await second.call('GET', `/v1/scores/${id}`)).body.state === 'succeeded',
        'succeeded',
      );
    }
    await second.end('SIGTERM');
  });
});

describe('the key of a service that was killed', () => {
  it('is free once its lease is over, and what was made then is not made again', async () => {
    const body = { model: 'pixels', benchmarks: ['Simulated.V1-pls'], layers: { V1: 'none' } };
    const asked = {
      headers: {
        'Idempotency-Key': 'dead',
        'Content-Type': 'application/json',
        Prefer: 'wait=60',
      },
      body: JSON.stringify(body),
    };
    const first = await serve(home);
    first.call('POST', '/v1/scores', asked).catch(() => {});
    let made: string | undefined;
    while (!made) made = (await first.call('GET', '/v1/scores')).body.items[0]?.id;
    await first.end('SIGKILL');
    const database = await openEmbeddedDatabase(`${home}/db`);
    const [left] = await database.query<{ made: string; answer: unknown }>(
      `update idempotency set lease = now() - interval '1 second' returning made, answer`,
    );
    await database.close();
    expect(left).toEqual({ made, answer: null });
    const second = await serve(home);
    const answer = await second.call('POST', '/v1/scores', asked);
    expect(answer.body.id).toBe(made);
    expect((await second.call('GET', '/v1/scores')).body.items).toHaveLength(1);
    await second.end('SIGTERM');
    expect(await readFile(`${home}/format.json`, 'utf8')).toContain('schema');
  });
});
