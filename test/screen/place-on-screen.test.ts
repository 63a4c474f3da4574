import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../src/screen/decode.js';
import { channelsOf, type Picture, toThreeChannels } from '../../src/screen/picture.js';
import {
  pixelsOnScreen,
  placement,
  placeOnScreen,
  sourceDegrees,
} from '../../src/screen/place-on-screen.js';
import { numbers, oracle, oraclePath } from '../oracle.js';
import { noise } from './raster.js';

const screen = oracle('06-screen/screen.json');
const folder = '06-screen';

const decodeFixture = (file: string) =>
  decodeImage(readFileSync(oraclePath(`${folder}/${file}`)), file);

/** Pixels of an image as the oracle writes them: 0 and 1 for mode `1`, the rest as decoded. */
function wanted(decoded: Record<string, never>): { mode: string; values: number[] } {
  const pixels = decoded.pixels ?? decoded.palette_resolved_rgb ?? decoded.pixels_0_or_1;
  const scale = decoded.pixels_0_or_1 ? 255 : 1;
  return { mode: decoded.mode, values: Array.from(numbers(pixels), (value) => value * scale) };
}

const seen = (picture: Picture) => ({ mode: picture.mode, values: Array.from(picture.data) });

describe('decodeImage', () => {
  for (let i = 0; i < screen.sources.length; i++) {
    const { file, width, height, decoded } = screen.sources[i];
    it(`gives Pillow's mode and pixels of ${file}`, async () => {
      const picture = await decodeFixture(file);
      expect([picture.width, picture.height]).toEqual([width, height]);
      expect(seen(picture)).toEqual(wanted(decoded));
    });
  }
});

