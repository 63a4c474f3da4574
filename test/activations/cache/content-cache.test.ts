import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { ContentCache } from '../../../src/activations/cache/content-cache.js';
import { digestOf } from '../../../src/formats/digest.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-cache-'));
let home = '';
let made = 0;

beforeEach(() => {
  home = join(root, String(made++));
});

const KIB = 1024;
const MIB = 1024 * KIB;
const keyOf = (name: string | number) => `gram-${digestOf(name)}`;
const folder = () => join(home, 'cache', 'activations');
const unfinished = () => join(folder(), 'unfinished');

/** Paths of the entries on the disk. */
function files(): string[] {
  if (!existsSync(folder())) return [];
  return readdirSync(folder(), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder(), name))
    .filter((path) => statSync(path).isFile());
}

const bytesOnDisk = () => files().reduce((sum, path) => sum + statSync(path).size, 0);

/** Puts one entry and gives its file. */
async function only(cache: ContentCache, key: string, bytes: Uint8Array): Promise<string> {
  const before = files();
  expect(await cache.put(key, [bytes])).toBe(true);
  const [path] = files().filter((file) => !before.includes(file));
  return path;
}

describe('what is kept', () => {
  test('comes back, bit for bit, in a buffer of its own', async () => {
    const cache = await ContentCache.open(home);
    const values = Float64Array.of(1, -0, Number.NaN, 1e-320, 4);
    const bytes = new Uint8Array(values.buffer);
    expect(await cache.put(keyOf('a'), [bytes.subarray(0, 3), bytes.subarray(3)])).toBe(true);
    const other = await ContentCache.open(home);
    const back = await other.get(keyOf('a'));
    expect(back?.byteOffset).toBe(0);
    expect(back?.buffer.byteLength).toBe(bytes.length);
    expect(new Float64Array(back!.buffer)).toEqual(values);
    expect(await other.get(keyOf('b'))).toBeUndefined();
  });

  test('comes back where it is longer than one read, and where it is empty', async () => {
    const cache = await ContentCache.open(home);
    const long = randomBytes(3 * 2 ** 20 + 17);
    await cache.put(keyOf('long'), [long]);
    await cache.put(keyOf('empty'), []);
    expect(Buffer.compare((await cache.get(keyOf('long')))!, long)).toBe(0);
    expect((await cache.get(keyOf('empty')))?.length).toBe(0);
  });

  test('is told by kind', async () => {
    const cache = await ContentCache.open(home);
    for (const key of [keyOf(1), keyOf(2), `read-out-${digestOf(1)}`, 'shapes:1']) {
      await cache.put(key, [Buffer.from('value')]);
    }
    const kinds = (await cache.entries()).map(({ kind }) => kind).sort();
    expect(kinds).toEqual(['gram', 'gram', 'read-out', 'shapes']);
  });

  test('goes when it is cleared, and nothing else does', async () => {
    const cache = await ContentCache.open(home);
    await cache.put(keyOf(1), [Buffer.alloc(1000)]);
    await cache.put(keyOf(2), [Buffer.alloc(1000)]);
    const simulated = join(home, 'cache', 'simulated', 'stimuli.csv');
    mkdirSync(join(home, 'cache', 'simulated'));
    writeFileSync(simulated, 'x');
    writeFileSync(join(folder(), 'note.txt'), 'mine');
    expect(await cache.clear()).toEqual({ entries: 2, bytes: 2 * (1000 + 512) });
    expect(await cache.get(keyOf(1))).toBeUndefined();
    expect([existsSync(simulated), files()]).toEqual([true, [join(folder(), 'note.txt')]]);
    expect(await cache.put(keyOf(1), [Buffer.alloc(1000)])).toBe(true);
  });

  test('is nothing where the bound is 0', async () => {
    await (await ContentCache.open(home)).put(keyOf(1), [Buffer.alloc(10)]);
    const off = await ContentCache.open(home, { maxBytes: 0 });
    expect(await off.get(keyOf(1))).toBeUndefined();
    expect(await off.put(keyOf(2), [Buffer.alloc(10)])).toBe(false);
  });

  test('has a key that fits its header', async () => {
    const cache = await ContentCache.open(home);
    for (const key of ['', 'two\nlines', 'é', 'x'.repeat(257)]) {
      await expect(cache.get(key)).rejects.toThrow(RangeError);
    }
    expect(await cache.put('x'.repeat(256), [Buffer.from('y')])).toBe(true);
    expect(await cache.get('x'.repeat(256))).toEqual(new Uint8Array(Buffer.from('y')));
  });
});

