import sharp from 'sharp';
import { expect, test } from 'vitest';
import { BatchFeed } from '../../../src/training/augment/batch-feed.js';
import { contactSheet } from '../../../src/training/augment/contact-sheet.js';
import { smallSet } from './small-set.js';

const spec = { side: 16, batch: 4, augment: [], label_smoothing: 0.1, seed: 0 };

async function sheetOf(changes: object, names?: readonly string[]) {
  const set = smallSet({ count: 12, ...(names ? { classes: names } : {}) });
  const feed = BatchFeed.of(set, {}, { ...spec, ...changes });
  const png = await contactSheet(feed, { epoch: 0, pictures: 6 });
  await feed.close();
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, ...info };
}

test('a sheet shows the pictures of the first batches, enlarged, and something under each', async () => {
  const { data, width } = await sheetOf({});
  const set = smallSet({ count: 12 });
  const feed = BatchFeed.of(set, {}, spec);
  const first = await feed.epoch(0)[Symbol.asyncIterator]().next();
  const red = Math.round(255 * (first.value?.pictures[0] ?? -1));
  expect(data[(10 * width + 10) * 3]).toBe(red);
  const caption = data.subarray((8 + 96) * width * 3, (8 + 96 + 14) * width * 3);
  expect(caption.some((value) => value < 100)).toBe(true);
});

test('three views of a picture stand side by side', async () => {
  const one = await sheetOf({});
  const three = await sheetOf({ mix: { AugMix: {} } });
  expect(three.height).toBeGreaterThan(one.height);
});

test('names of classes cannot break the sheet', async () => {
  const names = [
    '<b>&"',
    ']]>\u0000\u001b',
    'a name that is far too long for a picture of this size',
  ];
  expect((await sheetOf({ mix: { CutMix: {} } }, names)).width).toBeGreaterThan(0);
});

test('a feed without a whole batch gives an empty sheet', async () => {
  const feed = BatchFeed.of(smallSet({ count: 2 }), {}, spec);
  const { format } = await sharp(await contactSheet(feed, { epoch: 0, pictures: 6 })).metadata();
  expect(format).toBe('png');
});
