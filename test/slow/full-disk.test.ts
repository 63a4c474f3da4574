import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withTileRoom } from '../../src/activations/scratch/tile-room.js';
import { freeBytes } from '../../src/store/database/disk-room.js';
import { runVentral } from '../cli/run-ventral.js';
import { ORACLE } from '../oracle.js';
import { serve } from '../service/process.js';

/** A disk of one MiB, which root alone can make: elsewhere these tests say that they are skipped. */
const root = mkdtempSync(join(tmpdir(), 'ventral-full-'));
const small = join(root, 'small');
mkdirSync(small);
const mount = ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small];
const mounted = process.platform === 'linux' && spawnSync('mount', mount).status === 0;
const objects = join(ORACLE, '09-end-to-end', 'neural-csv', 'benchmark.yaml');

beforeAll(() => {
  if (!mounted) process.stderr.write('full-disk.test.ts: no disk can be mounted here, skipped\n');
});
afterAll(() => {
  if (mounted) spawnSync('umount', [small]);
  rmSync(root, { recursive: true, force: true });
});

describe.skipIf(!mounted)('a full disk', () => {
  test.each(['npz', 'nc', 'arrow'])(
    'ends an export to .%s with 1, and nothing half-written',
    async (ending) => {
      const words = ['activations', 'pixels', '--layers', 'pixels', '-b', objects];
      const home = join(root, 'home');
      const ran = await runVentral(home, ...words, '-o', join(small, `f.${ending}`));
      expect(ran.err).toMatch(/^ventral: No space left on the disk/);
      expect(ran.err.trimEnd().split('\n')).toHaveLength(1);
      expect([ran.status, ran.out]).toEqual([1, '']);
      expect(readdirSync(small)).toEqual([]);
      expect(readdirSync(join(home, 'tmp'))).toEqual([]);
    },
  );

  test('ends a score that must spill with 1, and leaves no scratch', async () => {
    const home = join(small, 'home');
    const words = ['score', 'pixels', '-b', objects, '--json', '--max-memory', '1MiB'];
    const { status, out, err } = await runVentral(home, ...words);
    expect(err).toMatch(/No space left on the disk/);
    expect([status, out]).toEqual([1, '[]\n']);
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
    rmSync(home, { recursive: true });
  });

  test('ends a regression in tiles that must spill with a typed error, and leaves no scratch', async () => {
    const home = join(small, 'tiles');
    const room = { home, maxMemory: 64, maxScratch: 2 ** 33 };
    const tile = () => new Float64Array(2 ** 15);
    const work = withTileRoom(room, 1, async ({ open }) => {
      const tiles = open(2 ** 22);
      for (let row = 0; row < 16; row++) await tiles.write(row, 0, tile());
    });
    await expect(work).rejects.toMatchObject({ code: 'disk-full' });
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
    rmSync(home, { recursive: true });
  });

  test('ends the making of simulated data with 1, and leaves none', async () => {
    const home = join(small, 'home');
    const { status, err } = await runVentral(home, 'score', 'gabor-v1', '-b', 'Simulated.V1-pls');
    expect(err).toMatch(/No space left on the disk/);
    expect(status).toBe(1);
    expect(readdirSync(join(home, 'cache', 'simulated'))).toEqual([]);
  });
});

/** One that a service lives on. */
const disk = join(root, 'disk');
mkdirSync(disk);
const roomy = ['-t', 'tmpfs', '-o', 'size=320m', 'tmpfs', disk];
const lives = mounted && spawnSync('mount', roomy).status === 0;
afterAll(() => {
  if (lives) spawnSync('umount', ['-l', disk]);
});

describe.skipIf(!lives)('a service whose disk fills', () => {
  test('says so, answers what only reads, and goes on when there is room', async () => {
    const home = join(disk, 'home');
    const service = await serve(home, '--concurrency', '0');
    const asked = { model: 'pixels', benchmarks: ['Simulated.V1-pls'] };
    const ready = () => service.call('GET', '/v1/ready');
    const filler = join(disk, 'filler');
    try {
      expect((await service.post('/v1/scores', asked)).status).toBe(202);
      expect((await ready()).body).toMatchObject({ status: 'ready', checks: { disk: 'ok' } });
      for (const left of [40, 0]) {
        fill(filler, left * 2 ** 20);
        const answer = await ready();
        expect(answer.status).toBe(503);
        expect(answer.body.checks.disk).toBe('failing');
        expect(answer.body.reasons.disk).toBe('The disk is full');
        expect(answer.body.checks.files).toBe(left ? 'ok' : 'failing');
        const refused = await service.post('/v1/scores', asked);
        expect([refused.status, refused.body.type]).toEqual([507, '/problems/disk-full']);
        expect(refused.text).not.toContain(root);
        expect((await service.call('GET', '/v1/scores')).body.items).toHaveLength(1);
      }
      rmSync(filler);
      expect((await ready()).status).toBe(200);
      expect((await service.post('/v1/scores', asked)).status).toBe(202);
    } finally {
      await service.end('SIGTERM');
    }
  });
});

/** Fills the disk of a file until this many bytes are left. */
function fill(path: string, left: number): void {
  const descriptor = openSync(path, 'a');
  const block = new Uint8Array(2 ** 18);
  try {
    while (freeBytes(path) > left) writeSync(descriptor, block);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    closeSync(descriptor);
  }
}
