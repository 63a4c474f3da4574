import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareNaturally } from '../../src/data/ids.js';
import { selectStimuli } from '../../src/data/select-stimuli.js';
import { openStimulusSet } from '../../src/data/stimulus-set.js';
import { writeZip } from '../../src/formats/zip.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-frames-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Files by name, each of which holds its name. */
function folderOf(name: string, files: readonly string[]): string {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  for (const file of files) {
    mkdirSync(join(path, file, '..'), { recursive: true });
    writeFileSync(join(path, file), file);
  }
  return path;
}

async function opened(images: string, rows: readonly string[]) {
  const csv = join(root, 'stimuli.csv');
  writeFileSync(csv, ['stimulus_id,filename', ...rows, ''].join('\n'));
  return openStimulusSet({ identifier: 'clips', csv, images });
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

const files = [
  ...['a/f10.png', 'a/f9.png', 'a/f1.png', 'a/notes.txt', 'a/.f2.png', 'a/deeper/f0.png'],
  ...['b/2.jpg', 'b/01.jpg', 'still.png', 'a/Thumbs.db'],
];

test.each(['folder', 'ZIP'])('a %s has clips as folders, in natural order', async (kind) => {
  let images = folderOf('images', files);
  if (kind === 'ZIP') {
    images = join(root, 'images.zip');
    const entries = files.map((name) => ({ name, data: Buffer.from(name), compress: true }));
    await writeZip(images, entries);
  }
  const set = await opened(images, ['x,a', 'y,b/', 'z,still.png', 'w,./a']);
  expect([0, 1, 2, 3].map((row) => set.frames?.(row))).toEqual([3, 2, undefined, 3]);
  const names = (row: number) => [0, 1, 2].map((frame) => set.filename(row, frame));
  expect(names(0)).toEqual(['a/f1.png', 'a/f9.png', 'a/f10.png']);
  expect(set.filename(1)).toBe('b/01.jpg');
  expect(names(2)).toEqual(['still.png', 'still.png', 'still.png']);
  expect(text(await set.read(0, 2))).toBe('a/f10.png');
  expect(text(await set.read(0))).toBe('a/f1.png');
  const picked = selectStimuli(set, [2, 1]);
  expect([0, 1].map((row) => picked.frames?.(row))).toEqual([undefined, 2]);
  expect(text(await picked.read(1, 1))).toBe('b/2.jpg');
  await set.close();
});

test('a set of images alone has no frames', async () => {
  const set = await opened(folderOf('images', files), ['z,still.png']);
  expect(set.frames).toBeUndefined();
});

test.each([
  ['without images', 'empty/', ['empty/readme.txt']],
  ['of folders', 'outer', ['outer/inner/1.png']],
  ['that is not there', 'none', ['still.png']],
  ['outside', '../images', ['still.png']],
])('a folder %s is refused by name', async (_, name, own) => {
  const images = folderOf(`refused-${name.replace(/\W/g, '')}`, own);
  await expect(opened(images, [`x,${name}`])).rejects.toMatchObject({
    code: 'image-missing',
    message: expect.stringContaining(
      'for the stimulus "x", nor a folder of that name with images as its frames',
    ),
  });
});

test('a link out of the folder is no frame', async () => {
  const images = folderOf('linked', ['a/1.png']);
  writeFileSync(join(root, 'secret.png'), 'secret');
  symlinkSync(join(root, 'secret.png'), join(images, 'a', '2.png'));
  expect((await opened(images, ['x,a'])).frames?.(0)).toBe(1);
});

test('ten thousand frames are a list of names', async () => {
  const images = join(root, 'many.zip');
  const data = Buffer.from('x');
  const entries = Array.from({ length: 10_000 }, (_, i) => ({
    ...{ name: `clip/${10_000 - i}.png`, data, compress: false },
  }));
  await writeZip(images, entries);
  const set = await opened(images, ['x,clip']);
  expect(set.frames?.(0)).toBe(10_000);
  expect([0, 1, 9_999].map((frame) => set.filename(0, frame))).toEqual([
    ...['clip/1.png', 'clip/2.png', 'clip/10000.png'],
  ]);
  await set.close();
});

test('natural order', () => {
  const names = ['f10', 'f9', 'f1', 'f', 'g0', 'f1b', 'f01', 'f1a2', 'f1a10', '10', '9', 'F2', ''];
  const sorted = names.toSorted(compareNaturally);
  expect(sorted).toEqual([
    ...['', '9', '10', 'F2', 'f', 'f01', 'f1', 'f1a2', 'f1a10', 'f1b', 'f9', 'f10', 'g0'],
  ]);
  for (const name of names) expect(compareNaturally(name, name)).toBe(0);
  const long = '1'.repeat(400);
  expect(compareNaturally(`f${long}0`, `f${long}`)).toBeGreaterThan(0);
});
