import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  askScores,
  containersPossible,
  rivalInContainer,
  serveInContainer,
  serveWords,
  unknownScores,
} from '../service/container.js';
import { type Serving, servingBy } from '../service/process.js';
import { madeHome } from '../store/made-home.js';

/** A folder of commands: flock(1) is not there, so that the heartbeat alone tells of an owner. */
let bare: string;
let home: string;
const services: Serving[] = [];
beforeEach(async () => {
  home = await madeHome('ventral-containers-');
  bare = mkdtempSync(join(tmpdir(), 'ventral-bare-'));
});
afterEach(async () => {
  for (const service of services.splice(0)) await service.end('SIGKILL');
  for (const folder of [home, bare]) rmSync(folder, { recursive: true, force: true });
});

async function started(starting: Promise<Serving>): Promise<Serving> {
  const service = await starting;
  services.push(service);
  return service;
}

describe.skipIf(!containersPossible)('two containers on a home without locks of files', () => {
  it('have one service', async () => {
    const first = await started(servingBy(serveWords(home), { PATH: bare }));
    const ids = await askScores(first, 5);
    // One that has flock(1) is refused as well as one that has not.
    for (const path of [bare, undefined]) {
      const { status, err } = await rivalInContainer(home, path);
      expect(err).toMatch(/^ventral: .* is in use by process \d+ of another container or host /m);
      // Lines of the log say what is waited for.
      const said = err.trimEnd().split('\n');
      expect(said.filter((line) => !line.startsWith('{'))).toHaveLength(1);
      expect(status).toBe(1);
    }
    expect(await unknownScores(first, [...ids, ...(await askScores(first, 5))])).toEqual([]);
  });

  it('replace an owner that stands still, which writes no more and ends', async () => {
    const first = await started(servingBy(serveWords(home), { PATH: bare }));
    const ids = await askScores(first, 5);
    first.child.kill('SIGSTOP');
    const late = first.post('/v1/scores', { model: 'pixels', benchmarks: ['Simulated.V1-pls'] });
    const lost = expect(late).rejects.toThrow();
    const second = await started(serveInContainer(home, bare));
    ids.push(...(await askScores(second, 5)));
    first.child.kill('SIGCONT');
    const { status, err } = await first.ended;
    expect(status).toBe(1);
    expect(err).toContain('was taken over by another process while this one was suspended');
    await lost;
    ids.push(...(await askScores(second, 5)));
    await second.end('SIGKILL');
    const third = await started(serveInContainer(home, bare));
    expect(await unknownScores(third, ids)).toEqual([]);
  });
});