describe('placeOnScreen', () => {
  for (let i = 0; i < screen.cases.length; i++) {
    const {
      name,
      target_degrees: target,
      source_degrees,
      degrees_column,
      images,
    } = screen.cases[i];
    it(`is the reference's to the pixel, case ${i} ${name}`, async () => {
      const column = degrees_column ?? undefined;
      const degrees = sourceDegrees(images.length, {
        benchmark: source_degrees ?? undefined,
        column,
      });
      for (let k = 0; k < images.length; k++) {
        const want = images[k];
        const picture = await decodeFixture(screen.sources[k].file);
        const got = placeOnScreen(picture, { target, source: degrees[k] });
        expect([got.width, got.height], want.file_name).toEqual([want.width, want.height]);
        if (want.unchanged_file) {
          expect(got).toBe(picture);
          continue;
        }
        expect(seen(got), want.file_name).toEqual(wanted(want.decoded));
        expect(seen(await decodeFixture(want.file)), want.file).toEqual(seen(got));
        const place = placement(picture.width, picture.height, { target, source: degrees[k] });
        expect(place.left).toBe(want.offset_left);
        expect(place.top).toBe(want.offset_top);
      }
    });
  }

  it('has the same pixels on a canvas that others had before', () => {
    const pictures = [
      ...[noise(9, 7, 3, 1), noise(9, 7, 3, 2), noise(9, 7, 1, 3), noise(7, 9, 3, 4)],
      ...[noise(9, 7, 4, 5), noise(9, 7, 3, 6)],
    ];
    const modes = ['RGB', 'RGB', 'L', 'RGB', 'RGBA', 'RGB'] as const;
    for (const target of [8, 11, 8])
      pictures.forEach((raster, i) => {
        const picture = { ...raster, mode: modes[i] };
        const degrees = { target, source: 5 };
        const shared = pixelsOnScreen(picture, degrees, { shared: true });
        expect(shared).toEqual(pixelsOnScreen(picture, degrees));
      });
  });

  it('has the geometry of the table', () => {
    for (let i = 0; i < screen.geometry.length; i++) {
      const row = screen.geometry[i];
      const { target, source, operation } = row;
      const got = placement(row.width, row.height, { target, source });
      const want = {
        width: row.target_width,
        height: row.target_height,
        left: row.left,
        top: row.top,
      };
      expect({ ...got, operation: undefined }).toEqual({ ...want, operation: undefined });
      if (got.operation !== 'none') expect(got.operation).toBe(operation);
      else expect([got.left, got.top]).toEqual([0, 0]);
    }
  });

  it('keeps every pixel of a stimulus that it pastes, on grey', () => {
    const side = fc.integer({ min: 1, max: 24 });
    fc.assert(
      fc.property(side, side, fc.integer({ min: 4, max: 12 }), (width, height, target) => {
        const picture: Picture = { ...noise(width, height, 3, width * 31 + height), mode: 'RGB' };
        const got = placeOnScreen(picture, { target, source: 4 });
        const back = placeOnScreen(got, { target: 4, source: 4 });
        const { left, top } = placement(width, height, { target, source: 4 });
        let sum = 0;
        for (let y = 0; y < height; y++) {
          const from = ((top + y) * got.width + left) * 3;
          const row = got.data.subarray(from, from + width * 3);
          expect(Array.from(row)).toEqual(
            Array.from(picture.data.subarray(y * width * 3, (y + 1) * width * 3)),
          );
          for (const value of row) sum += value;
        }
        const outside = (got.width * got.height - width * height) * 3 * 128;
        expect(back.data.reduce((total, value) => total + value, 0)).toBe(sum + outside);
      }),
    );
  });

  it.each(['1', 'L', 'LA', 'P', 'RGB', 'RGBA'] as const)(
    'has the pixels of pixelsOnScreen, where one grey channel stands for three, mode %s',
    (mode) => {
      const picture: Picture = { ...noise(9, 7, channelsOf[mode]), mode };
      for (const target of [2, 4, 7]) {
        const got = pixelsOnScreen(picture, { target, source: 4 });
        const want = placeOnScreen(picture, { target, source: 4 });
        const { mode: _, ...pixels } = want;
        const three = target > 4 ? toThreeChannels(got) : got;
        expect({ ...pixels, data: three.data, channels: three.channels }).toEqual(pixels);
        expect([got.width, got.height]).toEqual([want.width, want.height]);
      }
    },
  );

  it.each([
    [0, 8],
    [8, 0],
    [-1, 4],
    [Number.NaN, 4],
    [0.01, 8],
    [9000, 0.001],
  ])('refuses target %d with source %d degrees', (target, source) => {
    const picture: Picture = { ...noise(40, 40, 3), mode: 'RGB' };
    expect(() => placeOnScreen(picture, { target, source })).toThrowError(
      expect.objectContaining({ code: 'degrees-mismatch' }),
    );
  });
});

describe('sourceDegrees', () => {
  const given: Record<string, { benchmark?: number; column?: number[] }> = {
    no_degrees_given: {},
    both_given: { benchmark: 4, column: [4, 4] },
  };
  for (let i = 0; i < screen.errors.length; i++) {
    const { name, error } = screen.errors[i];
    it(`fails as the reference does: ${name}`, () => {
      expect(error.type).toBe('AssertionError');
      expect(() => sourceDegrees(2, given[name] ?? { benchmark: 1 })).toThrowError(
        expect.objectContaining({ code: 'degrees-mismatch' }),
      );
    });
  }

  it('repeats the one of the benchmark, and takes the column as it is', () => {
    expect(sourceDegrees(3, { benchmark: 8 })).toEqual([8, 8, 8]);
    expect(sourceDegrees(2, { column: [4, 8] })).toEqual([4, 8]);
  });

  it.each([[[4, 0]], [[4]], [[4, Number.NaN]]])(
    'refuses the column %j for two stimuli',
    (column) => {
      expect(() => sourceDegrees(2, { column })).toThrowError(
        expect.objectContaining({ code: 'degrees-mismatch' }),
      );
    },
  );
});
