import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { madeHome } from '../store/made-home.js';
import { main, type Serving, serve, servingBy } from './process.js';

/** A PID namespace of its own is what two containers differ in; root alone can make one everywhere. */
const container = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
const possible = spawnSync(container[0], [...container.slice(1), 'true']).status === 0;
const words = (home: string) => [
  ...[process.execPath, main, 'serve', '--home', home, '--port', '0'],
  ...['--no-score-shipped', '--concurrency', '0'],
];
/** A folder of commands without flock(1). */
const bare = mkdtempSync(join(tmpdir(), 'ventral-bare-'));

let home: string;
let first: Serving;
beforeAll(() => {
  if (!possible) process.stderr.write('containers.test.ts: no namespace of pids here, skipped\n');
});
beforeEach(async () => {
  home = await madeHome('ventral-containers-');
});
afterEach(async () => {
  await first?.end('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});
afterAll(() => rmSync(bare, { recursive: true }));

/** Starts a service in another container, which must end. */
async function rival(environment: NodeJS.ProcessEnv = {}) {
  const [command, ...args] = [...container, ...words(home)];
  // The namespace is made by the path of this process, the service looks for commands in its own.
  const child = spawn('env', [
    ...[command, ...args.slice(0, container.length - 1), 'env'],
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ...words(home),
  ]);
  const [out, err, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('close', resolve)),
  ]);
  return { out, err, status };
}

/** Asks for scores, which wait. @returns the ids of those that were acknowledged */
async function ask(service: Serving, count: number): Promise<string[]> {
  const ids = [];
  for (let i = 0; i < count; i++) {
    const asked = { model: 'pixels', benchmarks: ['Simulated.V1-pls'], label: undefined };
    const { status, body } = await service.post('/v1/scores', asked);
    expect(status).toBe(202);
    ids.push(body.id);
  }
  return ids;
}

async function missing(service: Serving, ids: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(ids.map((id) => service.call('GET', `/v1/scores/${id}`)));
  return ids.filter((_id, i) => answers[i].status !== 200);
}

describe.skipIf(!possible)('two containers on one home', () => {
  it('have one service, and lose nothing that it acknowledged', async () => {
    first = await serve(home, '--concurrency', '0');
    const before = await ask(first, 10);
    const second = await rival();
    expect(second).toEqual({
      status: 1,
      out: '',
      err: `ventral: ${home} is in use by process ${first.child.pid} of another container or host (${first.url})\n`,
    });
    const ids = [...before, ...(await ask(first, 10))];
    await first.end('SIGKILL');
    // The kernel gave the lock back: the next container need not wait for a heartbeat.
    first = await servingBy([...container, ...words(home)]);
    expect(await missing(first, ids)).toEqual([]);
    expect((await rival()).status).toBe(1);
  }, 60_000);

  it('have one service where there are no locks of files, by its heartbeat', async () => {
    first = await servingBy(words(home), { PATH: bare });
    const ids = await ask(first, 5);
    const second = await rival({ PATH: bare });
    expect(second.err).toMatch(
      /^ventral: .* is in use by process \d+ of another container or host /,
    );
    expect(second.err.trimEnd().split('\n')).toHaveLength(1);
    expect(second.status).toBe(1);
    expect((await rival()).status).toBe(1);
    expect(await missing(first, [...ids, ...(await ask(first, 5))])).toEqual([]);
  }, 60_000);
});
