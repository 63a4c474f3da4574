import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decodeImage } from '../../../src/screen/decode.js';
import { toThreeChannels, withoutAlpha } from '../../../src/screen/picture.js';
import { decodeExample } from '../../../src/training/data/decode-example.js';
import { openLabelledSet } from '../../../src/training/data/open-labelled-set.js';

const pictures = resolve(import.meta.dirname, '../../fixtures/training-data/pictures');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-folders-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Copies images of the fixture to places in the folder. */
async function lay(places: Readonly<Record<string, string>>): Promise<void> {
  for (const [place, picture] of Object.entries(places)) {
    await mkdir(resolve(folder, 'set', place, '..'), { recursive: true });
    await cp(join(pictures, picture), join(folder, 'set', place));
  }
}

const openFolder = () => openLabelledSet({ folder: 'set' }, folder);

test('pictures are RGB as Pillow sees them, turned by no EXIF', async () => {
  const expected = JSON.parse(await readFile(`${pictures}.json`, 'utf8'));
  for (const [name, { pixels, ...size }] of Object.entries<Record<string, unknown>>(expected)) {
    const found = await decodeExample(await readFile(join(pictures, name)), name);
    expect({ name, width: found.width, height: found.height }).toEqual({ name, ...size });
    expect(Buffer.from(found.pixels).toString('base64'), name).toBe(pixels);
  }
});

test('pictures without alpha are those that a benchmark decodes', async () => {
  for (const name of [
    'colour.png',
    'grey.png',
    'palette.png',
    'bits.png',
    'turned.jpg',
    'grey.jpg',
  ]) {
    const bytes = await readFile(join(pictures, name));
    const { pixels } = await decodeExample(bytes, name);
    expect(pixels, name).toEqual(
      toThreeChannels(withoutAlpha(await decodeImage(bytes, name))).data,
    );
  }
});

test('classes and images come in the order of code points, without hidden files', async () => {
  await lay({
    'apple/b.png': 'grey.png',
    'apple/B.png': 'colour.png',
    'Zebra/1.jpg': 'turned.jpg',
    '😀/1.webp': 'lossless.webp',
    '\uffee/1.png': 'bits.png',
    'apple/.hidden': 'grey.png',
  });
  await writeFile(join(folder, 'set', 'README.txt'), 'about');
  const set = await openFolder();
  expect(set.classes).toEqual(['Zebra', 'apple', '\uffee', '😀']);
  expect([...set.labels]).toEqual([0, 1, 1, 2, 3]);
  const colour = await decodeExample(await readFile(join(pictures, 'colour.png')), 'colour.png');
  expect(await set.picture(1)).toEqual({ ...colour, label: 1 });
  await set.close();
});

test('the digest is one of names and bytes', async () => {
  await lay({ 'a/1.png': 'grey.png', 'b/1.png': 'colour.png' });
  const { digest } = await openFolder();
  expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect((await openFolder()).digest).toBe(digest);
  await lay({ 'b/1.png': 'alpha.png' });
  const changed = (await openFolder()).digest;
  await lay({ 'b/1.png': 'colour.png' });
  await cp(join(folder, 'set/b/1.png'), join(folder, 'set/b/2.png'));
  expect(new Set([digest, changed, (await openFolder()).digest]).size).toBe(3);
});

const inSet = (path: string) => join(folder, 'set', path);

test.each<[string, () => Promise<unknown>, RegExp]>([
  ['no class', () => mkdir(inSet('.')), /no folder in it/],
  ['an empty class', () => mkdir(inSet('b'), { recursive: true }), /set\/b has nothing in it/],
  ['a text', () => writeFile(inSet('a/x.txt'), 'no'), /x\.txt cannot be used: it is not an image/],
  ['an empty file', () => writeFile(inSet('a/x.png'), ''), /x\.png cannot be used: it is empty/],
  ['a folder', () => mkdir(inSet('a/deep')), /deep cannot be used: it is not a file/],
])('%s is named', async (what, make, message) => {
  if (what !== 'no class') await lay({ 'a/1.png': 'grey.png' });
  await make();
  await expect(openFolder()).rejects.toMatchObject({
    code: 'training-data-invalid',
    message: expect.stringMatching(message),
  });
});

test('a folder that is missing is named', async () => {
  await expect(openFolder()).rejects.toMatchObject({
    code: 'file-missing',
    message: expect.stringMatching(/set does not exist/),
  });
});

test('files where folders belong, and folders where files belong, are named', async () => {
  await lay({ 'a/1.png': 'grey.png' });
  for (const source of [
    { folder: 'set/a/1.png' },
    { images: 'set', labels: 'set' },
    { shards: 'set/a' },
  ])
    await expect(openLabelledSet(source, folder)).rejects.toMatchObject({
      code: 'training-data-invalid',
      message: expect.stringMatching(/set.* is a (file|folder); expected a (folder|file)/),
    });
});

test('a picture that is gone is named', async () => {
  await lay({ 'a/1.png': 'grey.png' });
  const set = await openFolder();
  await rm(join(folder, 'set/a/1.png'));
  await expect(set.picture(0)).rejects.toMatchObject({
    code: 'file-missing',
    message: expect.stringContaining('1.png'),
  });
});

test('a picture that is cut short is named when it is read', async () => {
  const bytes = await readFile(join(pictures, 'colour.png'));
  await lay({ 'a/1.png': 'grey.png' });
  await writeFile(join(folder, 'set/a/2.png'), bytes.subarray(0, 120));
  const set = await openFolder();
  await expect(set.picture(1)).rejects.toMatchObject({
    code: 'training-data-invalid',
    message: expect.stringContaining('2.png'),
  });
});
