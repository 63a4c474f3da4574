import { rmSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { madeHome } from '../../store/made-home.js';
import {
  askScores,
  containersPossible,
  rivalInContainer,
  serveInContainer,
  unknownScores,
} from '../container.js';
import { type Serving, serve } from '../process.js';

let home: string;
let service: Serving | undefined;
beforeAll(() => {
  if (!containersPossible)
    process.stderr.write('containers.test.ts: no namespace of pids can be made here, skipped\n');
});
beforeEach(async () => {
  home = await madeHome('ventral-containers-');
});
afterEach(async () => {
  await service?.end('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

describe.skipIf(!containersPossible)('two containers on one home', () => {
  it('have one service, and lose nothing that it acknowledged', async () => {
    service = await serve(home, '--concurrency', '0');
    const before = await askScores(service, 10);
    const { status, out, err } = await rivalInContainer(home);
    expect([status, out]).toEqual([1, '']);
    // Before it stand the lines that say what is waited for.
    expect(err.split('\n').filter((line) => line !== '' && !line.startsWith('{'))).toEqual([
      `ventral: ${home} is in use by process ${service.child.pid} of another container or host (${service.url})`,
    ]);
    const ids = [...before, ...(await askScores(service, 10))];
    await service.end('SIGKILL');
    // The kernel gave the lock back: the next container need not wait for a heartbeat.
    service = await serveInContainer(home);
    expect(await unknownScores(service, ids)).toEqual([]);
  }, 120_000);
});
