import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, expect, test } from 'vitest';
import { imagenetCard } from '../../../src/activations/card/card.js';
import { seenImage } from '../../../src/activations/stimuli/seen-image.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-seen-'));
afterAll(() => rmSync(root, { recursive: true }));

test('what a network that takes blue first sees is shown red first', async () => {
  const path = join(root, 'one.png');
  const create = { width: 8, height: 8, channels: 3, background: '#c86432' } as const;
  await sharp({ create }).png().toFile(path);
  const input = { ...imagenetCard.input, channels: 'BGR' } as const;
  const { png } = await seenImage(path, { ...imagenetCard, input });
  const pixels = await sharp(png).raw().toBuffer();
  expect([...pixels.subarray(0, 3)]).toEqual([0xc8, 0x64, 0x32]);
});

test('a folder is no image, and frames are told of', async () => {
  await expect(seenImage(root, imagenetCard)).rejects.toMatchObject({
    code: 'bad-usage',
    message: `${root}: expected an image; of a clip one of its frames, found a folder`,
  });
});
