import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLabelledSet } from '../../../src/training/data/open-labelled-set.js';

const fixture = resolve(import.meta.dirname, '../../fixtures/training-data/idx');
const fashion = '/usr/share/datasets/fashion-mnist';
const [imageFile, labelFile] = ['images-idx3-ubyte', 'labels-idx1-ubyte'];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'idx-'));
});
afterEach(() => rm(folder, { recursive: true }));

const plain = { images: imageFile, labels: labelFile };

test.each([
  plain,
  { images: `${imageFile}.gz`, labels: labelFile },
  { images: imageFile, labels: `${labelFile}.gz` },
])('reads $images and $labels', async (source) => {
  const set = await openLabelledSet(source, fixture);
  expect(set.classes).toEqual(['0', '1', '2', '3']);
  expect([...set.labels]).toEqual([3, 0, 1, 3, 2]);
  const { pixels, ...rest } = await set.picture(2);
  expect(rest).toEqual({ height: 4, width: 3, label: 1 });
  expect([...pixels]).toEqual(
    Array.from({ length: 36 }, (_, i) => ((24 + Math.floor(i / 3)) * 37) % 256),
  );
  expect(set.digest).toBe((await openLabelledSet(plain, fixture)).digest);
  await set.close();
});

test('classes have the names given, which every label needs', async () => {
  const named = (classes: readonly string[]) => openLabelledSet({ ...plain, classes }, fixture);
  expect((await named(['a', 'b', 'c', 'd', 'e'])).classes).toHaveLength(5);
  await expect(named(['a', 'b', 'c'])).rejects.toMatchObject({
    code: 'training-data-invalid',
    message: expect.stringMatching(/labels-idx1-ubyte, number 0, has label 3/),
  });
});

async function openBytes(images: Uint8Array, labels: Uint8Array) {
  await writeFile(join(folder, 'images'), images);
  await writeFile(join(folder, 'labels'), labels);
  return openLabelledSet({ images: 'images', labels: 'labels' }, folder);
}

const header = (...words: number[]) => {
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => {
    bytes.writeUInt32BE(word, i * 4);
  });
  return bytes;
};

const largest = 0xffffffff;
const values = (count: number) => new Uint8Array(count);

test.each([
  ['images of another kind', header(0x801, 5), /magic number/],
  ['floats', header(0xd03, 1, 1, 1), /magic number/],
  ['nothing', new Uint8Array(0), /magic number.*nothing/],
  ['half a header', header(0x803, 1), /header/],
  ['no image', header(0x803, 0, 2, 2), /dimensions.*at least 1/],
  ['endless images', header(0x803, largest, largest, largest), /dimensions/],
  ['one value too few', Buffer.concat([header(0x803, 1, 2, 2), values(3)]), /dimensions/],
  ['one value too many', Buffer.concat([header(0x803, 1, 2, 2), values(5)]), /dimensions/],
  ['endless sides', Buffer.concat([header(0x803, 1, 1, 20_000), values(20_000)]), /sides/],
  ['another number', Buffer.concat([header(0x803, 2, 1, 1), values(2)]), /number of labels/],
  ['endless packed images', gzipSync(header(0x803, largest, largest, largest)), /dimensions/],
  ['more than can be packed', gzipSync(header(0x803, 1, 1000, 1000)), /dimensions/],
  ['too few packed', gzipSync(Buffer.concat([header(0x803, 1, 2, 2), values(3)])), /length/],
  ['too many packed', gzipSync(Buffer.concat([header(0x803, 1, 2, 2), values(5)])), /length/],
  ['half a packed header', gzipSync(header(0x803, 1)), /header/],
  ['a broken packing', gzipSync(header(0x803, 1, 2, 2)).subarray(0, 20), /packing/],
])('%s are refused', async (_, images, message) => {
  const labels = Buffer.concat([header(0x801, 1), values(1)]);
  await expect(openBytes(images, labels)).rejects.toMatchObject({
    code: 'training-data-invalid',
    message: expect.stringMatching(message),
    details: { file: expect.stringMatching(/images|labels/) },
  });
});

test('damage gives pictures of the size that is said, or one error', async () => {
  const images = await readFile(join(fixture, imageFile));
  const labels = await readFile(join(fixture, labelFile));
  const damage = fc.array(fc.tuple(fc.nat(images.length - 1), fc.nat(255)), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.boolean(), damage, fc.nat(images.length), async (packed, bytes, cut) => {
      const file = packed ? gzipSync(images) : Buffer.from(images);
      for (const [at, value] of bytes) file[at] = value;
      const kept = bytes.length > 0 ? file : file.subarray(0, cut);
      try {
        const set = await openBytes(kept, labels);
        const { pixels, height, width } = await set.picture(4);
        expect(pixels).toHaveLength(height * width * 3);
        await set.close();
      } catch (error) {
        expect(error).toMatchObject({ name: 'VentralError', code: 'training-data-invalid' });
      }
    }),
    { numRuns: 150 },
  );
});

test.runIf(existsSync(fashion))('Fashion-MNIST opens', async () => {
  const set = await openLabelledSet(
    { images: 't10k-images-idx3-ubyte.gz', labels: 't10k-labels-idx1-ubyte.gz' },
    fashion,
  );
  expect(set.classes).toHaveLength(10);
  expect(set.labels).toHaveLength(10_000);
  for (let label = 0; label < 10; label++)
    expect(set.labels.filter((found) => found === label)).toHaveLength(1000);
  const last = await set.picture(9999);
  const bytes = gunzipSync(await readFile(join(fashion, 't10k-images-idx3-ubyte.gz')));
  expect(last.pixels.filter((_, i) => i % 3 === 1)).toEqual(new Uint8Array(bytes.subarray(-784)));
  await set.close();
});
