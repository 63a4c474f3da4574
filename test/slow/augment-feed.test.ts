import { expect, test } from 'vitest';
import { BatchFeed } from '../../src/training/augment/batch-feed.js';
import type { TransformSpec } from '../../src/training/augment/training-batch.js';
import { mixSchema, transformSchema } from '../../src/training/augment/transforms.js';

const generated = { generate: 'objects-on-backgrounds', seed: 2, count: 96, side: 64 } as const;
const names = Object.keys(transformSchema.properties).filter(
  (name) => !['Resize', 'CenterCrop'].includes(name),
);

async function bits(workers: number, mix: TransformSpec): Promise<Buffer[]> {
  const feed = await BatchFeed.open(
    generated,
    '.',
    {},
    {
      side: 48,
      batch: 16,
      augment: names.map((name) => ({ [name]: {} })),
      mix,
      label_smoothing: 0.1,
      seed: 7,
      workers,
    },
  );
  const found: Buffer[] = [];
  for (const epoch of [0, 1]) {
    for await (const { pictures, targets } of feed.epoch(epoch))
      found.push(Buffer.from(pictures.buffer), Buffer.from(targets.buffer));
  }
  for await (const { pictures } of feed.examples()) found.push(Buffer.from(pictures.buffer));
  await feed.close();
  return found;
}

test.each(Object.keys(mixSchema.properties))(
  'all transformations and %s: the same bits with 0, 2 and 5 workers',
  async (name) => {
    const expected = await bits(0, { [name]: {} });
    for (const workers of [2, 5]) {
      const found = await bits(workers, { [name]: {} });
      expect(found.length).toBe(expected.length);
      expect(found.every((each, i) => each.equals(expected[i]))).toBe(true);
    }
  },
);