describe('a damaged entry reads as absent, and is taken away', () => {
  const flip = (at: number) => (path: string) => {
    const bytes = readFileSync(path);
    bytes[at < 0 ? bytes.length + at : at] ^= 1;
    writeFileSync(path, bytes);
  };
  const size = 512 + 5000;
  test.each<[string, (path: string) => void]>([
    ['the first bit of the body', flip(512)],
    ['the last bit of the body', flip(-1)],
    ['the format', flip(0)],
    ['the key', flip('ventral-cache-1\n'.length + 3)],
    ['the length', flip(`ventral-cache-1\n${keyOf('a')}\n`.length)],
    ['the digest', flip(`ventral-cache-1\n${keyOf('a')}\n5000\n`.length)],
    ['a body that is cut short', (path) => truncateSync(path, size - 1)],
    ['a body that is missing', (path) => truncateSync(path, 512)],
    ['a header that is cut short', (path) => truncateSync(path, 100)],
    ['an empty file', (path) => truncateSync(path, 0)],
    ['a body that goes on', (path) => truncateSync(path, size + 1)],
    ['zeros, as a power loss leaves them', (path) => writeFileSync(path, Buffer.alloc(size))],
  ])('%s', async (_what, damage) => {
    const cache = await ContentCache.open(home);
    const path = await only(cache, keyOf('a'), randomBytes(5000));
    damage(path);
    expect(await cache.get(keyOf('a'))).toBeUndefined();
    expect(existsSync(path)).toBe(false);
    expect(await cache.put(keyOf('a'), [Buffer.from('again')])).toBe(true);
    expect(await cache.get(keyOf('a'))).toEqual(new Uint8Array(Buffer.from('again')));
  });

  test('the entry of another key', async () => {
    const cache = await ContentCache.open(home);
    const from = await only(cache, keyOf('a'), Buffer.from('a'));
    const to = await only(cache, keyOf('b'), Buffer.from('b'));
    copyFileSync(from, to);
    expect(await cache.get(keyOf('b'))).toBeUndefined();
    expect(existsSync(to)).toBe(false);
    expect(await cache.get(keyOf('a'))).toBeDefined();
  });

  test('and is told as damaged before it is read', async () => {
    const cache = await ContentCache.open(home);
    truncateSync(await only(cache, keyOf('a'), Buffer.from('a')), 100);
    expect(await cache.entries()).toEqual([{ kind: 'damaged', bytes: 100 }]);
  });
});

