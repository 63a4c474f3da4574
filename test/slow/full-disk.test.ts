import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runVentral } from '../cli/run-ventral.js';
import { ORACLE } from '../oracle.js';

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

  test('ends the making of simulated data with 1, and leaves none', async () => {
    const home = join(small, 'home');
    const { status, err } = await runVentral(home, 'score', 'gabor-v1', '-b', 'Simulated.V1-pls');
    expect(err).toMatch(/No space left on the disk/);
    expect(status).toBe(1);
    expect(readdirSync(join(home, 'cache', 'simulated'))).toEqual([]);
  });
});
