import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLabelledSet } from '../../../src/training/data/open-labelled-set.js';
import { shardNames } from '../../../src/training/data/shard-names.js';

const fixture = resolve(import.meta.dirname, '../../fixtures/training-data/shards');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shards-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Opens every image of shards and gives the value of which each is full, and its label. */
async function contents(shards: string, where = fixture) {
  const set = await openLabelledSet({ shards }, where);
  const found: [number, number][] = [];
  for (const index of set.labels.keys()) {
    const { pixels, width, height, label } = await set.picture(index);
    expect([width, height, pixels.length]).toEqual([3, 2, 18]);
    expect(new Set(pixels).size).toBe(1);
    expect(label).toBe(set.labels[index]);
    found.push([pixels[0], label]);
  }
  return found;
}

test('a range of ustar shards is one set', async () => {
  expect(await contents('ustar-{08..10}.tar')).toEqual([
    [0, 0],
    [20, 1],
    [40, 2],
    [60, 0],
    [80, 1],
  ]);
  const { classes } = await openLabelledSet({ shards: 'ustar-{08..10}.tar' }, fixture);
  expect(classes).toEqual(['0', '1', '2']);
});

test.each(['pax.tar', 'gnu.tar'])('%s has long names', async (shard) => {
  expect(await contents(shard)).toEqual([
    [0, 0],
    [20, 1],
    [40, 2],
  ]);
});

test('the digest follows the bytes of the shards', async () => {
  const digest = async (shards: string) => (await openLabelledSet({ shards }, fixture)).digest;
  expect(await digest('pax.tar')).toBe(await digest('pax.tar'));
  expect(await digest('pax.tar')).not.toBe(await digest('gnu.tar'));
});

test('numbers of a range are as wide as its first', () => {
  expect(shardNames('a-{0..2}.tar')).toEqual(['a-0.tar', 'a-1.tar', 'a-2.tar']);
  expect(shardNames('{08..10}/{1..2}')).toEqual(['08/1', '08/2', '09/1', '09/2', '10/1', '10/2']);
  expect(shardNames('{a,b}.tar')).toEqual(['{a,b}.tar']);
  for (const pattern of ['{2..1}', '{0..999999999}', '{0..9999}{0..9999}', '{0..9}'.repeat(400)])
    expect(() => shardNames(pattern)).toThrow(/files; from 1 to 100000/);
});

type Entry = readonly [name: string, data: string | Uint8Array, type?: 'symlink' | 'directory'];

async function writeShard(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const [name, data, type] of entries)
    tar.entry({ name, ...(type ? { type } : {}) }, type ? '' : Buffer.from(data));
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk as Uint8Array);
  const bytes = Buffer.concat(chunks);
  await writeFile(join(folder, 'shard.tar'), bytes);
  return bytes;
}

const openShard = (classes?: readonly string[]) =>
  openLabelledSet({ shards: 'shard.tar', ...(classes ? { classes } : {}) }, folder);

test.each<[string, readonly Entry[], RegExp]>([
  [
    'a picture without class',
    [
      ['a.png', 'x'],
      ['b.png', 'x'],
      ['b.cls', '1'],
    ],
    /"a",.*without \.cls/,
  ],
  [
    'a class without picture',
    [
      ['a.png', 'x'],
      ['a.cls', '1'],
      ['b.cls', '1'],
    ],
    /"b",.*without image/,
  ],
  [
    'two pictures of a key',
    [
      ['a.png', 'x'],
      ['a.jpg', 'x'],
      ['a.cls', '1'],
    ],
    /"a\.jpg",.*second/,
  ],
  [
    'a class that is a word',
    [
      ['a.png', 'x'],
      ['a.cls', 'cat'],
    ],
    /"a\.cls",.*"cat"/,
  ],
  [
    'a class below 0',
    [
      ['a.png', 'x'],
      ['a.cls', '-1'],
    ],
    /"-1"/,
  ],
  [
    'a class without end',
    [
      ['a.png', 'x'],
      ['a.cls', '9'.repeat(33)],
    ],
    /33 bytes/,
  ],
  [
    'an endless number of classes',
    [
      ['a.png', 'x'],
      ['a.cls', '1000001'],
    ],
    /1000000/,
  ],
  [
    'an empty class',
    [
      ['a.png', 'x'],
      ['a.cls', ''],
    ],
    /""/,
  ],
  [
    'no example',
    [
      ['a.json', '{}'],
      ['.png', 'x'],
      ['b', 'x'],
    ],
    /no example/,
  ],
])('%s is named', async (_, entries, message) => {
  await writeShard(entries);
  await expect(openShard()).rejects.toMatchObject({
    code: 'training-data-invalid',
    message: expect.stringMatching(message),
    details: { file: expect.stringMatching(/shard\.tar$/) },
  });
});

test('links and folders are no pictures, and what is no picture is named when it is read', async () => {
  await writeShard([
    ['a.png', '', 'directory'],
    ['b.png', '', 'symlink'],
    ['c.png', 'no picture'],
    ['c.cls', ' 2\n'],
  ]);
  const set = await openShard();
  expect([...set.labels]).toEqual([2]);
  await expect(set.picture(0)).rejects.toMatchObject({
    code: 'training-data-invalid',
    message: expect.stringContaining('c.png'),
  });
  await expect(openShard(['a', 'b'])).rejects.toMatchObject({
    message: expect.stringMatching(/c\.png, has label 2/),
  });
});

test('a shard that shrank since is named', async () => {
  const bytes = await readFile(join(fixture, 'pax.tar'));
  await writeFile(join(folder, 'shard.tar'), bytes);
  const set = await openShard();
  await writeFile(join(folder, 'shard.tar'), bytes.subarray(0, 600));
  await expect(set.picture(2)).rejects.toMatchObject({ code: 'training-data-invalid' });
});

test('a missing shard is named', async () => {
  await expect(openShard()).rejects.toMatchObject({
    code: 'file-missing',
    message: expect.stringContaining('shard.tar'),
  });
});

/** Makes the checksum of a header right again. */
function sealHeader(block: Uint8Array): void {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
}

test('damage gives pictures or one error', async () => {
  const shards = await Promise.all(
    ['pax.tar', 'gnu.tar', 'ustar-08.tar'].map((name) => readFile(join(fixture, name))),
  );
  const field = fc.constantFrom([0, 100], [100, 8], [124, 12], [156, 1], [257, 8], [345, 155]);
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 12 }),
    fc
      .constantFrom(...['77777777777', '-1', '0', '1001', `\x80${'\xff'.repeat(11)}`])
      .map((text) => Uint8Array.from(Buffer.from(text, 'latin1'))),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.nat(2),
      fc.nat(20),
      field,
      bytes,
      fc.boolean(),
      fc.option(fc.nat(20_000)),
      async (which, block, [from, length], value, sealed, cut) => {
        const shard = Buffer.from(shards[which]);
        const header = shard.subarray(block * 512, block * 512 + 512);
        header.set(value.subarray(0, length), from);
        if (sealed) sealHeader(header);
        await writeFile(join(folder, 'shard.tar'), cut === null ? shard : shard.subarray(0, cut));
        try {
          const set = await openShard();
          for (const index of set.labels.keys()) await set.picture(index);
        } catch (error) {
          expect(error).toMatchObject({ name: 'VentralError', code: 'training-data-invalid' });
        }
      },
    ),
    { numRuns: 300 },
  );
});