describe('the bound', () => {
  const maxBytes = 100 * KIB;
  const body = 10 * KIB - 512;

  test('holds by letting go what was used least recently', async () => {
    const cache = await ContentCache.open(home, { maxBytes });
    const paths: string[] = [];
    for (let i = 0; i < 10; i++) {
      const path = await only(cache, keyOf(i), Buffer.alloc(body, i));
      const used = new Date(2020, 0, 1 + i);
      utimesSync(path, used, used);
      paths.push(path);
    }
    expect(bytesOnDisk()).toBe(maxBytes);
    await cache.get(keyOf(0));
    // One more does not fit: two go, so that the bound is 90 % full with it.
    expect(await cache.put(keyOf(10), [Buffer.alloc(body)])).toBe(true);
    expect(paths.map((path) => existsSync(path))).toEqual(
      paths.map((_path, i) => i !== 1 && i !== 2),
    );
    expect(bytesOnDisk()).toBe(0.9 * maxBytes);
  });

  test('takes matrices before the measurements that were made from them, however old', async () => {
    const cache = await ContentCache.open(home, { maxBytes: 20 * MIB });
    const cell = await only(cache, 'cell:old', Buffer.alloc(64));
    const longAgo = new Date(2020, 0, 1);
    utimesSync(cell, longAgo, longAgo);
    const first = await only(cache, keyOf(0), Buffer.alloc(2 * MIB - KIB));
    for (let i = 1; i <= 10; i++) await cache.put(keyOf(i), [Buffer.alloc(2 * MIB - KIB)]);
    expect(existsSync(first)).toBe(false);
    expect(existsSync(cell)).toBe(true);
  });

  test('holds at every instant, and counts what was there before', async () => {
    for (let round = 0; round < 3; round++) {
      const cache = await ContentCache.open(home, { maxBytes });
      for (let i = 0; i < 25; i++) {
        expect(await cache.put(keyOf(`${round} ${i}`), [randomBytes((i * 997) % body)])).toBe(true);
        expect(bytesOnDisk()).toBeLessThanOrEqual(maxBytes);
      }
    }
    expect(bytesOnDisk()).toBeGreaterThan(0.8 * maxBytes);
  });

  test('holds for puts that are asked for at once', async () => {
    const cache = await ContentCache.open(home, { maxBytes });
    const keys = Array.from({ length: 60 }, (_, i) => keyOf(i));
    const kept = await Promise.all(keys.map((key, i) => cache.put(key, [Buffer.alloc(body, i)])));
    expect(kept.every(Boolean)).toBe(true);
    expect(bytesOnDisk()).toBeLessThanOrEqual(maxBytes);
    expect(await cache.get(keys[59])).toEqual(new Uint8Array(body).fill(59));
  });

  test('does not let one entry take more than a tenth', async () => {
    const cache = await ContentCache.open(home, { maxBytes });
    expect(await cache.put(keyOf(1), [Buffer.alloc(body), Buffer.alloc(1)])).toBe(false);
    expect(await cache.put(keyOf(1), [Buffer.alloc(body)])).toBe(true);
  });

  test('that is lowered empties the cache by the next put', async () => {
    const cache = await ContentCache.open(home);
    for (let i = 0; i < 20; i++) await cache.put(keyOf(i), [Buffer.alloc(body)]);
    await (await ContentCache.open(home, { maxBytes })).put(keyOf(20), [Buffer.alloc(body)]);
    expect(bytesOnDisk()).toBe(0.9 * maxBytes);
  });
});

/** A disk of one MiB, which root alone can make: elsewhere its test says that it is skipped. */
const small = join(root, 'small');
mkdirSync(small);
const mounted =
  process.platform === 'linux' &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]).status === 0;
if (!mounted) process.stderr.write('content-cache.test.ts: no disk can be mounted, one skipped\n');
afterAll(() => {
  if (mounted) spawnSync('umount', [small]);
  rmSync(root, { recursive: true, force: true });
});

describe('a disk that does not take it', () => {
  test.skipIf(!mounted)('a full one is no error, and nothing half-written stays', async () => {
    home = small;
    const cache = await ContentCache.open(home);
    const put = (i: number) => cache.put(keyOf(i), [Buffer.alloc(300 * KIB, i)]);
    const kept = [await put(0), await put(1), await put(2), await put(3)];
    expect(kept).toEqual([true, true, true, false]);
    expect(readdirSync(unfinished())).toEqual([]);
    expect((await cache.get(keyOf(2)))?.[0]).toBe(2);
    expect(await cache.get(keyOf(3))).toBeUndefined();
    await cache.clear();
    expect(await put(3)).toBe(true);
  });

  test('one that may not be written still serves', async () => {
    await (await ContentCache.open(home)).put(keyOf(1), [Buffer.from('1')]);
    const folders = [...readdirSync(folder()).map((name) => join(folder(), name)), folder()];
    const bind = mounted && spawnSync('mount', ['--bind', '-o', 'ro', home, home]).status === 0;
    for (const each of folders) if (!bind) chmodSync(each, 0o500);
    try {
      const cache = await ContentCache.open(home);
      expect(await cache.get(keyOf(1))).toEqual(new Uint8Array(Buffer.from('1')));
      // Without the mount, root alone may write all the same.
      const writable = !bind && process.getuid?.() === 0;
      expect(await cache.put(keyOf(2), [Buffer.from('2')])).toBe(writable);
    } finally {
      if (bind) spawnSync('umount', [home]);
      for (const each of folders) if (!bind) chmodSync(each, 0o700);
    }
  });

  test('one where a file stands in place of a folder', async () => {
    mkdirSync(home);
    writeFileSync(join(home, 'cache'), 'a file');
    const cache = await ContentCache.open(home);
    expect(await cache.get(keyOf(1))).toBeUndefined();
    expect(await cache.put(keyOf(1), [Buffer.from('1')])).toBe(false);
    await expect(cache.entries()).rejects.toThrow(/ENOTDIR/);
  });
});

