import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, afterEach, expect, test } from 'vitest';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { BatchFeed } from '../../../src/training/augment/batch-feed.js';
import { ImageCache } from '../../../src/training/augment/image-cache.js';
import type { FeedSpec, TrainingBatch } from '../../../src/training/augment/training-batch.js';
import { smallSet } from './small-set.js';

const generated = { generate: 'objects-on-backgrounds', seed: 5, count: 40, side: 24 } as const;

const spec: FeedSpec = {
  side: 16,
  batch: 4,
  augment: [{ RandomResizedCrop: { scale: [0.3, 1] } }, { RandomHorizontalFlip: {} }],
  label_smoothing: 0.1,
  seed: 3,
  workers: 0,
};

const open: BatchFeed[] = [];
async function feedOf(
  changes: Partial<FeedSpec> = {},
  part: { readonly indices?: Int32Array } = {},
): Promise<BatchFeed> {
  const feed = await BatchFeed.open(generated, '.', part, { ...spec, ...changes });
  open.push(feed);
  return feed;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((feed) => feed.close()));
});

async function all<T>(batches: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const batch of batches) found.push(batch);
  return found;
}

/** Feeds with workers that several tests share: a thread takes a while to start. */
const shared = new Map<number, Promise<BatchFeed>>();
const sharedFeed = (workers: number) => {
  const augment = [...spec.augment, { ElasticTransform: { alpha: 9, sigma: 2 } }, { ISONoise: {} }];
  const rich = { ...spec, augment, mix: { CutMixPatch: {} }, workers };
  const found = shared.get(workers) ?? BatchFeed.open(generated, '.', {}, rich);
  shared.set(workers, found);
  return found;
};
afterAll(async () => {
  for (const feed of shared.values()) await (await feed).close();
});

test('any number of workers gives the same bits', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 1000 }), async (epoch) => {
      const made: TrainingBatch[][] = [];
      for (const workers of [0, 1, 3])
        made.push(await all((await sharedFeed(workers)).epoch(epoch)));
      expect(made[1]).toEqual(made[0]);
      expect(made[2]).toEqual(made[0]);
    }),
    { numRuns: 2 },
  );
});

test('an epoch shows every picture of the part at most once, in an order of its own', async () => {
  const part = Int32Array.from({ length: 30 }, (_, i) => i + 7);
  const feed = await feedOf({}, { indices: part });
  const shown = async (epoch: number) =>
    (await all(feed.epoch(epoch))).flatMap(({ indices }) => [...indices]);
  const [first, again, second] = [await shown(0), await shown(0), await shown(1)];
  expect(first).toHaveLength(28);
  expect(new Set(first).size).toBe(28);
  expect(first.every((index) => part.includes(index))).toBe(true);
  expect(again).toEqual(first);
  expect(second).not.toEqual(first);
});

test('a picture comes out differently in every epoch, and the same whatever the batch size', async () => {
  const pictureOf = async (feed: BatchFeed, epoch: number, wanted: number) => {
    for (const { pictures, indices } of await all(feed.epoch(epoch))) {
      const at = indices.indexOf(wanted);
      const each = 3 * 16 * 16;
      if (at >= 0) return pictures.slice(at * each, (at + 1) * each);
    }
    throw new Error('not shown');
  };
  const whole = await feedOf();
  const pairs = await feedOf({ batch: 2 });
  const first = await pictureOf(whole, 0, 11);
  expect(await pictureOf(pairs, 0, 11)).toEqual(first);
  expect(await pictureOf(whole, 1, 11)).not.toEqual(first);
});

test('an epoch can be gone on with at a batch', async () => {
  const feed = await sharedFeed(1);
  expect(await all(feed.epoch(4, 7))).toEqual((await all(feed.epoch(4))).slice(7));
});

test('a picture is read once as long as there is room, and comes out the same afterwards', async () => {
  const set = smallSet({ count: 8 });
  const read: number[] = [];
  const counted = {
    ...set,
    picture: async (index: number) => {
      read.push(index);
      return set.picture(index);
    },
  };
  const feed = BatchFeed.of(counted, {}, spec);
  const [first, again] = [await all(feed.epoch(0)), await all(feed.epoch(0))];
  expect(again).toEqual(first);
  expect(read).toHaveLength(8);
  const short = new ImageCache(counted, 3 * 20 * 20 * 3);
  read.length = 0;
  for (const index of [0, 1, 2, 3, 0, 3])
    expect(await short.picture(index)).toEqual(await set.picture(index));
  expect(read).toEqual([0, 1, 2, 3, 3]);
});

test('targets are smoothed one-hot rows', async () => {
  const feed = await feedOf();
  const classes = feed.set.classes.length;
  for (const { targets, labels } of await all(feed.epoch(0))) {
    labels.forEach((label, i) => {
      const row = [...targets.slice(i * classes, (i + 1) * classes)];
      row.forEach((value, k) => {
        expect(value).toBeCloseTo(k === label ? 0.9 + 0.1 / classes : 0.1 / classes, 6);
      });
    });
  }
});

