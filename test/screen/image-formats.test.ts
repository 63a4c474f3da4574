import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { decodeImage } from '../../src/screen/decode.js';
import { noise } from './raster.js';

const folder = join(import.meta.dirname, '../fixtures/images');
const bytesOf = (name: string) => readFileSync(join(folder, name));

interface Expected {
  readonly mode: string;
  readonly width: number;
  readonly height: number;
  readonly data: string;
}
const expected: Record<string, Expected> = JSON.parse(bytesOf('expected.json').toString());

describe('the pixels that Pillow reads', () => {
  it.each(Object.keys(expected))('of %s', async (name) => {
    const { data, ...rest } = await decodeImage(bytesOf(name), name);
    const { data: pixels, ...header } = expected[name];
    expect(rest).toMatchObject(header);
    expect([...data]).toEqual([...Buffer.from(pixels, 'base64')]);
  });

  it('of a file whatever its name says', async () => {
    expect(await decodeImage(bytesOf('rgb.bmp'), 'photo.jpg')).toMatchObject({ mode: 'RGB' });
  });
});

describe('what has no one reading as 8-bit pixels is refused by name:', () => {
  const words: Record<string, RegExp> = {
    'refused-16.tif': /grey TIFF of 16 bits a sample/,
    'refused-float.tif': /floating-point/,
    'refused-cmyk.tif': /CMYK/,
    'refused-ycbcr.tif': /YCbCr/,
    'refused-lab.tif': /CIELab/,
    'refused-premultiplied.tif': /multiplied by alpha/,
    'refused-pages.tif': /several pages/,
    'refused-turned.tif': /orientation 6/,
    'refused-jpeg.tif': /JPEG compression/,
    'refused-rle.bmp': /RLE/,
    'refused-masks.bmp': /bit fields/,
    'refused-animated.webp': /animated/,
  };
  it.each(readdirSync(folder).filter((name) => name.startsWith('refused')))('%s', async (name) => {
    await expect(decodeImage(bytesOf(name), name)).rejects.toMatchObject({
      code: 'image-corrupt',
      message: expect.stringMatching(words[name]),
    });
  });
});

/** A copy with 32-bit little-endian words written at offsets. */
function patched(name: string, words: Record<number, number>): Buffer {
  const bytes = Buffer.from(bytesOf(name));
  for (const [at, word] of Object.entries(words)) bytes.writeUInt32LE(word, Number(at));
  return bytes;
}

describe('hostile files', () => {
  it('with sizes beyond the limit are refused before anything is allocated', async () => {
    await expect(
      decodeImage(patched('rgb.bmp', { 18: 0x7fffffff, 22: 0x7fffffff }), 'bomb.bmp'),
    ).rejects.toThrow(/2147483647 × 2147483647 pixels/);
    await expect(
      decodeImage(patched('rgbx-v5.bmp', { 18: 16000, 22: 11000 }), 'short.bmp'),
    ).rejects.toThrow(/ends inside its pixels/);
    const tiff = patched('rgb-raw.tif', {});
    for (let at = tiff.readUInt32LE(4) + 2; at < tiff.length - 12; at += 12) {
      if ([256, 257].includes(tiff.readUInt16LE(at))) {
        tiff.writeUInt16LE(4, at + 2);
        tiff.writeUInt32LE(0xfffffff0, at + 8);
      }
    }
    await expect(decodeImage(tiff, 'bomb.tif')).rejects.toThrow(/pixels \(at least 1/);
    const webp = bytesOf('rgb-lossy.webp');
    const extended = Buffer.concat([
      webp.subarray(0, 12),
      Buffer.from('VP8X'),
      Buffer.from([10, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255]),
      webp.subarray(12),
    ]);
    await expect(decodeImage(extended, 'bomb.webp')).rejects.toThrow(/16777216 × 16777216/);
  });

  it('whose palette lacks a colour', async () => {
    await expect(decodeImage(patched('p.bmp', { 46: 3 }), 'p.bmp')).rejects.toThrow(
      /in a palette of 3|palette/,
    );
  });

  it('cut anywhere, or with bytes changed, decode or are refused with their name', async () => {
    const names = Object.keys(expected).filter((name) => bytesOf(name).length < 3000);
    let refused = 0;
    for (const [i, name] of names.entries()) {
      const whole = bytesOf(name);
      const random = noise(600, 1, 1, i + 1).data;
      for (let k = 0; k < 12; k++) {
        const bytes = Buffer.from(whole.subarray(0, k < 4 ? (whole.length * k) >> 2 : undefined));
        for (let b = 0; k >= 4 && b < 5; b++) {
          const at =
            (random[20 * k + 3 * b] * 256 + random[20 * k + 3 * b + 1]) %
            (k < 9 ? 64 : whole.length);
          bytes[Math.min(at, whole.length - 1)] = random[20 * k + 3 * b + 2];
        }
        const outcome = await decodeImage(bytes, name).catch((error: unknown) => error);
        if (outcome instanceof VentralError) {
          expect(outcome).toMatchObject({ code: 'image-corrupt' });
          expect(outcome.message).toContain(name);
          expect(outcome.message.length).toBeLessThan(1000);
          refused++;
        } else expect(outcome).toMatchObject({ width: expect.any(Number) });
      }
    }
    expect(refused).toBeGreaterThan(4 * names.length);
  });
});
