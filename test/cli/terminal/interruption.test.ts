import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ORACLE } from '../../oracle.js';
import { runVentral, startVentral } from '../run-ventral.js';

let root: string;
let home: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-interrupt-'));
  home = join(root, 'home');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const objects = join(ORACLE, '09-end-to-end', 'neural-csv', 'benchmark.yaml');
const scratch = () => (existsSync(join(home, 'tmp')) ? readdirSync(join(home, 'tmp')) : []);

/** A run that has started to spill: the pixels of 88 images, 66 MiB, with a memory of one. */
async function spilling(...words: string[]) {
  const child = startVentral(home, ['--max-memory', '1MiB', ...words]);
  let out = '';
  child.stdout?.on('data', (text) => {
    out += text;
  });
  const ended = once(child, 'close');
  while (!spilled()) {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}: ${out}`);
    await sleep(2);
  }
  return { child, ended: ended.then(([status, signal]) => ({ status, signal, out })) };
}

function spilled(): boolean {
  const all = existsSync(join(home, 'tmp'))
    ? readdirSync(join(home, 'tmp'), { recursive: true })
    : [];
  return all.some((name) => /layers-/.test(String(name)));
}

const SCORE = ['score', 'pixels', '-l', 'pixels', '-b', objects];

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  test('ends a score with 130, and leaves no scratch', async () => {
    const { child, ended } = await spilling(...SCORE);
    child.kill(signal);
    expect(await ended).toEqual({ status: 130, signal: null, out: '' });
    expect(scratch()).toEqual([]);
  });
});

test('an export that is interrupted leaves neither scratch nor file', async () => {
  const output = join(root, 'out');
  mkdirSync(output);
  const words = ['activations', 'pixels', '--layers', 'pixels', '-b', objects];
  const { child, ended } = await spilling(...words, '-o', join(output, 'f.npz'));
  child.kill('SIGINT');
  expect(await ended).toMatchObject({ status: 130, out: '' });
  expect(scratch()).toEqual([]);
  expect(readdirSync(output)).toEqual([]);
});

test('one who cannot wait interrupts twice', async () => {
  const { child, ended } = await spilling(...SCORE);
  await interruptUntilEnded(child);
  expect((await ended).status).toBe(130);
});

async function interruptUntilEnded(child: ChildProcess): Promise<void> {
  for (let i = 0; i < 100 && child.exitCode === null; i++) {
    child.kill('SIGINT');
    await sleep(20);
  }
}

describe('what a killed run left', () => {
  test('is taken away by the next one', async () => {
    const { child, ended } = await spilling(...SCORE);
    child.kill('SIGKILL');
    expect(await ended).toMatchObject({ signal: 'SIGKILL' });
    expect(scratch()).toHaveLength(1);
    expect((await runVentral(home, ...SCORE)).status).toBe(0);
    expect(scratch()).toEqual([]);
  });

  test('is let be where its process lives, or where another host wrote it', async () => {
    const living = `scratch-${hostname()}-${process.pid}-abcdef`;
    const foreign = 'scratch-another.host-1-abcdef';
    for (const name of [living, foreign, 'service'])
      mkdirSync(join(home, 'tmp', name), { recursive: true });
    expect((await runVentral(home, ...SCORE)).status).toBe(0);
    expect(scratch().sort()).toEqual([foreign, living, 'service'].sort());
  });
});