const script = join(root, 'worker.mjs');
const built = resolve(import.meta.dirname, '../../../dist/src/activations/cache/content-cache.js');
writeFileSync(
  script,
  `import { createHash } from 'node:crypto';
import { ContentCache } from ${JSON.stringify(pathToFileURL(built).href)};
const [home, maxBytes, seed, rounds] = process.argv.slice(2);
const cache = await ContentCache.open(home, { maxBytes: Number(maxBytes) });
let state = Number(seed);
const random = (below) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const bodyOf = (key) => {
  const digest = createHash('sha256').update(key).digest();
  return Buffer.alloc(1000 + 30 * digest[0], digest);
};
const done = { hits: 0, misses: 0, kept: 0, refused: 0, wrong: 0 };
process.stdout.write('begins\\n');
for (let round = 0; round < Number(rounds); round++) {
  const key = 'gram:' + random(60);
  if (random(200) === 0) await cache.clear();
  const found = await cache.get(key);
  if (found) done[bodyOf(key).equals(found) ? 'hits' : 'wrong']++;
  else {
    done.misses++;
    done[(await cache.put(key, [bodyOf(key)])) ? 'kept' : 'refused']++;
  }
}
process.stdout.write(JSON.stringify(done));
`,
);

/** Starts a process that reads and writes sixty keys at random. */
function worker(maxBytes: number, seed: number, rounds: number): ChildProcess {
  const words = [script, home, String(maxBytes), String(seed), String(rounds)];
  return spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What a process printed, standard error after standard output, when it has ended. */
async function printed(child: ChildProcess): Promise<string> {
  let [out, err] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  await new Promise((end) => child.once('close', end));
  return out + err;
}

describe('several processes', () => {
  const maxBytes = 128 * KIB;

  test('read, write and evict at once: no error, and every entry served is right', async () => {
    const ended = await Promise.all(
      [1, 2, 3, 4].map((seed) => printed(worker(maxBytes, seed, 300))),
    );
    const counts = ended.map((text) => JSON.parse(text.replace('begins\n', '')));
    for (const { hits, misses, kept, wrong } of counts) {
      expect(wrong).toBe(0);
      expect(hits).toBeGreaterThan(10);
      expect(kept).toBeGreaterThan(10);
      expect(hits + misses).toBe(300);
    }
    expect(readdirSync(unfinished())).toEqual([]);
    expect(bytesOnDisk()).toBeLessThanOrEqual(maxBytes * (1 + 4 / 10));
  });

  test('that are killed leave nothing that is served, and what they leave is swept', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const child = worker(maxBytes, seed, 1e9);
      await new Promise((begun) => child.stdout?.once('data', begun));
      await new Promise((later) => setTimeout(later, 17 * seed));
      child.kill('SIGKILL');
      await new Promise((end) => child.once('close', end));
    }
    // A process killed in the middle of a write, whatever the six above were doing.
    writeFileSync(join(unfinished(), 'left'), 'ventral-cache-1\ngram:1\n');
    expect(JSON.parse((await printed(worker(maxBytes, 7, 200))).slice(7)).wrong).toBe(0);
    const old = new Date(Date.now() - 3_600_000);
    for (const name of readdirSync(unfinished())) utimesSync(join(unfinished(), name), old, old);
    await ContentCache.open(home);
    expect(readdirSync(unfinished())).toEqual([]);
  });

  test('one that writes keeps its file while others open the cache', async () => {
    mkdirSync(unfinished(), { recursive: true });
    const writing = join(unfinished(), 'now');
    writeFileSync(writing, 'half');
    await ContentCache.open(home);
    expect(existsSync(writing)).toBe(true);
  });
});