test.each([0, 1])(
  'examples come as they are, the last batch filled up (%i workers)',
  async (workers) => {
    const feed = await sharedFeed(workers);
    const indices = Int32Array.of(5, 3, 3, 39, 0, 8);
    const [first, last] = await all(feed.examples(indices));
    expect([first.count, last.count]).toEqual([4, 2]);
    expect([...last.indices]).toEqual([0, 8, -1, -1]);
    expect([...last.labels]).toEqual([feed.set.labels[0], feed.set.labels[8], -1, -1]);
    const each = 3 * 16 * 16;
    expect(last.pictures.slice(2 * each).every((value) => value === 0)).toBe(true);
    expect(first.pictures.slice(each, 2 * each)).toEqual(first.pictures.slice(2 * each, 3 * each));
    expect(await all(feed.examples())).toHaveLength(10);
  },
);

test.each([0, 1])('whoever leaves early can start again (%i workers)', async (workers) => {
  const feed = await feedOf({ workers });
  for await (const _ of feed.epoch(0)) break;
  expect(await all(feed.epoch(0))).toHaveLength(10);
});

test.each([0, 1])('closing ends an epoch that is under way (%i workers)', async (workers) => {
  const feed = await feedOf({ workers });
  const batches = feed.epoch(0)[Symbol.asyncIterator]();
  await batches.next();
  await feed.close();
  await expect(all({ [Symbol.asyncIterator]: () => batches })).rejects.toMatchObject({
    code: 'interrupted',
  });
});

test('a picture that cannot be read ends the epoch and is named', async () => {
  const set = smallSet({ count: 12 });
  const broken = {
    ...set,
    picture: async (index: number) => {
      if (index === 7) throw new VentralError('training-data-invalid', 'it is no picture');
      return set.picture(index);
    },
  };
  const feed = BatchFeed.of(broken, {}, spec);
  await expect(all(feed.epoch(0))).rejects.toThrow('Image 7 of the set: it is no picture');
  await feed.close();
});

test('a picture that a worker cannot read ends the epoch, is named, and leaves the feed in order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ventral-feed-'));
  const pixels = Buffer.alloc(20 * 20 * 3, 120);
  const png = await sharp(pixels, { raw: { width: 20, height: 20, channels: 3 } })
    .png()
    .toBuffer();
  for (const name of ['cat', 'dog']) {
    mkdirSync(join(folder, name));
    for (const i of [0, 1, 2, 3]) writeFileSync(join(folder, name, `${i}.png`), png);
  }
  writeFileSync(join(folder, 'dog', '2.png'), png.subarray(0, 50));
  const feed = await BatchFeed.open({ folder: '.' }, folder, {}, { ...spec, batch: 1, workers: 1 });
  open.push(feed);
  await expect(all(feed.epoch(0))).rejects.toMatchObject({
    code: 'training-data-invalid',
    message: expect.stringContaining(join('dog', '2.png')),
  });
  expect(await all(feed.examples(Int32Array.of(0, 1)))).toHaveLength(2);
  rmSync(folder, { recursive: true });
});

test.each([
  [{ augment: [{ RandomResizedCorp: {} }] }, /RandomResizedCrop/],
  [{ augment: [{ RandomResizedCrop: { scales: [0.1, 1] } }] }, /did you mean "scale"/],
  [{ augment: [{ RandomResizedCrop: { scale: [0.9, 0.1] } }] }, /RandomResizedCrop.scale/],
  [{ augment: [{ RandomHorizontalFlip: { p: 2 } }] }, /p/],
  [{ side: 0 }, /side/],
])('a wrong spec is refused: %j', async (changes, message) => {
  await expect(feedOf(changes as Partial<FeedSpec>)).rejects.toMatchObject({
    code: 'recipe-invalid',
    message: expect.stringMatching(message),
  });
});

test('a batch larger than memory and a part outside the set are refused', async () => {
  await expect(feedOf({ batch: 4096, side: 1024 })).rejects.toMatchObject({
    code: 'memory-exceeded',
  });
  await expect(feedOf({}, { indices: Int32Array.of(40) })).rejects.toMatchObject({
    code: 'training-data-invalid',
  });
});

test('a picture too large to be worked on in its own size is refused', async () => {
  const set = smallSet({ count: 4 });
  const huge = { pixels: new Uint8Array(2 ** 13 * 2 ** 13 * 3), width: 2 ** 13, height: 2 ** 13 };
  const feed = BatchFeed.of({ ...set, picture: async () => ({ ...huge, label: 0 }) }, {}, spec);
  await expect(all(feed.epoch(0))).rejects.toMatchObject({
    code: 'training-data-invalid',
    message: expect.stringMatching(/^Image \d of the set: It has 8192 × 8192 pixels/),
  });
});

test('pictures that end in another size are refused', async () => {
  const feed = await feedOf({ augment: [{ Resize: { size: 20 } }] });
  await expect(all(feed.epoch(0))).rejects.toMatchObject({
    code: 'recipe-invalid',
    message: expect.stringContaining('20 × 20'),
  });
  const cropped = await feedOf({ augment: [{ Resize: { size: 20 } }, { CenterCrop: {} }] });
  expect(await all(cropped.epoch(0))).toHaveLength(10);
});
