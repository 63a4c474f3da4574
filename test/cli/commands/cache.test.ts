import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { ContentCache } from '../../../src/activations/cache/content-cache.js';
import { parseSize, sizeText } from '../../../src/cli/options/global-options.js';
import { runVentral } from '../run-ventral.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-cli-cache-'));
let home = '';
let made = 0;

beforeEach(() => {
  home = join(root, String(made++));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Three entries of 1.5, 1.5 and 100.5 KiB on the disk. */
async function fill(): Promise<void> {
  const cache = await ContentCache.open(home);
  await cache.put('gram-sha256:1', [Buffer.alloc(1024)]);
  await cache.put('gram-sha256:2', [Buffer.alloc(1024)]);
  await cache.put('read-out-sha256:1', [Buffer.alloc(100 * 1024)]);
}

describe('ventral cache show', () => {
  test('tells entries and sizes by kind, the folder and the bound', async () => {
    await fill();
    const { status, out, err } = await runVentral(home, 'cache', 'show', '--max-cache', '2GiB');
    expect([status, out]).toEqual([
      0,
      'kind\tentries\tbytes\ngram\t2\t3072\nread-out\t1\t102912\n',
    ]);
    const folder = join(home, 'cache', 'activations');
    expect(err).toBe(`${folder} holds 103.5 KiB of at most 2 GiB\n`);
  });

  test('prints JSON', async () => {
    await fill();
    const { status, out, err } = await runVentral(home, 'cache', 'show', '--json');
    expect([status, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toEqual({
      folder: join(home, 'cache', 'activations'),
      maxBytes: 10 * 2 ** 30,
      entries: 3,
      bytes: 3 * 1024 + 100.5 * 1024,
      kinds: [
        { kind: 'gram', entries: 2, bytes: 3 * 1024 },
        { kind: 'read-out', entries: 1, bytes: 100.5 * 1024 },
      ],
    });
  });

  test('makes nothing where there is no cache yet', async () => {
    const { status, out, err } = await runVentral(home, 'cache', 'show');
    expect([status, out]).toEqual([0, '']);
    expect(err).toMatch(/holds 0 bytes of at most 10 GiB\n$/);
    expect(existsSync(home)).toBe(false);
  });
});

describe('ventral cache clear', () => {
  test('removes the entries, says what that freed, and leaves the simulated data', async () => {
    await fill();
    const simulated = join(home, 'cache', 'simulated');
    mkdirSync(simulated);
    writeFileSync(join(simulated, 'stimuli.csv'), 'x');
    const first = await runVentral(home, 'cache', 'clear');
    expect(first).toEqual({ status: 0, out: '3 entries removed, 103.5 KiB freed\n', err: '' });
    const second = await runVentral(home, 'cache', 'clear');
    expect(second).toEqual({ status: 0, out: '0 entries removed, 0 bytes freed\n', err: '' });
    expect(existsSync(join(simulated, 'stimuli.csv'))).toBe(true);
  });
});

describe('--max-cache', () => {
  test('refuses what is no size', async () => {
    const { status, err } = await runVentral(home, 'cache', 'show', '--max-cache', 'lots');
    expect(status).toBe(2);
    expect(err).toBe(
      'ventral: --max-cache: expected a size such as 512MiB or 2GiB, or 0, found "lots"\n',
    );
  });

  test.each([
    ['0', 0],
    ['0GiB', 0],
    ['1', 1],
  ])('may be %s', (text, bytes) => expect(parseSize(text, '--max-cache', 0)).toBe(bytes));
});

test.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1024, '1 KiB'],
  [1.25 * 2 ** 30, '1.3 GiB'],
  [512 * 2 ** 20, '512 MiB'],
  [2000 * 2 ** 40, '2000 TiB'],
])('%s bytes are %s', (bytes, text) => expect(sizeText(bytes)).toBe(text));
