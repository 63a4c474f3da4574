import { readFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../src/screen/decode.js';
import { decodePlainPng } from '../../src/screen/decode-png.js';
import { oraclePath } from '../oracle.js';
import { noise } from './raster.js';

const png = readFileSync(oraclePath('06-screen/source/RGB_21x13_2.png'));

/** An image of noise, so that a damaged file does not decode by luck. */
function encoder(channels: 1 | 3 | 4) {
  const { width, height, data } = noise(48, 40, channels);
  return sharp(data, { raw: { width, height, channels } });
}

const corrupt = (name: string) =>
  expect.objectContaining({ code: 'image-corrupt', message: expect.stringContaining(name) });

/** The chunk of a PNG file with the given type: offset of its length field. */
function chunk(file: Buffer, type: string): number {
  const at = file.indexOf(type, 0, 'latin1');
  return at - 4;
}

/** One chunk of a PNG file. */
function chunkOf(type: string, data: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

/** A PNG file of 8 bits in which row y has the filter `filters[y]`, over bytes that are noise. */
function filteredPng(
  { width, type, channels }: { width: number; type: number; channels: number },
  filters: readonly number[],
  {
    before = [],
    after = [],
    tail = [],
  }: Partial<Record<'before' | 'after' | 'tail', Buffer[]>> = {},
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(filters.length, 4);
  header.set([8, type], 8);
  const rows = filters.map((filter, y) =>
    Buffer.from([filter, ...noise(width, 1, channels, y + 7).data]),
  );
  const data = Buffer.concat([deflateSync(Buffer.concat(rows)), ...tail]);
  const half = data.length >> 1;
  return Buffer.concat([
    png.subarray(0, 8),
    chunkOf('IHDR', header),
    ...before,
    chunkOf('IDAT', data.subarray(0, half)),
    chunkOf('IDAT', data.subarray(half)),
    ...after,
    chunkOf('IEND', Buffer.alloc(0)),
  ]);
}

describe('a plain PNG file', () => {
  const everyFilter = Array.from({ length: 40 }, (_, y) => (y * 3) % 5);

  it.each([
    ['grey', { width: 21, type: 0, channels: 1 }],
    ['RGB', { width: 13, type: 2, channels: 3 }],
    ['RGBA', { width: 9, type: 6, channels: 4 }],
  ])('has the pixels that sharp reads, %s', async (_, kind) => {
    const resolution = chunkOf('pHYs', Buffer.from([0, 0, 1, 0, 0, 0, 1, 0, 1]));
    const said = chunkOf('tEXt', Buffer.from('Software\0test', 'latin1'));
    for (const before of [[], [resolution, said]]) {
      const file = filteredPng(kind, everyFilter, { before });
      const pipeline = kind.channels === 1 ? sharp(file).toColourspace('b-w') : sharp(file);
      const wanted = await pipeline.raw().toBuffer();
      expect(new Set(wanted).size).toBeGreaterThan(100);
      expect(await decodePlainPng(file, { width: kind.width, height: 40 })).toEqual(
        new Uint8Array(wanted),
      );
      expect((await decodeImage(file, 'plain.png')).data).toEqual(new Uint8Array(wanted));
    }
  });

  const rgb = { width: 13, type: 2, channels: 3 };
  const empty = (length: number) => Buffer.alloc(length);
  it.each([
    ['a filter that does not exist', filteredPng(rgb, [0, 5, 0]), 3],
    ['a row too many', filteredPng(rgb, [0, 1, 2]), 2],
    ['a row too few', filteredPng(rgb, [0, 1, 2]), 4],
    ['bytes behind its data', filteredPng(rgb, [0], { tail: [Buffer.from('more')] }), 1],
    ['a chunk after its data', filteredPng(rgb, [0], { after: [chunkOf('pHYs', empty(9))] }), 1],
    ['transparency', filteredPng(rgb, [0], { before: [chunkOf('tRNS', empty(6))] }), 1],
    ['a profile', filteredPng(rgb, [0], { before: [chunkOf('iCCP', empty(9))] }), 1],
    ['bytes behind its end', Buffer.concat([filteredPng(rgb, [0]), Buffer.from('more')]), 1],
    ['a palette', filteredPng({ width: 13, type: 3, channels: 1 }, [0]), 1],
    ['no header', Buffer.concat([png.subarray(0, 8), chunkOf('IDAT', empty(30))]), 1],
  ])('is left to sharp with %s', async (_, file, height) => {
    expect(await decodePlainPng(file, { width: 13, height })).toBe(undefined);
  });

  it('is left to sharp wherever a byte was changed', async () => {
    const file = filteredPng(rgb, everyFilter.slice(0, 6));
    for (let at = 8; at < file.length; at++) {
      const damaged = Buffer.from(file);
      damaged[at] ^= 0x41;
      expect(await decodePlainPng(damaged, { width: 13, height: 6 })).toBe(undefined);
    }
  });
});

describe('decodeImage', () => {
  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['text', Buffer.from('not a picture at all, just some words')],
    ['a PNG cut in its header', png.subarray(0, 20)],
    ['a PNG cut in its pixels', png.subarray(0, png.length - 60)],
    ['a GIF', Buffer.from('GIF89a\x01\x00\x01\x00\x00\x00\x00;', 'latin1')],
  ])('refuses %s and names it', async (what, bytes) => {
    await expect(decodeImage(bytes, `${what}.png`)).rejects.toThrowError(corrupt(`${what}.png`));
  });

  it('refuses a JPEG that is cut short, overwritten in the middle, or ends before its picture', async () => {
    const jpeg = await encoder(3).jpeg().toBuffer();
    await expect(decodeImage(jpeg, 'whole.jpg')).resolves.toMatchObject({ mode: 'RGB' });
    const half = jpeg.subarray(0, jpeg.length >> 1);
    await expect(decodeImage(half, 'half.jpg')).rejects.toThrowError(corrupt('half.jpg'));
    await expect(decodeImage(jpeg.subarray(0, 40), 'head.jpg')).rejects.toThrowError(
      corrupt('head.jpg'),
    );
    const middle = jpeg.length >> 1;
    const damaged = Buffer.from(jpeg).fill(0xff, middle, middle + 200);
    await expect(decodeImage(damaged, 'damaged.jpg')).rejects.toThrowError(corrupt('damaged.jpg'));
    const random = Buffer.from(jpeg);
    random.set(noise(400, 1, 1, 7).data, middle);
    await expect(decodeImage(random, 'random.jpg')).rejects.toThrowError(corrupt('random.jpg'));
  });

  it('reads a JPEG with junk between its segments, as Pillow does', async () => {
    const jpeg = await encoder(3).jpeg().toBuffer();
    const first = 4 + jpeg.readUInt16BE(4) - 2 + 2;
    const junk = Buffer.concat([jpeg.subarray(0, first), Buffer.alloc(9), jpeg.subarray(first)]);
    expect(await decodeImage(junk, 'junk.jpg')).toEqual(await decodeImage(jpeg, 'whole.jpg'));
  });

  it('refuses a PNG whose pixels were changed', async () => {
    const damaged = Buffer.from(png);
    damaged[chunk(damaged, 'IDAT') + 40] ^= 0x55;
    await expect(decodeImage(damaged, 'flip.png')).rejects.toThrowError(corrupt('flip.png'));
  });

  it('refuses CMYK, 16-bit grey and pictures beyond the limit', async () => {
    const cmyk = await encoder(3).toColourspace('cmyk').jpeg().toBuffer();
    await expect(decodeImage(cmyk, 'cmyk.jpg')).rejects.toThrowError(/CMYK/);
    const grey = await encoder(1).toColourspace('grey16').png().toBuffer();
    await expect(decodeImage(grey, 'grey16.png')).rejects.toThrowError(/16 bits/);
    const huge = Buffer.from(png);
    huge.writeUInt32BE(0x10000, 16);
    huge.writeUInt32BE(0x10000, 20);
    await expect(decodeImage(huge, 'huge.png')).rejects.toThrowError(/65536 × 65536/);
    const none = Buffer.from(png);
    none.writeUInt32BE(0, 16);
    await expect(decodeImage(none, 'none.png')).rejects.toThrowError(corrupt('none.png'));
  });

  it('reads grey and progressive JPEG as Pillow names them', async () => {
    const grey = await encoder(1).toColourspace('b-w').jpeg({ progressive: true }).toBuffer();
    const got = await decodeImage(grey, 'grey.jpg');
    expect(got).toMatchObject({ mode: 'L', channels: 1, width: 48, height: 40 });
    expect(got.data).toHaveLength(48 * 40);
  });

  it('keeps the high byte of 16-bit colour', async () => {
    const eight = noise(12, 9, 3);
    const words = Uint16Array.from(eight.data, (value, i) => value * 256 + ((i * 37) % 256));
    const raw = { width: 12, height: 9, channels: 3 } as const;
    const file = await sharp(words, { raw }).toColourspace('rgb16').png().toBuffer();
    expect(file[24]).toBe(16);
    const got = await decodeImage(file, 'deep.png');
    expect(got.mode).toBe('RGB');
    expect(got.data).toEqual(eight.data);
  });

  it('takes no notice of a colour profile, gamma or EXIF orientation', async () => {
    const { data } = noise(48, 40, 3);
    const profiled = await encoder(3).withIccProfile('p3').png().toBuffer();
    const plain = await encoder(3).png().toBuffer();
    expect((await decodeImage(plain, 'plain.png')).data).toEqual(data);
    const stored = await sharp(profiled, { ignoreIcc: true }).raw().toBuffer();
    expect(Array.from((await decodeImage(profiled, 'p3.png')).data)).toEqual(Array.from(stored));
    const turned = await encoder(3).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await decodeImage(turned, 'turned.jpg')).toMatchObject({ width: 48, height: 40 });
  });

  it('drops the transparency that sharp adds to a palette', async () => {
    const { width, height, data } = noise(16, 16, 4);
    const file = await sharp(data, { raw: { width, height, channels: 4 } })
      .png({ palette: true, colours: 16 })
      .toBuffer();
    const got = await decodeImage(file, 'palette.png');
    expect(got).toMatchObject({ mode: 'P', channels: 3 });
    const { data: shown, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
    expect(info.channels).toBe(4);
    expect(Array.from(got.data)).toEqual(Array.from(shown).filter((_, i) => i % 4 !== 3));
  });
});
